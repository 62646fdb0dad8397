package dev.thinkingvit.verify;

import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.AdamW;
import java.util.BitSet;

/**
 * The values of a parameter whose gradient is nothing but rounding noise: at most {@link #LARGEST}, and not exactly 0 in
 * every step. AdamW divides a gradient by its own size, so that it makes steps of about the learning rate out of noise, in
 * either direction, and no two implementations agree on the weights there. So it is with the keys' third of every
 * {@code blocks.*.attn.qkv.bias}, which adds the same to all scores of a query and is not seen by softmax, and with single
 * values elsewhere. A value that has no gradient at all decays and does nothing else; it is none of them.
 */
final class RoundingNoise {
    /** The largest gradient that counts as noise. */
    static final double LARGEST = 1e-6;

    /** No value is left out. */
    static final RoundingNoise NONE = new RoundingNoise(new BitSet());

    private final BitSet places;

    private RoundingNoise(BitSet places) {
        this.places = places;
    }

    /**
     * @param recorded gradient of the first step, floating point
     * @param moved where a gradient that was computed here was not exactly 0, in any step: noise can cancel by luck
     */
    static RoundingNoise in(HostTensor recorded, BitSet moved) {
        float[] values = recorded.toFloats();
        BitSet places = new BitSet(values.length);
        for (int i = 0; i < values.length; i++) {
            places.set(i, Math.abs(values[i]) <= LARGEST && (values[i] != 0 || moved.get(i)));
        }
        return new RoundingNoise(places);
    }

    /** Adds the places of a gradient that are not exactly 0. */
    static void addMoved(HostTensor gradient, BitSet moved) {
        float[] values = gradient.toFloats();
        for (int i = 0; i < values.length; i++) {
            if (values[i] != 0) {
                moved.set(i);
            }
        }
    }

    /** How many values it touches. */
    int count() {
        return places.cardinality();
    }

    /** Two tensors of one shape, set to 0 where there is noise and both are finite, the rest as it was. */
    Pair without(HostTensor first, HostTensor second) {
        float[] a = first.toFloats();
        float[] b = second.toFloats();
        places.stream()
                .filter(i -> Float.isFinite(a[i]) && Float.isFinite(b[i]))
                .forEach(i -> a[i] = b[i] = 0);
        return new Pair(HostTensor.of(a, first.shape()), HostTensor.of(b, second.shape()));
    }

    record Pair(HostTensor first, HostTensor second) {}

    /** The largest absolute difference of two tensors of one shape where there is noise. */
    double largestDifference(HostTensor first, HostTensor second) {
        float[] a = first.toFloats();
        float[] b = second.toFloats();
        return places.stream()
                .mapToDouble(i -> Math.abs((double) a[i] - b[i]))
                .max()
                .orElse(0);
    }

    /** The largest absolute value where there is noise. */
    double largest(HostTensor tensor) {
        float[] zeros = new float[Math.toIntExact(tensor.elements())];
        return largestDifference(tensor, HostTensor.of(zeros, tensor.shape()));
    }

    /**
     * How far a few steps of AdamW can carry a value, whatever its gradients: the bound of Kingma and Ba (2015, section
     * 2.1), twice for the first steps, where bias correction exceeds it a little, and what decays.
     *
     * @param magnitude the largest absolute value before
     */
    static double reach(AdamW.Options options, double learningRate, int steps, double magnitude) {
        double step = Math.max(1, (1 - options.beta1()) / Math.sqrt(1 - options.beta2()));
        return learningRate * steps * (2 * step + options.weightDecay() * magnitude);
    }
}
