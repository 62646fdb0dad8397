package dev.thinkingvit.model;

import java.util.Arrays;

/**
 * What is done with rows of pixels' logits, (C, w), class by class. Loops run along rows without branches where they may, so that
 * processors do several pixels at once: pictures have millions of pixels, and there may be 150 classes of each.
 */
public final class PixelRows {
    private static final float LOWEST = -48; // e of it is nothing beside 1
    private static final float SIXTEENTH = 1 / 16f;

    private PixelRows() {}

    /**
     * The class that speaks loudest for itself at each pixel, of equal ones the first.
     *
     * @param logits (C, width) at least
     * @param highest filled: its logits
     * @param labels filled from {@code offset} on
     */
    public static void loudest(float[][] logits, int width, float[] highest, int[] labels, int offset) {
        System.arraycopy(logits[0], 0, highest, 0, width);
        Arrays.fill(labels, offset, offset + width, 0);
        for (int c = 1; c < logits.length; c++) {
            float[] own = logits[c];
            for (int x = 0; x < width; x++) {
                if (own[x] > highest[x]) {
                    highest[x] = own[x];
                    labels[offset + x] = c;
                }
            }
        }
    }

    /**
     * The probability of the loudest class at each pixel.
     *
     * @param highest its logits
     * @param buffer as long
     * @param shares filled from {@code offset} on
     */
    public static void largestShare(
            float[][] logits, int width, float[] highest, float[] buffer, float[] shares, int offset) {
        Arrays.fill(buffer, 0, width, 0);
        for (float[] own : logits) {
            addExponentials(own, highest, buffer, width);
        }
        for (int x = 0; x < width; x++) {
            shares[offset + x] = 1 / buffer[x];
        }
    }

    private static void addExponentials(float[] own, float[] highest, float[] sums, int width) {
        for (int x = 0; x < width; x++) {
            sums[x] += exp(own[x] - highest[x]);
        }
    }

    /**
     * Fills {@code to} with e to the power of what a row lies below another.
     *
     * @param own no higher than {@code highest}
     */
    static void exponentials(float[] own, float[] highest, float[] to, int width) {
        for (int x = 0; x < width; x++) {
            to[x] = exp(own[x] - highest[x]);
        }
    }

    /**
     * eˣ for x ≤ 0, to 2·10⁻⁶ of itself down to −8, and to 10⁻⁸ below: a Taylor sum at a sixteenth of x, to the 16th power.
     * Without branches and integers, so that loops over it become vector instructions; Math.exp took most of a segmentation's
     * time.
     */
    static float exp(float x) {
        float z = Math.max(x, LOWEST) * SIXTEENTH;
        float sum = 1 + z * (1 / 7f);
        sum = 1 + z * (1 / 6f) * sum;
        sum = 1 + z * (1 / 5f) * sum;
        sum = 1 + z * (1 / 4f) * sum;
        sum = 1 + z * (1 / 3f) * sum;
        sum = 1 + z * (1 / 2f) * sum;
        sum = 1 + z * sum;
        sum *= sum;
        sum *= sum;
        sum *= sum;
        return sum * sum;
    }

    /** Probabilities of rows of pixels. For one thread. */
    public static final class Softmax {
        private final int width;
        private final float[] highest;
        private final float[] sums;

        public Softmax(int width) {
            this.width = width;
            this.highest = new float[width];
            this.sums = new float[width];
        }

        /**
         * @param logits (C, width) at least
         * @param probabilities filled, (C, width): those of a pixel sum to 1
         */
        public void of(float[][] logits, float[][] probabilities) {
            highest(logits, highest);
            Arrays.fill(sums, 0);
            for (int c = 0; c < logits.length; c++) {
                exponentials(logits[c], highest, probabilities[c], width);
                add(probabilities[c], sums);
            }
            for (float[] own : probabilities) {
                divide(own, sums);
            }
        }

        private static void add(float[] own, float[] sums) {
            for (int x = 0; x < sums.length; x++) {
                sums[x] += own[x];
            }
        }

        private static void divide(float[] own, float[] sums) {
            for (int x = 0; x < sums.length; x++) {
                own[x] /= sums[x];
            }
        }
    }

    /** Fills {@code highest} with the highest logit of each pixel. */
    static void highest(float[][] logits, float[] highest) {
        System.arraycopy(logits[0], 0, highest, 0, highest.length);
        for (float[] own : logits) {
            for (int x = 0; x < highest.length; x++) {
                highest[x] = Math.max(highest[x], own[x]);
            }
        }
    }
}
