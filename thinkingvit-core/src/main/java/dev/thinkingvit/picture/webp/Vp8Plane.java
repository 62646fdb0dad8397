package dev.thinkingvit.picture.webp;

import java.util.Arrays;

/**
 * One channel of a VP8 frame, with the border that prediction sees beyond the frame's edge: 127 above (and a few
 * columns further right), 129 to the left.
 */
final class Vp8Plane {

    final byte[] levels;
    final int stride;
    final int origin; // index of the pixel (0, 0)

    /** A plane of whole macroblocks. */
    Vp8Plane(int width, int height) {
        stride = width + 1 + 4;
        origin = stride + 1;
        levels = new byte[Math.multiplyExact(stride, height + 1)];
        Arrays.fill(levels, 0, stride, (byte) 127);
        for (int y = 0; y < height; y++) {
            levels[at(-1, y)] = (byte) 129;
        }
    }

    int at(int x, int y) {
        return origin + y * stride + x;
    }

    int get(int index) {
        return levels[index] & 0xFF;
    }

    static int clamp(int level) {
        return (level & ~0xFF) == 0 ? level : level < 0 ? 0 : 255;
    }

    /**
     * Predicts a square from its neighbours above and to the left (RFC 6386, section 12.2).
     *
     * @param mode 0 mean, 1 vertical, 2 horizontal, 3 gradient
     */
    void predict(int mode, int x, int y, int size) {
        int start = at(x, y);
        switch (mode) {
            case 0 -> fill(start, size, mean(x, y, size));
            case 1 -> {
                for (int row = 0; row < size; row++) {
                    System.arraycopy(levels, start - stride, levels, start + row * stride, size);
                }
            }
            case 2 -> {
                for (int row = start; row < start + size * stride; row += stride) {
                    Arrays.fill(levels, row, row + size, levels[row - 1]);
                }
            }
            default -> gradient(start, size);
        }
    }

    void gradient(int start, int size) {
        int corner = get(start - stride - 1);
        for (int row = start; row < start + size * stride; row += stride) {
            int left = get(row - 1) - corner;
            for (int i = 0; i < size; i++) {
                levels[row + i] = (byte) clamp(left + get(start - stride + i));
            }
        }
    }

    private void fill(int start, int size, int level) {
        for (int row = start; row < start + size * stride; row += stride) {
            Arrays.fill(levels, row, row + size, (byte) level);
        }
    }

    /** Of the neighbours within the frame. */
    private int mean(int x, int y, int size) {
        int start = at(x, y);
        int sum = 0;
        int count = 0;
        if (y > 0) {
            for (int i = 0; i < size; i++) {
                sum += get(start - stride + i);
            }
            count += size;
        }
        if (x > 0) {
            for (int i = 0; i < size; i++) {
                sum += get(start + i * stride - 1);
            }
            count += size;
        }
        return count == 0 ? 128 : (sum + count / 2) / count;
    }

    /**
     * Adds the inverse cosine transform of 16 coefficients to a 4 × 4 square (RFC 6386, section 14.3) and clears them.
     */
    void addTransformed(int[] coefficients, int from, int start) {
        int[] c = coefficients;
        for (int i = from; i < from + 4; i++) {
            int a = c[i] + c[i + 8];
            int b = c[i] - c[i + 8];
            int sine = sine(c[i + 4]) - cosine(c[i + 12]);
            int cosine = cosine(c[i + 4]) + sine(c[i + 12]);
            c[i] = a + cosine;
            c[i + 4] = b + sine;
            c[i + 8] = b - sine;
            c[i + 12] = a - cosine;
        }
        for (int i = from, row = start; i < from + 16; i += 4, row += stride) {
            int a = c[i] + 4 + c[i + 2];
            int b = c[i] + 4 - c[i + 2];
            int sine = sine(c[i + 1]) - cosine(c[i + 3]);
            int cosine = cosine(c[i + 1]) + sine(c[i + 3]);
            levels[row] = (byte) clamp(get(row) + ((a + cosine) >> 3));
            levels[row + 1] = (byte) clamp(get(row + 1) + ((b + sine) >> 3));
            levels[row + 2] = (byte) clamp(get(row + 2) + ((b - sine) >> 3));
            levels[row + 3] = (byte) clamp(get(row + 3) + ((a - cosine) >> 3));
        }
        Arrays.fill(c, from, from + 16, 0);
    }

    private static int cosine(int x) { // √2 cos(π/8)
        return ((x * 20091) >> 16) + x;
    }

    private static int sine(int x) { // √2 sin(π/8)
        return (x * 35468) >> 16;
    }
}
