package dev.thinkingvit.inference;

import dev.thinkingvit.model.ClassScores;
import dev.thinkingvit.model.MaskScores;
import dev.thinkingvit.model.Prediction;
import java.util.Map;

/**
 * What one stage thought of one image.
 *
 * @param stage counted from 1
 * @param prediction what it said
 * @param measure the router's
 * @param entropyNats Shannon entropy of the prediction's probabilities
 * @param macs multiply-accumulates that this stage spent on the image
 * @param extras what else it said, by name; empty for most networks
 */
public record StageOutcome(
        int stage, Prediction prediction, double measure, double entropyNats, long macs, Map<String, float[]> extras) {

    public StageOutcome {
        extras = Map.copyOf(extras);
    }

    /**
     * The prediction of a network that tells classes apart.
     *
     * @throws IllegalStateException if it predicts something else
     */
    public ClassScores scores() {
        if (prediction instanceof ClassScores scores) {
            return scores;
        }
        throw new IllegalStateException("class scores are asked for, the model predicts "
                + prediction.getClass().getSimpleName()
                + (prediction instanceof MaskScores ? "; an ElasticSegmenter reads those" : ""));
    }

    /** Of the C classes. */
    public float[] logits() {
        return scores().logits();
    }

    /** Softmax of the logits, C values. */
    public float[] probabilities() {
        return scores().probabilities();
    }

    /** The most probable class. */
    public int label() {
        return scores().label();
    }
}
