package dev.thinkingvit.network;

import java.util.random.RandomGenerator;

/**
 * How a parameter starts before it has learned anything.
 *
 * @param kind of distribution
 * @param spread standard deviation, bound or value
 */
public record Start(Kind kind, double spread) {
    /** A distribution. */
    public enum Kind {
        /** Always {@code spread}. */
        CONSTANT,
        /** Around 0 with standard deviation {@code spread}. */
        NORMAL,
        /** Between −{@code spread} and {@code spread}. */
        UNIFORM
    }

    /** All zeros. */
    public static final Start ZEROS = new Start(Kind.CONSTANT, 0);

    /** All ones. */
    public static final Start ONES = new Start(Kind.CONSTANT, 1);

    /** Around 0. timm truncates at ±2, which at the usual deviation of 0.02 is a hundred deviations away. */
    public static Start normal(double std) {
        return new Start(Kind.NORMAL, std);
    }

    /** Uniform between −{@code bound} and {@code bound}. */
    public static Start uniform(double bound) {
        return new Start(Kind.UNIFORM, bound);
    }

    /** {@code count} values; constants draw nothing. */
    float[] draw(int count, RandomGenerator random) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float)
                    switch (kind) {
                        case CONSTANT -> spread;
                        case NORMAL -> spread * random.nextGaussian();
                        case UNIFORM -> random.nextDouble(-spread, spread);
                    };
        }
        return values;
    }
}
