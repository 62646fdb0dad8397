package dev.thinkingvit.inference;

import dev.thinkingvit.inference.SlidingWindow.Place;
import dev.thinkingvit.model.MaskScores;
import dev.thinkingvit.picture.Bilinear;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The windows of a view, put together and brought to the picture's size, row by row, all columns or some: logits are averaged
 * where windows overlap, then resized bilinearly, then mirrored back. No more than a few rows are ever there.
 *
 * <p>{@code C} classes, {@code W} columns of the picture, {@code w} those of the view that they come from. For one thread, rows
 * in ascending order.
 */
final class ViewRows {
    private final int classes;
    private final boolean mirrored;
    private final boolean resized;
    private final List<Seen> windows = new ArrayList<>();
    private final Bilinear.Axis down;
    private final Bilinear.Axis across;
    private final int from; // of the resized view's columns
    private final int width; // W
    private final int first; // of the view's own columns
    private final int[] count; // (w) windows at each column
    private final float[][][] averaged; // two rows (C, w) of the view
    private final int[] held = {-1, -1}; // which they are
    private final float[] between; // (w)
    private final float[][] spread; // (C, W)

    /** The part of a window that is looked at. */
    private record Seen(int top, int height, int column, int width, MaskScores.Rows pixels) {}

    /**
     * @param picture its size
     * @param left the first of the picture's columns
     * @param right behind the last
     */
    ViewRows(
            WindowEngine.ViewShape view,
            List<Place> places,
            List<MaskScores> seen,
            ImageSize picture,
            int left,
            int right) {
        ImageSize size = view.size();
        this.mirrored = view.mirrored();
        this.resized = !size.equals(picture);
        this.classes = seen.get(0).classes();
        this.width = right - left;
        this.down = Bilinear.Axis.of(size.height(), picture.height());
        this.across = Bilinear.Axis.of(size.width(), picture.width());
        this.from = mirrored ? picture.width() - right : left;
        this.first = across.first(from);
        int end = across.second(from + width - 1) + 1;
        for (int i = 0; i < places.size(); i++) {
            Place place = places.get(i);
            int begins = Math.max(0, first - place.left());
            int ends = Math.min(seen.get(i).size().width(), end - place.left());
            if (begins < ends) {
                int column = place.left() + begins - first;
                windows.add(new Seen(
                        place.top(),
                        seen.get(i).size().height(),
                        column,
                        ends - begins,
                        seen.get(i).pixels(begins, ends, column)));
            }
        }
        this.count = new int[end - first];
        this.averaged = new float[2][classes][end - first];
        this.between = new float[end - first];
        this.spread = resized || mirrored ? new float[classes][width] : new float[0][0];
    }

    /**
     * The logits of a row of the picture.
     *
     * @return (C, W) at least; overwritten by the next row
     */
    float[][] read(int y) {
        if (!resized) {
            float[][] row = averaged(y);
            if (mirrored) {
                for (int c = 0; c < classes; c++) {
                    System.arraycopy(row[c], 0, spread[c], 0, width);
                    mirror(spread[c]);
                }
                return spread;
            }
            return row;
        }
        float[][] above = averaged(down.first(y));
        float[][] below = averaged(down.second(y));
        float share = down.share(y);
        for (int c = 0; c < classes; c++) {
            mix(above[c], below[c], share);
            Bilinear.spread(between, -first, across, from, from + width, 1, spread[c]);
            if (mirrored) {
                mirror(spread[c]);
            }
        }
        return spread;
    }

    private void mix(float[] above, float[] below, float share) {
        float[] to = between;
        float rest = 1 - share;
        for (int x = 0; x < to.length; x++) {
            to[x] = rest * above[x] + share * below[x];
        }
    }

    private static void mirror(float[] row) {
        for (int x = 0; x < row.length - 1 - x; x++) {
            float left = row[x];
            row[x] = row[row.length - 1 - x];
            row[row.length - 1 - x] = left;
        }
    }

    /** A row of the view, the mean of all windows at each pixel. */
    private float[][] averaged(int y) {
        int slot = y % 2; // the two that are asked for lie beside each other
        float[][] row = averaged[slot];
        if (held[slot] == y) {
            return row;
        }
        held[slot] = y;
        for (float[] own : row) {
            Arrays.fill(own, 0);
        }
        Arrays.fill(count, 0);
        for (Seen window : windows) {
            int own = y - window.top;
            if (own >= 0 && own < window.height) {
                window.pixels.addTo(own, row);
                for (int x = window.column; x < window.column + window.width; x++) {
                    count[x]++;
                }
            }
        }
        int x = 0;
        while (x < count.length) {
            int begins = x;
            while (x < count.length && count[x] == count[begins]) {
                x++;
            }
            if (count[begins] > 1) {
                for (float[] own : row) {
                    divide(own, begins, x, count[begins]);
                }
            }
        }
        return row;
    }

    private static void divide(float[] row, int from, int to, float by) {
        for (int x = from; x < to; x++) {
            row[x] /= by;
        }
    }
}
