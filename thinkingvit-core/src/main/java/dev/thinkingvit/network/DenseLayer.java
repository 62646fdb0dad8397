package dev.thinkingvit.network;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer as one product with a bias, with what is constant folded in.
 *
 * @param weight (out, in)
 * @param bias (out), zeros where the layer has none
 */
@SuppressWarnings("ArrayRecordComponent") // handed over to one caller; nobody's map key
record DenseLayer(float[] weight, float[] bias) {
    int inputs() {
        return weight.length / bias.length;
    }

    /**
     * A stage's part of a layer.
     *
     * @param factor of one value, by which the layer is multiplied; null for none
     * @param pattern (in, 1, f, f) by which inputs are spread before: the layer then has f · f times the outputs, those of
     *     a place of the pattern after the other; null for none
     * @param cut what the stage reads of a parameter, as arrays that may be written to
     */
    static DenseLayer of(
            Linear layer,
            @Nullable Parameter factor,
            @Nullable Parameter pattern,
            int stage,
            Function<Parameter, float[]> cut) {
        float[] stored = cut.apply(layer.weight());
        int out = Math.toIntExact(layer.outputs(stage));
        int in = stored.length / out;
        float[] weight = layer.isTransposed() ? turned(stored, in, out) : stored;
        Parameter shift = layer.bias();
        float[] bias = shift == null ? new float[out] : cut.apply(shift);
        if (factor != null) {
            float by = cut.apply(factor)[0];
            multiply(weight, by);
            multiply(bias, by);
        }
        if (pattern == null) {
            return new DenseLayer(weight, bias);
        }
        long[] shape = pattern.shape(stage);
        int places = Math.toIntExact(shape[2] * shape[3]);
        return new DenseLayer(spread(weight, out, in, cut.apply(pattern), places), repeated(bias, places));
    }

    private static void multiply(float[] values, float by) {
        for (int i = 0; i < values.length; i++) {
            values[i] *= by;
        }
    }

    /**
     * The layer behind a pattern that spreads each token over places: (places · out, in), place after place.
     *
     * @param weight (out, in)
     * @param pattern (in, places)
     */
    private static float[] spread(float[] weight, int out, int in, float[] pattern, int places) {
        float[] spread = new float[Math.multiplyExact(places, weight.length)];
        for (int place = 0; place < places; place++) {
            for (int row = 0; row < out; row++) {
                int target = (place * out + row) * in;
                for (int column = 0; column < in; column++) {
                    spread[target + column] = pattern[column * places + place] * weight[row * in + column];
                }
            }
        }
        return spread;
    }

    private static float[] repeated(float[] values, int times) {
        float[] repeated = new float[Math.multiplyExact(values.length, times)];
        for (int i = 0; i < times; i++) {
            System.arraycopy(values, 0, repeated, i * values.length, values.length);
        }
        return repeated;
    }

    /** (in, out) as (out, in). */
    private static float[] turned(float[] matrix, int in, int out) {
        float[] turned = new float[matrix.length];
        for (int i = 0; i < in; i++) {
            for (int o = 0; o < out; o++) {
                turned[o * in + i] = matrix[i * out + o];
            }
        }
        return turned;
    }
}
