/** ONNX: exporting a model as one graph a stage, and running such graphs with ONNX Runtime. */
@NullMarked
package dev.thinkingvit.onnx;

import org.jspecify.annotations.NullMarked;
