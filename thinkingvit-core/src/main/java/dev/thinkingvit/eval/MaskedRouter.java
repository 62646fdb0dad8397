package dev.thinkingvit.eval;

import dev.thinkingvit.data.ValidLabels;
import dev.thinkingvit.inference.Router;
import org.jspecify.annotations.Nullable;

/**
 * A router for data sets that cover only some of the model's classes: it measures the probabilities as they would be,
 * had the softmax been taken over those classes alone. The network then decides to stop by the same numbers that its
 * predictions come from.
 *
 * @param router what measures
 * @param valid the classes that may be predicted
 */
public record MaskedRouter(Router router, ValidLabels valid) implements Router {
    /** {@code router} itself where every class may be predicted. */
    public static Router of(Router router, @Nullable ValidLabels valid) {
        return valid == null ? router : new MaskedRouter(router, valid);
    }

    @Override
    public String id() {
        return router.id();
    }

    @Override
    public double measure(float[] probabilities) {
        return router.measure(masked(probabilities, valid));
    }

    @Override
    public boolean isSure(double measure, double threshold) {
        return router.isSure(measure, threshold);
    }

    /** The probabilities of the valid classes, made to sum to 1 again; the others are 0. A new array. */
    static float[] masked(float[] probabilities, ValidLabels valid) {
        double sum = 0;
        for (int i = 0; i < probabilities.length; i++) {
            sum += valid.contains(i) ? probabilities[i] : 0;
        }
        float[] masked = new float[probabilities.length];
        for (int i = 0; i < masked.length; i++) {
            if (valid.contains(i)) {
                // All valid classes may have been rounded to 0: nothing is known of them then.
                masked[i] = (float) (sum > 0 ? probabilities[i] / sum : 1.0 / valid.count());
            }
        }
        return masked;
    }
}
