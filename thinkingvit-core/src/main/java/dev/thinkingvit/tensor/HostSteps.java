package dev.thinkingvit.tensor;

import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * What a {@link DnnlProgram} does between oneDNN's primitives by itself: choosing rows by their scores, and moving them.
 * One for a program, whose thread uses it.
 *
 * <p>{@code G} images, {@code n} rows of an image, {@code d} values of a row.
 */
final class HostSteps {
    private final NativeArray.Place from = new NativeArray.Place();
    private final NativeArray.Place to = new NativeArray.Place();
    private final Floats floats = new Floats();

    /** Values at a place that changes; owns nothing. */
    private static final class Floats extends FloatPointer {
        Floats() {
            super((Pointer) null);
        }

        Floats at(long there) {
            address = there;
            return this;
        }
    }

    /** A copy of values that lie one after the other. */
    float[] floats(DnnlView view) {
        float[] values = new float[Math.toIntExact(view.elements())];
        floats.at(view.address()).get(values);
        return values;
    }

    /**
     * Writes which rows have the largest first entries, the largest first, and of equal ones the earlier; what is no number
     * counts as largest.
     *
     * @param scores (G, n, c)
     * @param order (G, count), places from 0, as whole numbers in F32
     */
    void choose(DnnlView scores, DnnlView order) {
        int images = Math.toIntExact(scores.size(0));
        int rows = Math.toIntExact(scores.size(1));
        int entries = Math.toIntExact(scores.size(2));
        int count = Math.toIntExact(order.size(1));
        float[] values = floats(scores);
        float[] chosen = new float[images * count];
        long[] keys = new long[rows];
        for (int image = 0; image < images; image++) {
            for (int row = 0; row < rows; row++) {
                int bits = Float.floatToIntBits(values[(image * rows + row) * entries] + 0f); // of −0 as of 0
                int growing = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
                keys[row] = ((long) ~growing << Integer.SIZE) | row;
            }
            Arrays.sort(keys);
            for (int i = 0; i < count; i++) {
                chosen[image * count + i] = (int) keys[i];
            }
        }
        floats.at(order.address()).put(chosen);
    }

    /**
     * Copies the first row of each image, and of those after it the chosen ones.
     *
     * @param x (G, 1 + n, d)
     * @param order (G, count), as {@link #choose} writes it
     * @param out (G, 1 + count, d)
     */
    void gather(DnnlView x, DnnlView order, DnnlView out) {
        eachRow(x, order, out, (place, chosen, bytes) -> Pointer.memcpy(to.at(chosen), from.at(place), bytes));
    }

    /** The way back: the rows that {@link #gather} would copy are replaced. */
    void scatter(DnnlView x, DnnlView order, DnnlView changed) {
        eachRow(x, order, changed, (place, chosen, bytes) -> Pointer.memcpy(to.at(place), from.at(chosen), bytes));
    }

    private interface Move {
        void row(long whole, long chosen, long bytes);
    }

    private void eachRow(DnnlView whole, DnnlView order, DnnlView chosen, Move move) {
        int images = Math.toIntExact(order.size(0));
        int count = Math.toIntExact(order.size(1));
        float[] places = floats(order);
        long bytes = whole.size(2) * whole.dtype().bytes();
        for (int image = 0; image < images; image++) {
            long wholeImage = whole.address() + image * whole.size(1) * bytes;
            long chosenImage = chosen.address() + image * chosen.size(1) * bytes;
            move.row(wholeImage, chosenImage, bytes);
            for (int i = 0; i < count; i++) {
                long place = 1 + (long) places[image * count + i];
                move.row(wholeImage + place * bytes, chosenImage + (1 + i) * bytes, bytes);
            }
        }
    }
}
