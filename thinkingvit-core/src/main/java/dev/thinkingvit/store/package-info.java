/** Where models come from: a hub that speaks Hugging Face's protocol, and the cache that it shares with other tools. */
@NullMarked
package dev.thinkingvit.store;

import org.jspecify.annotations.NullMarked;
