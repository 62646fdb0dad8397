/** Training of nested networks. */
@NullMarked
package dev.thinkingvit.train;

import org.jspecify.annotations.NullMarked;
