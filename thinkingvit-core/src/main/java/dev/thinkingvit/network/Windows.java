package dev.thinkingvit.network;

/**
 * How a grid of tokens is cut into square windows within which attention mixes (Liu et al., "Swin Transformer", 2021): the
 * grid is rolled up and left by {@code shift}, then filled up with zeros below and right, then cut, row by row.
 *
 * @param rows of the grid
 * @param columns of the grid
 * @param window side of a window in tokens
 * @param shift less than {@code window}
 */
public record Windows(int rows, int columns, int window, int shift) {
    /** What is added to the score of two tokens that the roll brought together: as good as nothing is mixed. */
    public static final float APART = -100;

    public Windows {
        if (rows < 1 || columns < 1 || window < 1 || shift < 0 || shift >= window) {
            throw new IllegalArgumentException(
                    "no windows of " + window + " shifted by " + shift + " on a grid of " + rows + " × " + columns);
        }
    }

    /** Windows one above the other. */
    public int down() {
        return (rows + window - 1) / window;
    }

    /** Windows side by side. */
    public int across() {
        return (columns + window - 1) / window;
    }

    /** Whether the grid is cut as it is, neither rolled nor filled up. */
    public boolean isPlain() {
        return shift == 0 && rows % window == 0 && columns % window == 0;
    }

    /** Windows of an image. */
    public int count() {
        return down() * across();
    }

    /** n, tokens of a window. */
    public int tokens() {
        return window * window;
    }

    /** Rows of the bias table that a pair of a window's tokens reads, n · n of them: one for each distance. */
    public long[] biasRows() {
        int n = tokens();
        long[] index = new long[n * n];
        for (int query = 0; query < n; query++) {
            for (int key = 0; key < n; key++) {
                int down = query / window - key / window + window - 1;
                int across = query % window - key % window + window - 1;
                index[query * n + key] = (long) down * (2 * window - 1) + across;
            }
        }
        return index;
    }

    /** Rows of a bias table for windows of that side. */
    public static int biasTable(int window) {
        return (2 * window - 1) * (2 * window - 1);
    }

    /**
     * What is added to scores, window by window, n · n values each: {@link #APART} between tokens that were not neighbours
     * before the roll. Empty if nothing is shifted. Tokens that fill up are not told apart.
     */
    public float[] mask() {
        if (shift == 0) {
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
        int row = at / across() * window + token / window;
        int column = at % across() * window + token % window;
        return 3 * band(row, down() * window) + band(column, across() * window);
    }

    private int band(int place, int size) {
        if (place < size - window) {
            return 0;
        }
        return place < size - shift ? 1 : 2;
    }
}
