/**
 * Holding this code's numbers to recorded ones: activations, losses, gradients, updates.
 *
 * <p>Recordings are safetensors with a {@code config.json} beside them. What a recording of a new kind holds goes here;
 * where a number differs, the first tensor that does is named.
 */
@NullMarked
package dev.thinkingvit.verify;

import org.jspecify.annotations.NullMarked;
