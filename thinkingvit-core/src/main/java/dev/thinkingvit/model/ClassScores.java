package dev.thinkingvit.model;

import java.util.Arrays;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * How much each class speaks for itself: {@code C} classes.
 *
 * @param logits C values
 * @param probabilities softmax of the logits, C values
 */
@SuppressWarnings("ArrayRecordComponent") // handed over to one caller; nobody's map key
public record ClassScores(float[] logits, float[] probabilities) implements Prediction {
    /** Of logits that stand among others'. */
    static ClassScores of(float[] values, int offset, int classes) {
        return new ClassScores(Arrays.copyOfRange(values, offset, offset + classes), softmax(values, offset, classes));
    }

    @Override
    public float[] values() {
        return logits;
    }

    @Override
    public double measure(ToDoubleFunction<float[]> of) {
        return of.applyAsDouble(probabilities);
    }

    /** The most probable class; of equal ones the first. */
    public int label() {
        int best = 0;
        for (int i = 1; i < probabilities.length; i++) {
            if (probabilities[i] > probabilities[best]) {
                best = i;
            }
        }
        return best;
    }

    /** The {@code count} most probable classes, the most probable first; equal ones by index. */
    public int[] top(int count) {
        // bits of floats that are not negative rise with them; behind those stands the index
        long[] order = new long[probabilities.length];
        Arrays.setAll(order, i -> (long) -Float.floatToIntBits(probabilities[i]) << Integer.SIZE | i);
        Arrays.sort(order);
        return Arrays.stream(order).limit(count).mapToInt(key -> (int) key).toArray();
    }

    /**
     * Probabilities of one image.
     *
     * @param logits of several, in rows
     * @param offset of its first
     * @param classes how many there are
     * @return {@code classes} values that sum to 1
     */
    public static float[] softmax(float[] logits, int offset, int classes) {
        Objects.requireNonNull(logits, "the logits are null");
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < classes; i++) {
            max = Math.max(max, logits[offset + i]);
        }
        double[] exponentials = new double[classes];
        double sum = 0;
        for (int i = 0; i < classes; i++) {
            exponentials[i] = Math.exp(logits[offset + i] - max);
            sum += exponentials[i];
        }
        float[] probabilities = new float[classes];
        for (int i = 0; i < classes; i++) {
            probabilities[i] = (float) (exponentials[i] / sum);
        }
        return probabilities;
    }
}
