package dev.thinkingvit.eval;

import dev.thinkingvit.picture.PixelLabels;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;

/**
 * How many pixels of each class were taken for each class, over a whole data set, and the field's scores of it. Pixels
 * that nobody labelled are not counted. For one thread.
 *
 * <p>{@code C} classes. Scores are shares in 0–1; those of no pixels are NaN.
 */
public final class PixelCounts {
    private final int classes;
    private final long[] counts; // (labelled, predicted)

    public PixelCounts(int classes) {
        this(classes, new long[Math.multiplyExact(classes, classes)]);
    }

    private PixelCounts(int classes, long[] counts) {
        this.classes = classes;
        this.counts = counts;
    }

    /**
     * What was counted before.
     *
     * @param counts (C, C): of each labelled class how many were taken for each; copied
     */
    public static PixelCounts of(int classes, long[] counts) {
        if (counts.length != classes * classes) {
            throw new IllegalArgumentException(
                    classes + " classes have " + classes * classes + " counts, " + counts.length + " came");
        }
        return new PixelCounts(classes, counts.clone());
    }

    /**
     * Adds a picture.
     *
     * @param predicted class of each pixel, row by row
     * @throws IllegalArgumentException if the sizes differ, or a label is no class
     */
    public void add(int[] predicted, PixelLabels labels) {
        if (predicted.length != labels.classes().length) {
            throw new IllegalArgumentException(
                    labels + " are held to " + predicted.length + " predictions: as many are required");
        }
        for (int i = 0; i < predicted.length; i++) {
            int label = labels.classes()[i] & 0xff;
            if (label == PixelLabels.IGNORED) {
                continue;
            }
            if (label >= classes) {
                throw new IllegalArgumentException(
                        "label " + label + " is no class of a model that has classes 0 to " + (classes - 1));
            }
            counts[label * classes + predicted[i]]++;
        }
    }

    /** Adds what was counted elsewhere. */
    public void add(PixelCounts others) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] += others.counts[i];
        }
    }

    /** Pixels of class {@code label} that were taken for {@code predicted}. */
    public long of(int label, int predicted) {
        return counts[label * classes + predicted];
    }

    /** Labelled pixels. */
    public long pixels() {
        return Arrays.stream(counts).sum();
    }

    private long labelled(int label) {
        return Arrays.stream(counts, label * classes, (label + 1) * classes).sum();
    }

    private long predicted(int label) {
        long sum = 0;
        for (int other = 0; other < classes; other++) {
            sum += of(other, label);
        }
        return sum;
    }

    /** Intersection over union of a class. */
    public double iou(int label) {
        return (double) of(label, label) / (labelled(label) + predicted(label) - of(label, label));
    }

    /** Share of a class's pixels that were taken for it. */
    public double accuracy(int label) {
        return (double) of(label, label) / labelled(label);
    }

    /** Mean {@link #iou} of the classes that are there, labelled or predicted. */
    public double meanIou() {
        return mean(this::iou);
    }

    /** Mean {@link #accuracy} of the classes that are labelled anywhere. */
    public double meanAccuracy() {
        return mean(this::accuracy);
    }

    private double mean(IntToDoubleFunction of) {
        double sum = 0;
        int count = 0;
        for (int label = 0; label < classes; label++) {
            double own = of.applyAsDouble(label);
            if (!Double.isNaN(own)) {
                sum += own;
                count++;
            }
        }
        return sum / count;
    }

    /** Share of all labelled pixels that are right. */
    public double pixelAccuracy() {
        long right = 0;
        for (int label = 0; label < classes; label++) {
            right += of(label, label);
        }
        return (double) right / pixels();
    }
}
