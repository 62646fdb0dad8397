/** Measurements of the library against plainer ways to do the same, and against what the machine could do. */
@NullMarked
package dev.thinkingvit.benchmarks;

import org.jspecify.annotations.NullMarked;
