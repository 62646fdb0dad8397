package dev.thinkingvit.inference;

import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The certainty measures of the field. */
public enum Routers implements Router {
    /** Shannon entropy −Σ p ln p over all classes, in nats (paper, section 3.3); sure when below the threshold. */
    ENTROPY {
        @Override
        public double measure(float[] probabilities) {
            return entropy(probabilities, 1);
        }
    },
    /** {@link #ENTROPY}, sure at the threshold too, as DynamicViT's published evaluation is. */
    ENTROPY_INCLUSIVE {
        @Override
        public double measure(float[] probabilities) {
            return ENTROPY.measure(probabilities);
        }

        @Override
        public boolean isSure(double measure, double threshold) {
            return measure <= threshold;
        }
    },
    /**
     * Entropy in nats of the ten largest probabilities, made to sum to 1 again; sure when below the threshold. All
     * published threshold tables of classification models use it.
     */
    ENTROPY_TOP10 {
        @Override
        public double measure(float[] probabilities) {
            if (probabilities.length <= TOP) {
                return entropy(probabilities, sum(probabilities));
            }
            float[] top = largest(probabilities, TOP);
            return entropy(top, sum(top));
        }
    },
    /** The largest probability; sure when above the threshold. */
    MAX_PROBABILITY {
        @Override
        public double measure(float[] probabilities) {
            return largest(probabilities, 1)[0];
        }

        @Override
        public boolean isSure(double measure, double threshold) {
            return measure > threshold;
        }
    },
    /** The largest probability less the second largest; sure when above the threshold. */
    MARGIN {
        @Override
        public double measure(float[] probabilities) {
            float[] top = largest(probabilities, 2);
            return top.length < 2 ? 1 : top[0] - top[1];
        }

        @Override
        public boolean isSure(double measure, double threshold) {
            return measure > threshold;
        }
    };

    private static final int TOP = 10;

    /** The router of that name, as configurations spell it. */
    public static Router named(String name) {
        Objects.requireNonNull(name, "the router's name is null");
        for (Routers router : values()) {
            if (router.id().equals(name)) {
                return router;
            }
        }
        throw new IllegalArgumentException("router must be one of "
                + Stream.of(values()).map(Routers::id).collect(Collectors.joining(", ")) + "; got " + name);
    }

    /** Whether a router of that name measures an entropy in nats. */
    public static boolean isEntropy(String id) {
        Objects.requireNonNull(id, "the router's id is null");
        return Stream.of(ENTROPY, ENTROPY_INCLUSIVE, ENTROPY_TOP10)
                .anyMatch(each -> each.id().equals(id));
    }

    @Override
    public boolean isSure(double measure, double threshold) {
        return measure < threshold;
    }

    @Override
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    static double entropy(float[] probabilities, double sum) {
        double entropy = 0;
        for (float p : probabilities) {
            if (p > 0) {
                double share = p / sum;
                entropy -= share * Math.log(share);
            }
        }
        return entropy;
    }

    private static double sum(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum;
    }

    /** The {@code count} largest values, descending. */
    private static float[] largest(float[] values, int count) {
        float[] top = new float[Math.min(count, values.length)];
        Arrays.fill(top, Float.NEGATIVE_INFINITY);
        for (float value : values) {
            if (value > top[top.length - 1]) {
                int i = top.length - 1;
                for (; i > 0 && top[i - 1] < value; i--) {
                    top[i] = top[i - 1];
                }
                top[i] = value;
            }
        }
        return top;
    }
}
