package dev.thinkingvit.picture;

/**
 * Resizes pictures to the same levels, bit for bit, as PIL's {@code Image.resize} does in Pillow 13.
 *
 * <p>Two passes, each rounded to 8 bits: widths then heights, or the other way about where the height shrinks by more than
 * twice as many pixels as the width. (Pillow 12 and older always take widths first; of such tall pictures its levels differ by a few.) Weights are fixed-point numbers with
 * {@value LevelLines#PRECISION_BITS} fractional bits. Both mix whole {@linkplain LevelLines lines}: rows as they lie, and
 * columns that were stood up. All methods are pure and may be called from any thread.
 */
public final class PictureResizer {

    /** Rows that go through the first pass together. Of a photograph, they stay in a core's cache meanwhile. */
    private static final int BAND_ROWS = 64;

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
        Axis rows = new Axis(y0, y1, height, 0, height, filter);
        if (heightFirst(x1 - x0, y1 - y0, width, height)) {
            Picture low = resize(picture, Axis.kept(x0, x1), rows);
            return resize(low, new Axis(0, x1 - x0, width, 0, width, filter), Axis.kept(0, height));
        }
        return resize(picture, new Axis(x0, x1, width, 0, width, filter), rows);
    }

    /**
     * The window of that size at {@code (left, top)} of the picture resized to {@code width × height}.
     * Only what the window shows is computed, so a long thin picture costs no more than a square one.
     */
    static Picture resizeWindow(
            Picture picture, int width, int height, Resampling filter, int left, int top, ImageSize size) {
        Axis columns = new Axis(0, picture.width(), width, left, size.width(), filter);
        Axis rows = new Axis(0, picture.height(), height, top, size.height(), filter);
        if (heightFirst(picture.width(), picture.height(), width, height)) {
            return resize(resize(picture, Axis.kept(0, picture.width()), rows), columns, Axis.kept(0, size.height()));
        }
        return resize(picture, columns, rows);
    }

    /** Whether rows are mixed before columns, which rounds and clips otherwise in between. */
    private static boolean heightFirst(int width, int height, int newWidth, int newHeight) {
        long lost = (long) height - newHeight;
        return lost > 0 && lost > 2L * (width - newWidth);
    }

    private static Picture resize(Picture picture, Axis columns, Axis rows) {
        if (columns.keepsAll(picture.width()) && rows.keepsAll(picture.height())) {
            return picture;
        }
        int firstColumn = columns.firstInput();
        int firstRow = rows.firstInput();
        int rowCount = rows.lastInput() - firstRow; // rows that no output row looks at are skipped by the first pass
        int width = 3 * columns.count;
        int bandRows = Math.min(BAND_ROWS, rowCount);
        int[][] standing = new int[3 * (columns.lastInput() - firstColumn)][bandRows];
        int[][] narrowed = new int[width][bandRows];
        int[][] lying = new int[rowCount][];
        int kept = bandRows + rows.taps; // rows that the second pass still looks at while a band comes
        int[] mixed = new int[width];
        byte[] resized = new byte[Math.multiplyExact(rows.count, width)];
        int done = 0;
        for (int y = 0; y < rowCount; y += bandRows) {
            int band = Math.min(bandRows, rowCount - y);
            int from = ((firstRow + y) * picture.width() + firstColumn) * 3;
            LevelLines.standUp(picture.rgb(), from, 3 * picture.width(), band, standing);
            for (int i = 0; i < width; i++) {
                columns.mix(standing, 3, i % 3, firstColumn, i / 3, narrowed[i], band);
            }
            for (int row = y; row < y + band; row++) {
                lying[row] = row < kept ? new int[width] : lying[row - kept];
            }
            LevelLines.layDown(narrowed, lying, y, band);
            for (; done < rows.count && rows.end(done) <= firstRow + y + band; done++) {
                rows.mix(lying, 1, 0, firstRow, done, mixed, width);
                for (int i = 0; i < width; i++) {
                    resized[done * width + i] = (byte) mixed[i];
                }
            }
        }
        return new Picture(columns.count, rows.count, resized);
    }

    /** For each output sample of a window along one axis: which inputs it mixes, with what weights. */
    private static final class Axis {
        final int count;
        final int taps;
        final int[] start;
        final int[] length;
        final int[] weights; // count × taps, fixed point
        private final boolean identity;

        Axis(int in0, int in1, int outSize, int first, int count, Resampling filter) {
            if (outSize < 1) {
                throw new IllegalArgumentException("A picture cannot be resized to " + outSize + " pixels");
            }
            int inSize = in1 - in0;
            double scale = (double) inSize / outSize;
            double filterScale = Math.max(scale, 1.0);
            double support = filter.support() * filterScale;
            this.count = count;
            this.identity = inSize == outSize;
            this.taps = identity ? 1 : (int) Math.ceil(support) * 2 + 1;
            this.start = new int[count];
            this.length = new int[count];
            this.weights = new int[Math.multiplyExact(count, taps)];
            if (identity) {
                for (int i = 0; i < count; i++) {
                    start[i] = in0 + first + i;
                    length[i] = 1;
                    weights[i] = 1 << LevelLines.PRECISION_BITS;
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
                    double weight = (sum == 0 ? exact[k] : exact[k] / sum) * (1 << LevelLines.PRECISION_BITS);
                    weights[i * taps + k] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
                }
                start[i] = in0 + low;
                length[i] = high - low;
            }
        }

        /** Every sample from {@code in0} up to but without {@code in1} as it is. */
        static Axis kept(int in0, int in1) {
            return new Axis(in0, in1, in1 - in0, 0, in1 - in0, Resampling.BILINEAR);
        }

        boolean keepsAll(int size) {
            return identity && start[0] == 0 && count == size;
        }

        /**
         * Mixes the lines that output sample {@code i} looks at.
         *
         * @param lines {@code group} of them for each input sample from {@code firstInput} on
         * @param member which of a group
         */
        void mix(int[][] lines, int group, int member, int firstInput, int i, int[] mixed, int size) {
            int at = (start[i] - firstInput) * group + member;
            LevelLines.mix(lines, at, group, weights, i * taps, length[i], mixed, size);
        }

        int firstInput() {
            return start[0];
        }

        /** Behind the last input that output sample {@code i} looks at. */
        int end(int i) {
            return start[i] + length[i];
        }

        int lastInput() {
            return end(count - 1);
        }
    }
}
