package dev.thinkingvit.eval;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What a threshold costs and scores on labelled pixels, summed over a whole data set.
 *
 * @param thresholds a single one for all boundaries between stages, or one for each; none: always thinking
 * @param pictures how many were counted
 * @param ended windows that ended at each stage, in order
 * @param macs multiply-accumulates of all windows
 * @param classes each class, in order
 */
public record PixelRow(List<Double> thresholds, int pictures, List<Integer> ended, long macs, List<OfClass> classes) {
    /**
     * Pixels of a class.
     *
     * @param labelled that are of it
     * @param predicted labelled ones, of whatever class, that were taken for it
     * @param right that are both
     */
    public record OfClass(long labelled, long predicted, long right) {
        /** Intersection over union in percent; NaN if the class is nowhere, labelled or predicted. */
        public double iou() {
            return 100.0 * right / (labelled + predicted - right);
        }

        /** Share of the class's pixels that were taken for it, in percent; NaN if there are none. */
        public double accuracy() {
            return 100.0 * right / labelled;
        }
    }

    public PixelRow {
        thresholds = List.copyOf(thresholds);
        ended = List.copyOf(ended);
        classes = List.copyOf(classes);
    }

    /** Mean intersection over union of the classes that are there, labelled or predicted, in percent. */
    public double meanIou() {
        return mean(classes, OfClass::iou);
    }

    /** Mean accuracy of the classes that are labelled anywhere, in percent. */
    public double meanAccuracy() {
        return mean(classes, OfClass::accuracy);
    }

    static double mean(List<OfClass> classes, ToDoubleFunction<OfClass> of) {
        return classes.stream()
                .mapToDouble(of)
                .filter(value -> !Double.isNaN(value))
                .average()
                .orElse(Double.NaN);
    }

    /** Share of all labelled pixels that are right, in percent. */
    public double pixelAccuracy() {
        long right = classes.stream().mapToLong(OfClass::right).sum();
        return 100.0 * right / pixels();
    }

    /** Labelled pixels. */
    public long pixels() {
        return classes.stream().mapToLong(OfClass::labelled).sum();
    }

    /** Of all pictures. */
    public int windows() {
        return ended.stream().mapToInt(Integer::intValue).sum();
    }

    /** Mean 10⁹ multiply-accumulates a picture. */
    public double gmacs() {
        return macs / (1e9 * pictures); // rounded once
    }

    /** Mean 10⁹ multiply-accumulates a window. */
    public double gmacsPerWindow() {
        return macs / (1e9 * windows());
    }

    /** Share of all windows that need stage {@code stage}, counted from 1, or a later one: 0–1. */
    public double shareNeeding(int stage) {
        int needing = 0;
        for (int k = stage; k <= ended.size(); k++) {
            needing += ended.get(k - 1);
        }
        return (double) needing / windows();
    }
}
