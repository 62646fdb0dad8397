/** Where models come from: a hub that speaks Hugging Face's protocol, the cache that it shares with other tools, and a model's card. */
@NullMarked
package dev.thinkingvit.store;

import org.jspecify.annotations.NullMarked;
