/**
 * Data-parallel processes: how they meet, sum tensors, notice that one of them died, and how a machine's worth of them is
 * started. Only {@code NativeGroup} and {@code ProcessGroup} touch native tensors; everything else is plain Java.
 */
@NullMarked
package dev.thinkingvit.distributed;

import org.jspecify.annotations.NullMarked;
