package dev.thinkingvit.eval;

import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.ValidLabels;
import dev.thinkingvit.inference.StageOutcome;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How what a stage said of an image fares beside what was wanted: an evaluation's counterpart of what a training descends
 * on. The {@link Recorder} keeps it, and knows nothing else of targets; thresholds, sweeps and validations count what is
 * kept. Called on one thread at a time.
 */
@FunctionalInterface
public interface Score {
    /**
     * Scores one stage of one image.
     *
     * @throws IllegalStateException if the network predicts something that this score cannot read
     */
    Fared of(StageOutcome stage, Wanted wanted);

    /**
     * What was wanted.
     *
     * @param sample the picture: a score that wants more than classes finds it by that
     * @param labels the right classes, at least one
     */
    record Wanted(Sample sample, List<Integer> labels) {
        public Wanted {
            labels = List.copyOf(labels);
        }
    }

    /**
     * How it fared.
     *
     * @param predicted the most probable class; {@link #NO_CLASS} where no class is predicted
     * @param probability of it, among the classes that may be predicted: 0–1
     * @param score how much of what was wanted it gave, 0–1: 1 or 0 for a class, a share where predictions are more or less
     *     right, such as an image's intersection over union. Sweeps and validations average it over images, so that what is
     *     summed over a whole set before it is divided is not one
     * @param right whether the prediction counts as right, where images are counted
     * @param nearlyRight whether it does where less is asked, such as a right class among the five most probable
     * @param entropyNats Shannon entropy of the prediction
     * @param loss of which less is better
     */
    record Fared(
            int predicted,
            double probability,
            double score,
            boolean right,
            boolean nearlyRight,
            double entropyNats,
            double loss) {
        /** Instead of a class, where none is predicted. */
        public static final int NO_CLASS = -1;

        public Fared {
            if (!(score >= 0 && score <= 1)) {
                throw new IllegalArgumentException("a score must lie in [0, 1], got " + score);
            }
        }

        /** Either right or not, and nothing between. */
        public Fared(
                int predicted,
                double probability,
                boolean right,
                boolean nearlyRight,
                double entropyNats,
                double loss) {
            this(predicted, probability, right ? 1 : 0, right, nearlyRight, entropyNats, loss);
        }
    }

    /**
     * The field's scores of class logits: top-1, top-5, and the cross entropy of the right class in nats, of several right
     * ones the most probable's.
     *
     * @param valid the classes that may be predicted, or null for all
     */
    static Score ofClasses(@Nullable ValidLabels valid) {
        return new ClassScore(valid);
    }
}
