package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Between which values lies what goes into a network's linear layers, feature by feature, as pictures that came by have shown:
 * what must be known before products are computed in eight bits.
 *
 * <p>Threading: any number of threads may add and ask.
 */
public final class ActivationRanges {
    private static final int ROWS = 4; // of a tensor: least, greatest, mean, variance
    private static final String STAGE = "stage";

    private final Map<String, Seen> seen = new TreeMap<>(); // guarded by this

    /**
     * What was seen of a layer's inputs.
     *
     * @param least of each feature
     * @param greatest of each feature
     * @param mean of each feature
     * @param variance of each feature
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody's map key
    record Features(float[] least, float[] greatest, float[] mean, float[] variance) {
        int count() {
            return least.length;
        }
    }

    /** Sums of what comes by, or what a file said of them. */
    private static final class Seen {
        private final float[] least;
        private final float[] greatest;
        private final double[] sum;
        private final double[] squares;
        private long rows;

        Seen(int features) {
            least = new float[features];
            greatest = new float[features];
            Arrays.fill(least, Float.POSITIVE_INFINITY);
            Arrays.fill(greatest, Float.NEGATIVE_INFINITY);
            sum = new double[features];
            squares = new double[features];
        }

        Seen(Features read) {
            least = read.least;
            greatest = read.greatest;
            sum = new double[read.count()];
            squares = new double[read.count()];
            for (int i = 0; i < sum.length; i++) {
                sum[i] = read.mean[i];
                squares[i] = read.variance[i] + sum[i] * sum[i];
            }
            rows = 1;
        }

        void add(float[] values) {
            int features = least.length;
            for (int start = 0; start < values.length; start += features) {
                for (int i = 0; i < features; i++) {
                    float value = values[start + i];
                    least[i] = Math.min(least[i], value);
                    greatest[i] = Math.max(greatest[i], value);
                    sum[i] += value;
                    squares[i] += (double) value * value;
                }
            }
            rows += values.length / features;
        }

        Features features() {
            float[] mean = new float[least.length];
            float[] variance = new float[least.length];
            for (int i = 0; i < mean.length; i++) {
                double middle = sum[i] / rows;
                mean[i] = (float) middle;
                variance[i] = (float) Math.max(0, squares[i] / rows - middle * middle);
            }
            return new Features(least.clone(), greatest.clone(), mean, variance);
        }
    }

    private static String name(int stage, Linear layer) {
        return STAGE + stage + "." + layer.weight().name();
    }

    /**
     * Adds rows that go into a layer.
     *
     * @param stage from 1
     * @param values (rows, features)
     */
    synchronized void add(int stage, Linear layer, int features, float[] values) {
        seen.computeIfAbsent(name(stage, layer), name -> new Seen(features)).add(values);
    }

    /**
     * What is known of a layer's inputs; null if nothing is.
     *
     * @throws IllegalArgumentException if it is known of another number of features
     */
    synchronized @Nullable Features of(int stage, Linear layer, int features) {
        Seen known = seen.get(name(stage, layer));
        if (known == null) {
            return null;
        }
        if (known.least.length != features) {
            throw new IllegalArgumentException("ranges of " + name(stage, layer) + ": " + features
                    + " features are required, " + known.least.length + " came");
        }
        return known.features();
    }

    /** Whether nothing has been seen. */
    public synchronized boolean isEmpty() {
        return seen.isEmpty();
    }

    /** The weights of the layers of which something is known, by their names, each once and in order. */
    public synchronized List<String> weights() {
        return seen.keySet().stream()
                .map(name -> name.substring(name.indexOf('.') + 1))
                .distinct()
                .sorted()
                .toList();
    }

    /** (4, features) F32 for each layer: least, greatest, mean and variance. */
    public synchronized Map<String, HostTensor> tensors() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        seen.forEach((name, each) -> {
            Features features = each.features();
            int count = features.count();
            float[] values = new float[ROWS * count];
            List<float[]> rows = List.of(features.least, features.greatest, features.mean, features.variance);
            for (int row = 0; row < ROWS; row++) {
                System.arraycopy(rows.get(row), 0, values, row * count, count);
            }
            tensors.put(name, HostTensor.of(values, ROWS, count));
        });
        return tensors;
    }

    /**
     * The way back from {@link #tensors()}.
     *
     * @throws IllegalArgumentException if one is no such tensor, naming it
     */
    public static ActivationRanges of(Map<String, HostTensor> tensors) {
        ActivationRanges ranges = new ActivationRanges();
        tensors.forEach((name, tensor) -> {
            long[] shape = tensor.shape();
            if (!name.matches(STAGE + "[0-9]+\\..+")
                    || tensor.dtype() != DType.F32
                    || shape.length != 2
                    || shape[0] != ROWS
                    || shape[1] < 1) {
                throw new IllegalArgumentException(
                        name + ": F32 (" + ROWS + ", features) of a stage's layer is required, " + tensor.dtype()
                                + Arrays.toString(shape) + " came");
            }
            float[] values = tensor.toFloats();
            List<float[]> rows = new ArrayList<>();
            int count = values.length / ROWS;
            for (int row = 0; row < ROWS; row++) {
                rows.add(Arrays.copyOfRange(values, row * count, (row + 1) * count));
            }
            Features features = new Features(rows.get(0), rows.get(1), rows.get(2), rows.get(3));
            for (int i = 0; i < count; i++) {
                boolean fits = Float.isFinite(features.least[i])
                        && Float.isFinite(features.greatest[i])
                        && Float.isFinite(features.mean[i])
                        && Float.isFinite(features.variance[i])
                        && features.least[i] <= features.greatest[i];
                if (!fits) {
                    throw new IllegalArgumentException(name + ": feature " + i + " is said to lie between "
                            + features.least[i] + " and " + features.greatest[i]);
                }
            }
            ranges.seen.put(name, new Seen(features));
        });
        return ranges;
    }
}
