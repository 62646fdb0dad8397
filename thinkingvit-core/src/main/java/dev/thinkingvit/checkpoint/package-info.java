/**
 * Byte formats of weights: safetensors, {@code torch.save} in both formats, numpy's archives, several files that make one.
 *
 * <p>Reads into {@code HostTensor}s that read the file when they are used. Reading runs nothing: a pickle's objects become
 * plain Java or an {@code Opaque}. Which network the tensors are of, and what they are called elsewhere, is not known here
 * but in {@code store}. Another format goes here, and into {@code store.Checkpoints}, which tells them apart.
 */
@NullMarked
package dev.thinkingvit.checkpoint;

import org.jspecify.annotations.NullMarked;
