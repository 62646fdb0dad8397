package dev.thinkingvit.inference;

/**
 * What one stage thought of one image.
 *
 * @param stage counted from 1
 * @param logits C values
 * @param probabilities softmax of the logits, C values
 * @param measure the router's
 * @param entropyNats Shannon entropy of the probabilities over all classes
 */
@SuppressWarnings("ArrayRecordComponent") // handed over to one caller; nobody's map key
public record StageOutcome(int stage, float[] logits, float[] probabilities, double measure, double entropyNats) {
    /** The most probable class. */
    public int label() {
        int best = 0;
        for (int i = 1; i < probabilities.length; i++) {
            if (probabilities[i] > probabilities[best]) {
                best = i;
            }
        }
        return best;
    }
}
