/**
 * ONNX: exporting a model as one graph a stage, and running such graphs with ONNX Runtime.
 *
 * <p>{@code OnnxLayers} is an executor of {@code network.Layers} whose values are nodes; no architecture is known here.
 */
@NullMarked
package dev.thinkingvit.onnx;

import org.jspecify.annotations.NullMarked;
