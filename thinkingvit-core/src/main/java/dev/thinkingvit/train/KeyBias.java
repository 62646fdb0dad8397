package dev.thinkingvit.train;

import dev.thinkingvit.tensor.HostTensor;

/**
 * The keys' part of a {@code blocks.*.attn.qkv.bias} (3D), the middle third. It adds the same to all scores of a query,
 * which softmax does not see: its true gradient is 0, what is computed is rounding noise, and AdamW scales that noise to
 * steps of about the learning rate in either direction. No two implementations agree on it.
 */
final class KeyBias {
    private KeyBias() {}

    /** Whether a parameter has such a part. */
    static boolean isIn(String parameter) {
        return parameter.endsWith(".attn.qkv.bias");
    }

    /** The keys' part of two tensors of one shape (3D) set to 0 where both are finite, the rest as it was. */
    static Pair without(HostTensor first, HostTensor second) {
        float[] a = first.toFloats();
        float[] b = second.toFloats();
        for (int i = a.length / 3; i < a.length / 3 * 2; i++) {
            if (Float.isFinite(a[i]) && Float.isFinite(b[i])) {
                a[i] = 0;
                b[i] = 0;
            }
        }
        return new Pair(HostTensor.of(a, first.shape()), HostTensor.of(b, second.shape()));
    }

    record Pair(HostTensor first, HostTensor second) {}

    /** The largest absolute difference of the keys' parts of two tensors (3D); NaN if one is. */
    static double largestDifference(HostTensor first, HostTensor second) {
        float[] a = first.toFloats();
        float[] b = second.toFloats();
        double largest = 0;
        for (int i = a.length / 3; i < a.length / 3 * 2; i++) {
            largest = Math.max(largest, Math.abs((double) a[i] - b[i]));
        }
        return largest;
    }

    /** The largest absolute value in the keys' part of a tensor (3D). */
    static double largest(HostTensor tensor) {
        return largestDifference(tensor, HostTensor.of(new float[(int) tensor.elements()], tensor.shape()));
    }

    /**
     * How far a few steps of AdamW can carry a value that weight decay spares, whatever its gradients: the bound of Kingma
     * and Ba (2015, section 2.1), twice for the first steps, where bias correction exceeds it a little.
     */
    static double reach(AdamW.Options options, double learningRate, int steps) {
        double step = Math.max(1, (1 - options.beta1()) / Math.sqrt(1 - options.beta2()));
        return 2 * step * learningRate * steps;
    }
}
