package dev.thinkingvit.inference;

import dev.thinkingvit.model.PixelRows;
import java.util.Arrays;
import java.util.List;

/**
 * A part of a picture, row by row: what all its views make of it, averaged as probabilities. One view alone decides by its
 * logits, which saves most of the exponentials.
 *
 * <p>{@code C} classes, {@code W} columns. For one thread, rows in ascending order.
 */
final class MergedRows {
    private final List<ViewRows> views;
    private final int width;
    private final float[][] probabilities; // (C, W)
    private final float[][] one; // (C, W) of a view
    private final PixelRows.Softmax softmax;
    private final float[] highest; // (W)
    private final float[] buffer; // (W)

    MergedRows(List<ViewRows> views, int classes, int width) {
        this.views = views;
        this.width = width;
        this.probabilities = new float[classes][width];
        this.one = new float[classes][width];
        this.softmax = new PixelRows.Softmax(width);
        this.highest = new float[width];
        this.buffer = new float[width];
    }

    /** The most probable class of each pixel of row {@code y}, written to {@code labels} from {@code offset} on. */
    void decide(int y, int[] labels, int offset) {
        if (views.size() > 1) {
            mix(y);
            PixelRows.loudest(probabilities, width, highest, labels, offset);
        } else {
            PixelRows.loudest(views.get(0).read(y), width, highest, labels, offset);
        }
    }

    /** As {@link #decide(int, int[], int)}; also how probable it is. */
    void decide(int y, int[] labels, float[] sure, int offset) {
        if (views.size() > 1) {
            mix(y);
            decideMixed(labels, sure, offset);
            return;
        }
        float[][] logits = views.get(0).read(y);
        PixelRows.loudest(logits, width, highest, labels, offset);
        PixelRows.largestShare(logits, width, highest, buffer, sure, offset);
    }

    /** Of the row that was mixed last. */
    void decideMixed(int[] labels, float[] sure, int offset) {
        PixelRows.loudest(probabilities, width, highest, labels, offset);
        System.arraycopy(highest, 0, sure, offset, width);
    }

    /**
     * Averages row {@code y} over all views.
     *
     * @return the last view's logits, (C, W) at least; overwritten by the next row
     */
    float[][] mix(int y) {
        for (float[] own : probabilities) {
            Arrays.fill(own, 0);
        }
        float[][] logits = {};
        for (ViewRows view : views) {
            logits = view.read(y);
            softmax.of(logits, one);
            for (int c = 0; c < one.length; c++) {
                addShare(one[c], probabilities[c], views.size());
            }
        }
        return logits;
    }

    private static void addShare(float[] own, float[] sum, float count) {
        for (int x = 0; x < sum.length; x++) {
            sum[x] += own[x] / count;
        }
    }

    /** (C, W) of the row that was mixed last; overwritten by the next row. */
    float[][] probabilities() {
        return probabilities;
    }
}
