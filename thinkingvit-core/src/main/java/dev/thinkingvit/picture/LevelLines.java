package dev.thinkingvit.picture;

import java.util.Arrays;

/**
 * Levels in lines that are mixed as wholes: weighted sums of neighbouring lines, in fixed point.
 *
 * <p>Each line is an array of its own that is read from its beginning, and the loops hold a few lines and nothing else.
 * In that form HotSpot makes vector instructions of them; it makes none where one array is read at an offset, or where
 * bytes and ints meet.
 */
final class LevelLines {
    /** Fractional bits of weights: 8 bits of level, 2 of headroom for the kernel's overshoot and these fill an int. */
    static final int PRECISION_BITS = 32 - 8 - 2;

    private static final int HALF = 1 << (PRECISION_BITS - 1);

    private LevelLines() {}

    /**
     * Mixes {@code count} lines, rounds and clips.
     *
     * @param lines levels 0 to 255
     * @param at the first line of the mixture; the others follow {@code step} lines after each other
     * @param weights their weights, from {@code first} on
     * @param mixed receives levels 0 to 255
     * @param length of the lines
     */
    static void mix(int[][] lines, int at, int step, int[] weights, int first, int count, int[] mixed, int length) {
        int line = at;
        int k = 0;
        if (count >= 4) {
            begin(
                    lines[line],
                    lines[line + step],
                    lines[line + 2 * step],
                    lines[line + 3 * step],
                    weights,
                    first,
                    mixed,
                    length);
            line += 4 * step;
            k = 4;
        } else {
            Arrays.fill(mixed, 0, length, HALF);
        }
        for (; k + 4 <= count; k += 4, line += 4 * step) {
            add(
                    lines[line],
                    lines[line + step],
                    lines[line + 2 * step],
                    lines[line + 3 * step],
                    weights,
                    first + k,
                    mixed,
                    length);
        }
        switch (count - k) {
            case 1 -> add(lines[line], weights[first + k], mixed, length);
            case 2 -> add(lines[line], lines[line + step], weights, first + k, mixed, length);
            case 3 -> add(lines[line], lines[line + step], lines[line + 2 * step], weights, first + k, mixed, length);
            default -> {} // all are in
        }
        clip(mixed, length);
    }

    private static void begin(int[] a, int[] b, int[] c, int[] d, int[] weights, int first, int[] sums, int length) {
        int wa = weights[first];
        int wb = weights[first + 1];
        int wc = weights[first + 2];
        int wd = weights[first + 3];
        for (int i = 0; i < length; i++) {
            sums[i] = HALF + a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd;
        }
    }

    private static void add(int[] a, int[] b, int[] c, int[] d, int[] weights, int first, int[] sums, int length) {
        int wa = weights[first];
        int wb = weights[first + 1];
        int wc = weights[first + 2];
        int wd = weights[first + 3];
        for (int i = 0; i < length; i++) {
            sums[i] += a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd;
        }
    }

    private static void add(int[] a, int[] b, int[] c, int[] weights, int first, int[] sums, int length) {
        int wa = weights[first];
        int wb = weights[first + 1];
        int wc = weights[first + 2];
        for (int i = 0; i < length; i++) {
            sums[i] += a[i] * wa + b[i] * wb + c[i] * wc;
        }
    }

    private static void add(int[] a, int[] b, int[] weights, int first, int[] sums, int length) {
        int wa = weights[first];
        int wb = weights[first + 1];
        for (int i = 0; i < length; i++) {
            sums[i] += a[i] * wa + b[i] * wb;
        }
    }

    private static void add(int[] a, int weight, int[] sums, int length) {
        for (int i = 0; i < length; i++) {
            sums[i] += a[i] * weight;
        }
    }

    private static void clip(int[] sums, int length) {
        for (int i = 0; i < length; i++) {
            int level = sums[i] >> PRECISION_BITS; // -512 to 511
            level &= ~(level >> 31); // not below 0
            level |= (255 - level) >> 31; // all bits where it is above 255
            sums[i] = level & 255;
        }
    }

    /**
     * Stands rows up: column {@code i} of the rows becomes the beginning of line {@code i}.
     *
     * @param from where the first row begins; a row is {@code stride} bytes behind the one before
     * @param lines as many as columns are wanted
     */
    static void standUp(byte[] in, int from, int stride, int rows, int[][] lines) {
        int y = 0;
        for (; y + 8 <= rows; y += 8) {
            standEightUp(in, from + y * stride, stride, lines, y);
        }
        for (; y < rows; y++) {
            int row = from + y * stride;
            for (int i = 0; i < lines.length; i++) {
                lines[i][y] = in[row + i] & 0xFF;
            }
        }
    }

    /** Eight at a time: a line is looked up once for them, and is in the cache for all. */
    private static void standEightUp(byte[] in, int a, int stride, int[][] lines, int y) {
        int b = a + stride;
        int c = b + stride;
        int d = c + stride;
        int e = d + stride;
        int f = e + stride;
        int g = f + stride;
        int h = g + stride;
        for (int i = 0; i < lines.length; i++) {
            int[] line = lines[i];
            line[y] = in[a + i] & 0xFF;
            line[y + 1] = in[b + i] & 0xFF;
            line[y + 2] = in[c + i] & 0xFF;
            line[y + 3] = in[d + i] & 0xFF;
            line[y + 4] = in[e + i] & 0xFF;
            line[y + 5] = in[f + i] & 0xFF;
            line[y + 6] = in[g + i] & 0xFF;
            line[y + 7] = in[h + i] & 0xFF;
        }
    }

    /** Lays lines down: the beginning of line {@code i} becomes column {@code i} of {@code count} rows from {@code y} on. */
    static void layDown(int[][] lines, int[][] rows, int y, int count) {
        int i = 0;
        for (; i + 8 <= lines.length; i += 8) {
            layEightDown(lines, i, rows, y, count);
        }
        for (; i < lines.length; i++) {
            int[] line = lines[i];
            for (int k = 0; k < count; k++) {
                rows[y + k][i] = line[k];
            }
        }
    }

    private static void layEightDown(int[][] lines, int i, int[][] rows, int y, int count) {
        int[] a = lines[i];
        int[] b = lines[i + 1];
        int[] c = lines[i + 2];
        int[] d = lines[i + 3];
        int[] e = lines[i + 4];
        int[] f = lines[i + 5];
        int[] g = lines[i + 6];
        int[] h = lines[i + 7];
        for (int k = 0; k < count; k++) {
            int[] row = rows[y + k];
            row[i] = a[k];
            row[i + 1] = b[k];
            row[i + 2] = c[k];
            row[i + 3] = d[k];
            row[i + 4] = e[k];
            row[i + 5] = f[k];
            row[i + 6] = g[k];
            row[i + 7] = h[k];
        }
    }
}
