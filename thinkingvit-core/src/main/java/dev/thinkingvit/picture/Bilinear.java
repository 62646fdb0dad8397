package dev.thinkingvit.picture;

/**
 * Bilinear resizing of grids whose places have several features, corners not aligned, as PyTorch's {@code interpolate}: a
 * place lies in the middle of its square, and nothing is smoothed when shrinking.
 */
public final class Bilinear {
    private Bilinear() {}

    /** Where the places of an axis come from: two neighbours each, of which the second has a share. */
    public static final class Axis {
        private final int[] from;
        private final int[] next;
        private final float[] share;

        private Axis(int[] from, int[] next, float[] share) {
            this.from = from;
            this.next = next;
            this.share = share;
        }

        /** The first of the two that place {@code i} comes from. */
        public int first(int i) {
            return from[i];
        }

        /** The second; the first again at the end. */
        public int second(int i) {
            return next[i];
        }

        /** The share of the second. */
        public float share(int i) {
            return share[i];
        }

        /**
         * The places that come from any of some.
         *
         * @param start the first of these
         * @param end behind the last
         * @return the first, and the one behind the last
         */
        public int[] touched(int start, int end) {
            int first = 0;
            while (first < from.length && next[first] < start) {
                first++;
            }
            int last = from.length;
            while (last > first && from[last - 1] >= end) {
                last--;
            }
            return new int[] {first, last};
        }

        /** An axis of {@code from} places, resized to {@code to}. */
        public static Axis of(int from, int to) {
            int[] first = new int[to];
            int[] next = new int[to];
            float[] share = new float[to];
            double scale = (double) from / to;
            for (int i = 0; i < to; i++) {
                double at = Math.max(0, scale * (i + 0.5) - 0.5);
                first[i] = Math.min((int) at, from - 1);
                next[i] = Math.min(first[i] + 1, from - 1);
                share[i] = (float) (at - first[i]);
            }
            return new Axis(first, next, share);
        }
    }

    /**
     * @param rows (from, features), row by row of the grid
     * @return (to, features)
     */
    public static float[] resize(float[] rows, ImageSize from, ImageSize to, int features) {
        Axis down = Axis.of(from.height(), to.height());
        Axis across = Axis.of(from.width(), to.width());
        float[] resized = new float[Math.multiplyExact(to.pixels(), features)];
        float[] row = new float[from.width() * features];
        float[] pixels = new float[to.width() * features];
        for (int y = 0; y < to.height(); y++) {
            row(rows, 0, down, y, row);
            spread(row, across, features, pixels);
            System.arraycopy(pixels, 0, resized, y * pixels.length, pixels.length);
        }
        return resized;
    }

    /**
     * A row between rows.
     *
     * @param values (from, width · features), from {@code offset} on
     * @param row filled: width · features values
     */
    public static void row(float[] values, int offset, Axis down, int y, float[] row) {
        int above = offset + down.from[y] * row.length;
        int below = offset + down.next[y] * row.length;
        float share = down.share[y];
        for (int i = 0; i < row.length; i++) {
            row[i] = (1 - share) * values[above + i] + share * values[below + i];
        }
    }

    /**
     * Spreads a row.
     *
     * @param row (from, features)
     * @param pixels filled: (to, features)
     */
    public static void spread(float[] row, Axis across, int features, float[] pixels) {
        spread(row, 0, across, 0, across.from.length, features, pixels);
    }

    /**
     * Spreads a part of a row.
     *
     * @param values what the row is a part of
     * @param start where in the values the row's first place is, in places: below 0 if they begin behind it
     * @param from the first place that is wanted
     * @param to behind the last
     * @param pixels filled: (to − from, features)
     */
    public static void spread(float[] values, int start, Axis across, int from, int to, int features, float[] pixels) {
        for (int x = from; x < to; x++) {
            int left = (start + across.from[x]) * features;
            int right = (start + across.next[x]) * features;
            float share = across.share[x];
            int at = (x - from) * features;
            for (int i = 0; i < features; i++) {
                pixels[at + i] = (1 - share) * values[left + i] + share * values[right + i];
            }
        }
    }
}
