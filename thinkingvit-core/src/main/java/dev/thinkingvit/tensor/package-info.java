/**
 * What is outside Java's heap: arrays and tensors, loading libtorch and oneDNN, scopes, threads and errors, oneDNN's
 * programs.
 *
 * <p>The only room that knows JavaCPP's traps. Here stand the thread on which everything native is computed, the workers
 * that share out a batch, and what happens when the process exits. Knows no network: an operation that several layers need
 * goes here, a layer goes to {@code network}.
 */
@NullMarked
package dev.thinkingvit.tensor;

import org.jspecify.annotations.NullMarked;
