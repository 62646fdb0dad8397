package dev.thinkingvit.network;

/**
 * How a grid of tokens is cut into windows within which attention mixes (Liu et al., "Swin Transformer", 2021): the grid is
 * rolled {@code up} and {@code left}, then filled up with zeros below and right, then cut, row by row.
 *
 * @param rows of the grid
 * @param columns of the grid
 * @param windowRows of a window
 * @param windowColumns of a window
 * @param up less than {@code windowRows}
 * @param left less than {@code windowColumns}
 */
public record Windows(int rows, int columns, int windowRows, int windowColumns, int up, int left) {
    /** What is added to the score of two tokens that the roll brought together: as good as nothing is mixed. */
    public static final float APART = -100;

    public Windows {
        if (rows < 1
                || columns < 1
                || windowRows < 1
                || windowColumns < 1
                || up < 0
                || up >= windowRows
                || left < 0
                || left >= windowColumns) {
            throw new IllegalArgumentException("no windows of " + windowRows + " × " + windowColumns + " shifted by "
                    + up + " and " + left + " on a grid of " + rows + " × " + columns);
        }
    }

    /**
     * Square windows, but no longer than the grid along either axis; and shifted by half of themselves, but not along an
     * axis on which there is one.
     *
     * @param window side
     */
    public static Windows of(int rows, int columns, int window, boolean shifted) {
        return new Windows(
                rows,
                columns,
                Math.min(rows, window),
                Math.min(columns, window),
                shifted && rows > window ? window / 2 : 0,
                shifted && columns > window ? window / 2 : 0);
    }

    /** 2 × 2 neighbours, as {@link Layers#merge} joins them; not even a grid of one row or column has fewer. */
    public static Windows neighbours(int rows, int columns) {
        return new Windows(rows, columns, 2, 2, 0, 0);
    }

    /** Windows one above the other. */
    public int down() {
        return (rows + windowRows - 1) / windowRows;
    }

    /** Windows side by side. */
    public int across() {
        return (columns + windowColumns - 1) / windowColumns;
    }

    /** Whether the grid is cut as it is, neither rolled nor filled up. */
    public boolean isPlain() {
        return !isShifted() && rows % windowRows == 0 && columns % windowColumns == 0;
    }

    /** Whether the grid is rolled. */
    public boolean isShifted() {
        return up > 0 || left > 0;
    }

    /** Windows of an image. */
    public int count() {
        return down() * across();
    }

    /** n, tokens of a window. */
    public int tokens() {
        return windowRows * windowColumns;
    }

    /** Rows of the bias table that a pair of a window's tokens reads, n · n of them: one for each distance. */
    public long[] biasRows() {
        int n = tokens();
        long[] index = new long[n * n];
        for (int query = 0; query < n; query++) {
            for (int key = 0; key < n; key++) {
                int down = query / windowColumns - key / windowColumns + windowRows - 1;
                int across = query % windowColumns - key % windowColumns + windowColumns - 1;
                index[query * n + key] = (long) down * (2 * windowColumns - 1) + across;
            }
        }
        return index;
    }

    /** Rows of the bias table. */
    public int biasTable() {
        return (2 * windowRows - 1) * (2 * windowColumns - 1);
    }

    /**
     * What is added to scores, window by window, n · n values each: {@link #APART} between tokens that were not neighbours
     * before the roll. Empty if nothing is shifted. Tokens that fill up are not told apart.
     */
    public float[] mask() {
        if (!isShifted()) {
            return new float[0];
        }
        int n = tokens();
        float[] mask = new float[count() * n * n];
        for (int at = 0; at < count(); at++) {
            for (int query = 0; query < n; query++) {
                for (int key = 0; key < n; key++) {
                    boolean together = region(at, query) == region(at, key);
                    mask[(at * n + query) * n + key] = together ? 0 : APART;
                }
            }
        }
        return mask;
    }

    private int region(int at, int token) {
        int row = at / across() * windowRows + token / windowColumns;
        int column = at % across() * windowColumns + token % windowColumns;
        return 3 * band(row, down() * windowRows, windowRows, up)
                + band(column, across() * windowColumns, windowColumns, left);
    }

    private static int band(int place, int size, int window, int shift) {
        if (place < size - window) {
            return 0;
        }
        return place < size - shift ? 1 : 2;
    }
}
