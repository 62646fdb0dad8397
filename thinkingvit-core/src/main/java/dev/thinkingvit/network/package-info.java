/**
 * What networks are made of: parameters that say what they are. Shapes, the slices of a stage, first weights, weight decay,
 * precision and counts follow from their declaration, never from a tensor's name. Knows no architecture.
 */
@NullMarked
package dev.thinkingvit.network;

import org.jspecify.annotations.NullMarked;
