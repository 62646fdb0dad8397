package dev.thinkingvit.data;

import java.util.Arrays;

/**
 * Resizes pictures to the same levels, bit for bit, as PIL's {@code Image.resize} (held to Pillow 11.3; Pillow 13
 * sometimes takes the passes in the other order, which rounds and clips otherwise in between).
 *
 * <p>Two passes, columns then rows, each rounded to 8 bits. Weights are fixed-point numbers with
 * {@value #PRECISION_BITS} fractional bits; 8 bits of level, 2 bits of headroom for the kernel's overshoot and these
 * fill an int. All methods are pure and may be called from any thread.
 */
public final class PictureResizer {

    static final int PRECISION_BITS = 32 - 8 - 2;

    private static final int HALF = 1 << (PRECISION_BITS - 1);

    private PictureResizer() {}

    /** The whole picture at another size. Returns the same picture if that is its size already. */
    public static Picture resize(Picture picture, int width, int height, Resampling filter) {
        return resize(picture, width, height, filter, 0, 0, picture.width(), picture.height());
    }

    /**
     * The part of a picture from {@code (x0, y0)} up to but without {@code (x1, y1)} at another size, as if it had been
     * cut out first: nothing outside the part shows through.
     *
     * @throws IllegalArgumentException if the part is empty or not within the picture, or the size is not positive
     */
    public static Picture resize(
            Picture picture, int width, int height, Resampling filter, int x0, int y0, int x1, int y1) {
        if (x0 < 0 || y0 < 0 || x1 > picture.width() || y1 > picture.height() || x0 >= x1 || y0 >= y1) {
            throw new IllegalArgumentException("The part (" + x0 + "," + y0 + ")-(" + x1 + "," + y1
                    + ") must lie within " + picture + " and not be empty");
        }
        Axis columns = new Axis(x0, x1, width, 0, width, filter);
        Axis rows = new Axis(y0, y1, height, 0, height, filter);
        return resize(picture, columns, rows);
    }

    /**
     * The window of {@code size × size} at {@code (left, top)} of the picture resized to {@code width × height}.
     * Only what the window shows is computed, so a long thin picture costs no more than a square one.
     */
    static Picture resizeWindow(
            Picture picture, int width, int height, Resampling filter, int left, int top, int size) {
        Axis columns = new Axis(0, picture.width(), width, left, size, filter);
        Axis rows = new Axis(0, picture.height(), height, top, size, filter);
        return resize(picture, columns, rows);
    }

    private static Picture resize(Picture picture, Axis columns, Axis rows) {
        if (columns.keepsAll(picture.width()) && rows.keepsAll(picture.height())) {
            return picture;
        }
        // Rows that no output row looks at are skipped by the first pass.
        int firstRow = rows.firstInput();
        int rowCount = rows.lastInput() - firstRow;
        byte[] narrowed = new byte[Math.multiplyExact(rowCount, 3 * columns.count)];
        for (int y = 0; y < rowCount; y++) {
            int source = (firstRow + y) * picture.width() * 3;
            resizeRow(picture.rgb(), source, columns, narrowed, y * columns.count * 3);
        }
        if (rows.identity) {
            return new Picture(columns.count, rows.count, narrowed);
        }
        byte[] resized = new byte[Math.multiplyExact(rows.count, 3 * columns.count)];
        mixRows(narrowed, firstRow, 3 * columns.count, rows, resized);
        return new Picture(columns.count, rows.count, resized);
    }

    private static void resizeRow(byte[] in, int source, Axis axis, byte[] out, int target) {
        if (axis.identity) {
            System.arraycopy(in, source + 3 * axis.start[0], out, target, 3 * axis.count);
            return;
        }
        int[] weights = axis.weights;
        for (int x = 0; x < axis.count; x++) {
            int red = HALF;
            int green = HALF;
            int blue = HALF;
            int at = source + 3 * axis.start[x];
            int w = x * axis.taps;
            for (int end = w + axis.length[x]; w < end; w++, at += 3) {
                int weight = weights[w];
                red += (in[at] & 0xFF) * weight;
                green += (in[at + 1] & 0xFF) * weight;
                blue += (in[at + 2] & 0xFF) * weight;
            }
            out[target++] = clip(red);
            out[target++] = clip(green);
            out[target++] = clip(blue);
        }
    }

    private static void mixRows(byte[] in, int firstRow, int stride, Axis axis, byte[] out) {
        int[] sums = new int[stride];
        for (int y = 0; y < axis.count; y++) {
            Arrays.fill(sums, HALF);
            int at = (axis.start[y] - firstRow) * stride;
            for (int k = 0; k < axis.length[y]; k++, at += stride) {
                addRow(in, at, axis.weights[y * axis.taps + k], sums);
            }
            int target = y * stride;
            for (int i = 0; i < stride; i++) {
                out[target + i] = clip(sums[i]);
            }
        }
    }

    private static void addRow(byte[] in, int at, int weight, int[] sums) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += (in[at + i] & 0xFF) * weight;
        }
    }

    private static byte clip(int sum) {
        int level = sum >> PRECISION_BITS;
        // Above 255 or below 0 some higher bit is set; its sign says which.
        return (byte) ((level & ~0xFF) == 0 ? level : ~(level >> 31));
    }

    /** For each output sample of a window along one axis: which inputs it mixes, with what weights. */
    private static final class Axis {
        final int count;
        final int taps;
        final int[] start;
        final int[] length;
        final int[] weights; // count × taps, fixed point
        final boolean identity;

        Axis(int in0, int in1, int outSize, int first, int count, Resampling filter) {
            if (outSize < 1) {
                throw new IllegalArgumentException("A picture cannot be resized to " + outSize + " pixels");
            }
            int inSize = in1 - in0;
            double scale = (double) inSize / outSize;
            double filterScale = Math.max(scale, 1.0);
            double support = filter.support() * filterScale;
            this.count = count;
            this.taps = (int) Math.ceil(support) * 2 + 1;
            this.start = new int[count];
            this.length = new int[count];
            this.identity = inSize == outSize;
            this.weights = new int[identity ? 0 : Math.multiplyExact(count, taps)];
            if (identity) {
                for (int i = 0; i < count; i++) {
                    start[i] = in0 + first + i;
                    length[i] = 1;
                }
                return;
            }
            double[] exact = new double[taps];
            double inverse = 1.0 / filterScale;
            for (int i = 0; i < count; i++) {
                double center = (first + i + 0.5) * scale;
                int low = Math.max((int) (center - support + 0.5), 0);
                int high = Math.min((int) (center + support + 0.5), inSize);
                double sum = 0;
                for (int k = 0; k < high - low; k++) {
                    exact[k] = filter.weight((k + low - center + 0.5) * inverse);
                    sum += exact[k];
                }
                for (int k = 0; k < high - low; k++) {
                    double weight = (sum == 0 ? exact[k] : exact[k] / sum) * (1 << PRECISION_BITS);
                    weights[i * taps + k] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
                }
                start[i] = in0 + low;
                length[i] = high - low;
            }
        }

        boolean keepsAll(int size) {
            return identity && start[0] == 0 && count == size;
        }

        int firstInput() {
            return start[0];
        }

        int lastInput() {
            return start[count - 1] + length[count - 1];
        }
    }
}
