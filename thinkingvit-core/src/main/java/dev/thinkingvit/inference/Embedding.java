package dev.thinkingvit.inference;

import java.util.Arrays;
import java.util.Objects;

/**
 * A picture as a vector, and what the network thought of it on the way: plain Java, nothing to close.
 *
 * <p>A stage of fewer heads gives a narrower vector: {@code width} is that of the stage that decided. Stages are nested, so
 * that a narrow vector is one of the widest whose further values are 0, and {@link #padded} makes it so: the classifier's full
 * weights give it the logits that its stage gave. How like two pictures are is still best asked of vectors of one stage.
 *
 * @param classification the picture's name, labels, and each stage's thoughts; {@link Classification#stage} is the stage
 *     that {@code values} are of
 * @param width d, of the stage
 * @param values d values; or, of {@link Pooling#NONE}, N·d, token by token
 */
@SuppressWarnings("ArrayRecordComponent") // handed over to one caller; nobody's map key
public record Embedding(Classification classification, int width, float[] values) {
    /** As little as torch's {@code normalize} divides by. */
    private static final double LEAST_NORM = 1e-12;

    public Embedding {
        Objects.requireNonNull(classification, "the classification is null");
        Objects.requireNonNull(values, "the values are null");
        if (width < 1 || values.length == 0 || values.length % width != 0) {
            throw new IllegalArgumentException(
                    "an embedding of width " + width + " has a multiple of so many values, got " + values.length);
        }
    }

    /** Name of the picture. */
    public String source() {
        return classification.source();
    }

    /** The stage that the values are of, counted from 1. */
    public int stage() {
        return classification.stage();
    }

    /** With each vector divided by its Euclidean length, so that the product of two is the cosine between them. */
    public Embedding normalized() {
        float[] unit = new float[values.length];
        for (int from = 0; from < values.length; from += width) {
            double squares = 0;
            for (int i = from; i < from + width; i++) {
                squares += (double) values[i] * values[i];
            }
            double norm = Math.max(Math.sqrt(squares), LEAST_NORM);
            for (int i = from; i < from + width; i++) {
                unit[i] = (float) (values[i] / norm);
            }
        }
        return new Embedding(classification, width, unit);
    }

    /**
     * As wide as a later stage: zeros after each vector's own values.
     *
     * @throws IllegalArgumentException if it is wider already
     */
    public Embedding padded(int to) {
        if (to < width) {
            throw new IllegalArgumentException("an embedding " + width + " wide cannot be padded to " + to);
        }
        if (to == width) {
            return this;
        }
        int rows = values.length / width;
        float[] wide = new float[Math.multiplyExact(rows, to)];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(values, row * width, wide, row * to, width);
        }
        return new Embedding(classification, to, wide);
    }

    @Override
    public String toString() {
        return "Embedding[" + source() + ", stage " + stage() + ", " + Arrays.toString(values) + "]";
    }
}
