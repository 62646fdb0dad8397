package dev.thinkingvit.model;

import java.util.function.ToDoubleFunction;

/** What a stage says of one image, as plain Java: {@link ClassScores}, or whatever else a {@link Readout} makes of it. */
public interface Prediction {
    /** The values as the stage gave them; not to be changed. */
    float[] values();

    /**
     * A measure of the probabilities that the prediction consists of; the mean of it where these are several, such as those
     * of each pixel.
     *
     * @param of given probabilities that sum to 1, which it must not change
     */
    double measure(ToDoubleFunction<float[]> of);

    /** Shannon entropy −Σ p ln p of the probabilities in nats; the mean where these are several. */
    default double entropyNats() {
        return measure(probabilities -> {
            double entropy = 0;
            for (float p : probabilities) {
                entropy -= p > 0 ? p * Math.log(p) : 0;
            }
            return entropy;
        });
    }
}
