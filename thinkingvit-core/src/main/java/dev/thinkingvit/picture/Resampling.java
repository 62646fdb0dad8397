package dev.thinkingvit.picture;

import java.util.Locale;

/** Interpolation kernels as PIL defines them; both are stretched when shrinking, which keeps the result free of aliasing. */
public enum Resampling {
    /** Triangle kernel, 2 samples wide. */
    BILINEAR(1.0) {
        @Override
        double weight(double x) {
            double distance = Math.abs(x);
            return distance < 1.0 ? 1.0 - distance : 0.0;
        }
    },
    /** Keys' cubic convolution with a = −0.5, 4 samples wide. */
    BICUBIC(2.0) {
        @Override
        double weight(double x) {
            double distance = Math.abs(x);
            if (distance < 1.0) {
                return ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1;
            }
            if (distance < 2.0) {
                return (((distance - 5) * distance + 8) * distance - 4) * A;
            }
            return 0.0;
        }
    };

    private static final double A = -0.5;

    private final double support;

    Resampling(double support) {
        this.support = support;
    }

    /** The kernel at a distance from its centre, in samples. */
    abstract double weight(double x);

    /** The distance from the centre beyond which the kernel is zero, in samples. */
    double support() {
        return support;
    }

    /**
     * What resizing a line of {@code in} samples to {@code out} does to it, as a matrix: PIL's weights, unrounded. Each
     * row sums to 1.
     *
     * @return (out, in), row after row
     */
    public float[] matrix(int in, int out) {
        double scale = (double) in / out;
        double stretch = Math.max(scale, 1.0);
        float[] matrix = new float[Math.multiplyExact(out, in)];
        double[] weights = new double[in];
        for (int i = 0; i < out; i++) {
            double centre = (i + 0.5) * scale;
            int low = Math.max((int) (centre - support * stretch + 0.5), 0);
            int high = Math.min((int) (centre + support * stretch + 0.5), in);
            double sum = 0;
            for (int k = low; k < high; k++) {
                weights[k] = weight((k - centre + 0.5) / stretch);
                sum += weights[k];
            }
            for (int k = low; k < high; k++) {
                matrix[i * in + k] = (float) (weights[k] / sum);
            }
        }
        return matrix;
    }

    /**
     * The kernel of a name as timm and PIL spell it ({@code bicubic}, {@code bilinear}).
     *
     * @throws IllegalArgumentException for any other name
     */
    public static Resampling named(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "bicubic" -> BICUBIC;
            case "bilinear" -> BILINEAR;
            default ->
                throw new IllegalArgumentException(
                        "Unknown interpolation '" + name + "': it must be bicubic or bilinear");
        };
    }
}
