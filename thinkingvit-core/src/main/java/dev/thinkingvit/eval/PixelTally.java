package dev.thinkingvit.eval;

import dev.thinkingvit.inference.WindowThought;
import dev.thinkingvit.picture.PixelLabels;
import java.util.ArrayList;
import java.util.List;

/** Counts where windows end, and the pixels of each class. {@code C} classes. Not thread-safe. */
final class PixelTally implements ThresholdPath.Endings<PixelRecord.Step> {
    private final int[] ended;
    private final long[] labelled; // (C)
    private final long[] predicted; // (C)
    private final long[] right; // (C)
    private int pictures;
    private int windows;
    private long macs;

    PixelTally(int classes, int stages) {
        this.ended = new int[stages];
        this.labelled = new long[classes];
        this.predicted = new long[classes];
        this.right = new long[classes];
    }

    PixelTally(PixelTally other) {
        this.ended = other.ended.clone();
        this.labelled = other.labelled.clone();
        this.predicted = other.predicted.clone();
        this.right = other.right.clone();
        this.pictures = other.pictures;
        this.windows = other.windows;
        this.macs = other.macs;
    }

    /**
     * Adds a picture.
     *
     * @param stages at which each window ended
     */
    void add(int[] predictions, PixelLabels labels, List<WindowThought> thoughts, int[] stages) {
        for (int i = 0; i < predictions.length; i++) {
            int label = labels.classes()[i] & 0xff;
            if (label != PixelLabels.IGNORED) {
                labelled[label]++;
                predicted[predictions[i]]++;
                right[label] += label == predictions[i] ? 1 : 0;
            }
        }
        pictures++;
        windows += stages.length;
        for (int i = 0; i < stages.length; i++) {
            ended[stages[i] - 1]++;
            macs += thoughts.get(i).macs().get(stages[i] - 1);
        }
    }

    /** Adds what was counted elsewhere. */
    void add(PixelTally other) {
        for (int i = 0; i < ended.length; i++) {
            ended[i] += other.ended[i];
        }
        for (int c = 0; c < labelled.length; c++) {
            labelled[c] += other.labelled[c];
            predicted[c] += other.predicted[c];
            right[c] += other.right[c];
        }
        pictures += other.pictures;
        windows += other.windows;
        macs += other.macs;
    }

    /** Labelled pixels. */
    long pixels() {
        long sum = 0;
        for (long each : labelled) {
            sum += each;
        }
        return sum;
    }

    /** Labelled pixels that are right. */
    long right() {
        long sum = 0;
        for (long each : right) {
            sum += each;
        }
        return sum;
    }

    @Override
    public double measure(PixelRecord.Step step) {
        return step.measure();
    }

    /** A window ends earlier. */
    @Override
    public void happen(PixelRecord.Step step) {
        ended[step.from() - 1]--;
        ended[step.stage() - 1]++;
        macs -= step.saved();
        for (int i = 0; i < step.classes().length; i++) {
            predicted[step.classes()[i]] += step.predicted()[i];
            right[step.classes()[i]] += step.right()[i];
        }
    }

    @Override
    public double gmacs() {
        return macs / (1e9 * pictures);
    }

    /** Mean intersection over union in percent. */
    @Override
    public double score() {
        return PixelRow.mean(classes(), PixelRow.OfClass::iou);
    }

    @Override
    public double shareNeeding(int stage) {
        int needing = 0;
        for (int k = stage; k <= ended.length; k++) {
            needing += ended[k - 1];
        }
        return (double) needing / windows;
    }

    private List<PixelRow.OfClass> classes() {
        List<PixelRow.OfClass> classes = new ArrayList<>();
        for (int c = 0; c < labelled.length; c++) {
            classes.add(new PixelRow.OfClass(labelled[c], predicted[c], right[c]));
        }
        return classes;
    }

    PixelRow row(List<Double> thresholds) {
        List<Integer> counts = new ArrayList<>();
        for (int each : ended) {
            counts.add(each);
        }
        return new PixelRow(thresholds, pictures, counts, macs, classes());
    }
}
