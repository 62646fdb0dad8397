/**
 * Architectures, one file each, written once over {@code network}; the model that is trained, the backbones that infer,
 * first weights.
 *
 * <p>A new architecture is a configuration ({@code NetworkConfig}), a network ({@code Network}), an {@code Architecture}
 * that says by which names it is found, and a line in {@code Architectures}. What
 * weights without a configuration say of it is a {@code WeightsReader}, what other libraries call it an {@code OtherLibraries}.
 * Knows no file and no JSON.
 */
@NullMarked
package dev.thinkingvit.model;

import org.jspecify.annotations.NullMarked;
