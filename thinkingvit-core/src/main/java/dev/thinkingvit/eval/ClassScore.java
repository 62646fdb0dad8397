package dev.thinkingvit.eval;

import dev.thinkingvit.data.ValidLabels;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StageOutcome;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a stage's class scores fare beside the right answers. Immutable. */
final class ClassScore implements Score {
    /** Predictions among which a right class counts for the second accuracy of the field. */
    private static final int TOP = 5;

    private final @Nullable ValidLabels valid;

    /** @param valid the classes that may be predicted, or null for all */
    ClassScore(@Nullable ValidLabels valid) {
        this.valid = valid;
    }

    @Override
    public Fared of(StageOutcome stage, Wanted wanted) {
        List<Integer> labels = wanted.labels();
        float[] probabilities =
                valid == null ? stage.probabilities() : MaskedRouter.masked(stage.probabilities(), valid);
        double entropyNats = valid == null ? stage.entropyNats() : Routers.ENTROPY.measure(probabilities);
        int predicted = best(probabilities);
        return new Fared(
                predicted,
                probabilities[predicted],
                labels.contains(predicted),
                labels.stream().anyMatch(label -> rank(probabilities, label) < TOP),
                entropyNats,
                crossEntropyNats(stage.logits(), labels));
    }

    /** From the logits, since a float's probability may have gone down to 0. */
    private double crossEntropyNats(float[] logits, List<Integer> labels) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.length; i++) {
            largest = mayBePredicted(i) ? Math.max(largest, logits[i]) : largest;
        }
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            sum += mayBePredicted(i) ? Math.exp(logits[i] - largest) : 0;
        }
        double right = Double.NEGATIVE_INFINITY;
        for (int label : labels) {
            right = mayBePredicted(label) ? Math.max(right, logits[label]) : right;
        }
        return largest + Math.log(sum) - right;
    }

    /** The most probable class; of equal ones the first. */
    private static int best(float[] probabilities) {
        int best = 0;
        for (int i = 1; i < probabilities.length; i++) {
            if (probabilities[i] > probabilities[best]) {
                best = i;
            }
        }
        return best;
    }

    /** How many classes come before {@code label} when they are sorted by falling probability; equal ones by index. */
    private int rank(float[] probabilities, int label) {
        if (!mayBePredicted(label)) {
            return Integer.MAX_VALUE;
        }
        int before = 0;
        for (int i = 0; i < probabilities.length; i++) {
            boolean higher =
                    probabilities[i] > probabilities[label] || (probabilities[i] == probabilities[label] && i < label);
            before += higher && mayBePredicted(i) ? 1 : 0;
        }
        return before;
    }

    private boolean mayBePredicted(int label) {
        return valid == null || valid.contains(label);
    }
}
