package dev.thinkingvit.network;

import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer in eight bits: {@code x} is taken for {@code (q − shift) / scale}, feature by feature, where {@code q} is
 * rounded to 0 … 255, and the weight for whole numbers within ±127 times a unit for each output. Steps between the values of
 * a feature differ, and are multiplied into the weight: a feature that is far larger than others would else leave them a few
 * steps only (Xiao et al., "SmoothQuant", 2023, section 4). How much of the difference the weight has to bear is chosen for
 * the least error that is to be expected. What rounding the weight adds to the mean of the outputs is taken from the bias.
 *
 * <p>{@code n} outputs, {@code c} features.
 *
 * @param scale (c) steps in 1
 * @param shift (c) where 0 goes
 * @param weight (n, c)
 * @param unit (n) what 1 of the sum of whole numbers is worth
 * @param bias (n) that goes with them
 */
@SuppressWarnings("ArrayRecordComponent") // handed over to one caller; nobody's map key
public record EightBits(float[] scale, float[] shift, byte[] weight, float[] unit, float[] bias) {
    private static final int STEPS = 255;
    private static final double MIDDLE = STEPS / 2.0;
    private static final int MOST = 127;

    /** Steps that differ as the ranges' powers do: 0 is one step for all, 1 gives each feature all steps. */
    private static final double[] POWERS = {0, 0.25, 0.5, 0.75, 1};

    private static final double LEAST_SHARE = 1e-4; // of the widest range: a feature that never changes has steps too

    /** How what goes into a linear layer is rounded. */
    public enum Rounding {
        /** With steps of each feature's own: what a norm leaves, which is multiplied by something anyway. */
        BY_FEATURE,
        /** With the same steps for all features, 0 being a whole number of them, which costs least: everything else. */
        EVEN
    }

    /**
     * What every executor computes of a stage's layer in eight bits; null if nothing is known of what goes into it, or its
     * weight is not cast.
     *
     * @param factor of one value, by which the layer is multiplied; null for none
     * @param pattern (in, 1, f, f) by which inputs are spread before: the layer then has f · f times the outputs, those of
     *     a place of the pattern after the other; null for none
     * @param weights all of the network's, of any float type
     * @throws IllegalArgumentException if the ranges are of another number of features
     */
    public static @Nullable EightBits of(
            Linear layer,
            @Nullable Parameter factor,
            @Nullable Parameter pattern,
            int stage,
            Map<String, HostTensor> weights,
            ActivationRanges ranges,
            Rounding rounding) {
        DenseLayer whole = DenseLayer.of(layer, factor, pattern, stage, parameter -> {
            HostTensor tensor = weights.get(parameter.name());
            if (tensor == null) {
                throw new NoSuchElementException("no tensor " + parameter.name());
            }
            return parameter.cut(stage, tensor);
        });
        return of(layer, stage, whole, ranges, rounding);
    }

    /** As it is, of a layer's whole. */
    static @Nullable EightBits of(
            Linear layer, int stage, DenseLayer whole, ActivationRanges ranges, Rounding rounding) {
        ActivationRanges.Features inputs = layer.weight().cast() ? ranges.of(stage, layer, whole.inputs()) : null;
        if (inputs == null) {
            return null;
        }
        return switch (rounding) {
            case BY_FEATURE -> of(whole.weight(), whole.bias(), inputs);
            case EVEN -> evenly(whole.weight(), whole.bias(), inputs);
        };
    }

    /**
     * @param weight (n, c)
     * @param bias (n)
     * @param inputs of c features
     */
    static EightBits of(float[] weight, float[] bias, ActivationRanges.Features inputs) {
        return rounded(weight, bias, inputs, best(weight, bias.length, inputs));
    }

    /** As {@link #of}, with the same steps for all features, and 0 a whole number of them from the least. */
    static EightBits evenly(float[] weight, float[] bias, ActivationRanges.Features inputs) {
        float least = 0;
        float greatest = 0;
        for (int c = 0; c < inputs.count(); c++) {
            least = Math.min(least, inputs.least()[c]);
            greatest = Math.max(greatest, inputs.greatest()[c]);
        }
        double[] steps = new double[inputs.count()];
        float[] shift = new float[steps.length];
        double step = least == greatest ? 1 : ((double) greatest - least) / STEPS;
        Arrays.fill(steps, step);
        Arrays.fill(shift, (float) Math.round(-least / step));
        return rounded(weight, bias, inputs.mean(), steps, shift);
    }

