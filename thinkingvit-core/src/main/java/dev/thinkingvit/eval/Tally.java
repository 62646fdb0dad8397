package dev.thinkingvit.eval;

import java.util.ArrayList;
import java.util.List;

/** Counts where images ended and how they fared. Not thread-safe. */
final class Tally {
    private final int[] dispatched;
    private final int[] right;
    private int images;
    private final double[] scores;
    private double score;
    private int top5;
    private long macs;

    Tally(int stages) {
        this.dispatched = new int[stages];
        this.right = new int[stages];
        this.scores = new double[stages];
    }

    /** An image ends at {@code stage}, counted from 1. */
    void add(int stage, StageRecord thought) {
        count(stage, thought, 1);
    }

    /** An image that was added ends elsewhere. */
    void remove(int stage, StageRecord thought) {
        count(stage, thought, -1);
    }

    private void count(int stage, StageRecord thought, int one) {
        images += one;
        macs += one * thought.macs();
        dispatched[stage - 1] += one;
        if (thought.inTop1()) {
            right[stage - 1] += one;
        }
        scores[stage - 1] += one * thought.score();
        score += one * thought.score();
        if (thought.inTop5()) {
            top5 += one;
        }
    }

    /** Mean 10⁹ multiply-accumulates an image. */
    double gmacs() {
        return macs / (1e9 * images); // rounded once
    }

    /** Mean score in percent. */
    double top1() {
        return 100 * score / images;
    }

    /** Share of the images that need {@code stage}, counted from 1, or a later one: 0–1. */
    double shareNeeding(int stage) {
        int needing = 0;
        for (int k = stage; k <= dispatched.length; k++) {
            needing += dispatched[k - 1];
        }
        return (double) needing / images;
    }

    SweepRow row(List<Double> thresholds) {
        List<SweepRow.Stage> stages = new ArrayList<>();
        for (int k = 0; k < dispatched.length; k++) {
            stages.add(new SweepRow.Stage(dispatched[k], right[k], scores[k]));
        }
        return new SweepRow(thresholds, images, top1(), 100.0 * top5 / images, gmacs(), stages, null);
    }
}
