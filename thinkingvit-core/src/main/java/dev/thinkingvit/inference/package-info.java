/**
 * Elastic inference: think with a few heads, stop when sure, else think harder. Plain Java in and out.
 *
 * <p>{@code ElasticClassifier} is what programs open; {@code ElasticEngine} runs the stages of any {@code Backbone} and asks
 * a {@code Router} after each. A new measure of certainty goes into {@code Routers}; a new way to read what a stage gives
 * beside {@code Features}; what is predicted is read by the network's {@code model.Readout}.
 */
@NullMarked
package dev.thinkingvit.inference;

import org.jspecify.annotations.NullMarked;