    private static double[] best(float[] weight, int outputs, ActivationRanges.Features inputs) {
        int features = inputs.count();
        double[] squares = new double[features]; // of a feature's weights
        for (int n = 0; n < outputs; n++) {
            for (int c = 0; c < features; c++) {
                double value = weight[n * features + c];
                squares[c] += value * value;
            }
        }
        double[] best = steps(inputs, POWERS[0]);
        double least = Double.POSITIVE_INFINITY;
        for (double power : POWERS) {
            double[] steps = steps(inputs, power);
            double error = error(weight, outputs, squares, inputs.variance(), steps);
            if (error < least) {
                least = error;
                best = steps;
            }
        }
        return best;
    }

    private static double[] steps(ActivationRanges.Features inputs, double power) {
        int features = inputs.count();
        double[] widths = new double[features];
        double widest = 0;
        for (int c = 0; c < features; c++) {
            widths[c] = (double) inputs.greatest()[c] - inputs.least()[c];
            widest = Math.max(widest, widths[c]);
        }
        double[] steps = new double[features];
        if (widest == 0) { // the same for all pictures
            Arrays.fill(steps, 1);
            return steps;
        }
        for (int c = 0; c < features; c++) {
            steps[c] = widest / STEPS * Math.pow(Math.max(widths[c] / widest, LEAST_SHARE), power);
        }
        return steps;
    }

    /** The outputs' expected squared error, twelvefold. */
    private static double error(float[] weight, int outputs, double[] squares, float[] variance, double[] steps) {
        int features = steps.length;
        double ofInputs = 0;
        double size = 0; // of the inputs, in steps
        float[] by = new float[features];
        for (int c = 0; c < features; c++) {
            ofInputs += squares[c] * steps[c] * steps[c];
            size += variance[c] / (steps[c] * steps[c]);
            by[c] = (float) steps[c];
        }
        double units = 0;
        for (int n = 0; n < outputs; n++) {
            double unit = largest(weight, n * features, by) / MOST;
            units += unit * unit;
        }
        return ofInputs + units * size;
    }

    private static float largest(float[] weight, int start, float[] by) {
        float largest = 0;
        for (int c = 0; c < by.length; c++) {
            largest = Math.max(largest, Math.abs(weight[start + c] * by[c]));
        }
        return largest;
    }

    private static EightBits rounded(float[] weight, float[] bias, ActivationRanges.Features inputs, double[] steps) {
        float[] shift = new float[steps.length];
        for (int c = 0; c < steps.length; c++) {
            double middle = ((double) inputs.least()[c] + inputs.greatest()[c]) / 2;
            shift[c] = (float) (MIDDLE - middle / steps[c]);
        }
        return rounded(weight, bias, inputs.mean(), steps, shift);
    }

    private static EightBits rounded(float[] weight, float[] bias, float[] means, double[] steps, float[] shift) {
        int features = steps.length;
        float[] scale = new float[features];
        float[] by = new float[features];
        double[] mean = new double[features]; // in steps
        for (int c = 0; c < features; c++) {
            scale[c] = (float) (1 / steps[c]);
            by[c] = (float) steps[c];
            mean[c] = means[c] / steps[c];
        }
        byte[] whole = new byte[weight.length];
        float[] unit = new float[bias.length];
        float[] moved = new float[bias.length];
        for (int n = 0; n < bias.length; n++) {
            int start = n * features;
            float largest = largest(weight, start, by);
            float one = largest == 0 ? 1 : largest / MOST;
            double atZero = 0; // what the sum of whole numbers is where all inputs are 0
            double missed = 0; // of the mean, by rounding
            for (int c = 0; c < features; c++) {
                float exact = weight[start + c] * by[c];
                int rounded = (int) (exact / one + (MOST + 1.5)) - (MOST + 1); // Math.round, in a few instructions
                whole[start + c] = (byte) rounded;
                atZero += rounded * (double) shift[c];
                missed += (exact - (double) one * rounded) * mean[c];
            }
            unit[n] = one;
            moved[n] = (float) (bias[n] - one * atZero + missed);
        }
        return new EightBits(scale, shift, whole, unit, moved);
    }
}
