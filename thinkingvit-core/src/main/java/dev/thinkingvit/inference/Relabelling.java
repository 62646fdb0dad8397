package dev.thinkingvit.inference;

import dev.thinkingvit.inference.WindowEngine.Part;
import dev.thinkingvit.inference.WindowEngine.Thought;
import java.util.Arrays;
import java.util.Objects;

/**
 * The classes of a picture's pixels while its windows end earlier or later, one after the other. At first each has gone through
 * all stages. Only what a window contributes to is put together anew, so that a picture under many thresholds takes little more
 * than under one. For one thread.
 */
public final class Relabelling {
    private final Thought thought;
    private final int[] stages;
    private final int[] labels;

    Relabelling(Thought thought) {
        this.thought = thought;
        this.stages = thought.stages(outcome -> outcome.stages().size());
        this.labels = new int[thought.size().pixels()];
        Part whole = thought.whole();
        MergedRows rows = thought.rows(stages, whole);
        for (int y = 0; y < whole.bottom(); y++) {
            rows.decide(y, labels, y * whole.right());
        }
    }

    /** Is told of pixels whose class changes. */
    @FunctionalInterface
    public interface Change {
        /**
         * @param pixel row by row
         * @param before its class until now
         * @param after its class from now on
         */
        void pixel(int pixel, int before, int after);
    }

    /** The most probable class of each pixel, row by row; overwritten by what comes, and not to be changed. */
    public int[] labels() {
        return labels;
    }

    /**
     * Lets a window end at another stage.
     *
     * @param window from 0, as {@link SegmentationRecord#windows} has them
     * @param stage from 1
     * @throws IllegalArgumentException if there is no such window or stage
     */
    public void end(int window, int stage, Change change) {
        Objects.requireNonNull(change, "who is told of changes is null");
        if (window < 0 || window >= stages.length) {
            throw new IllegalArgumentException(
                    "window " + window + " does not exist: the picture has " + stages.length);
        }
        int last = thought.windows().get(window).outcome().stages().size();
        if (stage < 1 || stage > last) {
            throw new IllegalArgumentException("stage " + stage + " does not exist: stages 1 to " + last + " ran");
        }
        if (stages[window] == stage) {
            return;
        }
        stages[window] = stage;
        Part part = thought.touched(window);
        MergedRows rows = thought.rows(stages, part);
        int[] row = new int[part.width()];
        for (int y = part.top(); y < part.bottom(); y++) {
            rows.decide(y, row, 0);
            int at = y * thought.size().width() + part.left();
            if (Arrays.equals(row, 0, row.length, labels, at, at + row.length)) {
                continue;
            }
            for (int x = 0; x < row.length; x++) {
                if (row[x] != labels[at + x]) {
                    change.pixel(at + x, labels[at + x], row[x]);
                    labels[at + x] = row[x];
                }
            }
        }
    }
}
