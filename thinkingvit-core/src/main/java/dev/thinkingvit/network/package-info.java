/**
 * What networks are made of: parameters that say what they are, a vocabulary of layers, and who executes them.
 *
 * <p>Shapes, the slices of a stage, first weights, weight decay, precision and counts follow from the declaration of
 * parameters, never from a tensor's name. A forward pass is written over {@code Layers}; {@code TorchLayers} trains it,
 * {@code DnnlPlan} and {@code TorchStage} infer, {@code Cost} counts. Knows no architecture. A layer that no architecture
 * has needed yet goes into {@code Layers} and each executor; what is fast about a processor goes into its executor.
 */
@NullMarked
package dev.thinkingvit.network;

import org.jspecify.annotations.NullMarked;
