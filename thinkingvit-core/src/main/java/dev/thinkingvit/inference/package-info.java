/** Elastic inference: think with a few heads, stop when sure, else think harder. */
@NullMarked
package dev.thinkingvit.inference;

import org.jspecify.annotations.NullMarked;
