package dev.thinkingvit.model;

import dev.thinkingvit.picture.Bilinear;
import dev.thinkingvit.picture.ImageSize;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * How much each class speaks for itself at each pixel of a crop: {@code C} classes, {@code h} and {@code w} height and width.
 * What is kept are the patches' logits; pixels are interpolated between them when they are asked for, a row at a time, class by
 * class, so that sums and products run along rows.
 */
public final class MaskScores implements Prediction {
    private final float[] values; // (P, C)
    private final MaskReadout how;

    MaskScores(float[] values, MaskReadout how) {
        this.values = values;
        this.how = how;
    }

    /** What is done with a row of pixels. */
    private interface Row {
        /** @param logits (C, width), overwritten by the next row */
        void take(int y, float[][] logits);
    }

    /** The patches' logits as the stage gave them, (P, C), row by row; not to be changed. */
    @Override
    public float[] values() {
        return values;
    }

    /** C. */
    public int classes() {
        return how.classes();
    }

    /** Of the crop. */
    public ImageSize size() {
        return how.size();
    }

    /** Every pixel's logits: C·h·w values, class by class, row by row. */
    public float[] logits() {
        int pixels = size().pixels();
        int width = size().width();
        float[] logits = new float[Math.multiplyExact(classes(), pixels)];
        rows(size().height(), (y, row) -> {
            for (int c = 0; c < row.length; c++) {
                System.arraycopy(row[c], 0, logits, c * pixels + y * width, width);
            }
        });
        return logits;
    }

    /** The most probable class of each pixel, row by row; of equal ones the first. */
    public int[] labels() {
        int width = size().width();
        int[] labels = new int[size().pixels()];
        float[] highest = new float[how.filledSize().width()];
        rows(size().height(), (y, row) -> PixelRows.loudest(row, width, highest, labels, y * width));
        return labels;
    }

    /** The mean over all pixels, those included that fill the crop up to whole patches. */
    @Override
    public double measure(ToDoubleFunction<float[]> of) {
        Objects.requireNonNull(of, "the measure is null");
        int width = how.filledSize().width();
        float[] probabilities = new float[classes()];
        float[][] shares = new float[classes()][width];
        PixelRows.Softmax softmax = new PixelRows.Softmax(width);
        double[] sum = new double[1];
        rows(how.filledSize().height(), (y, row) -> {
            softmax.of(row, shares);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < probabilities.length; c++) {
                    probabilities[c] = shares[c][x];
                }
                sum[0] += of.applyAsDouble(probabilities);
            }
        });
        return sum[0] / how.filledSize().pixels();
    }

    /** ln Σ eˣ − Σ p x of each pixel, which takes one logarithm. */
    @Override
    public double entropyNats() {
        return PixelEntropy.mean(values, how);
    }

    /**
     * Reads rows of pixels one after the other, all of their columns or some. Patches are spread across first, so that a row
     * of pixels is a mean of two rows of the same length. For one thread.
     */
    public final class Rows {
        private final Bilinear.Axis down =
                Bilinear.Axis.of(how.grid().height(), how.filledSize().height());
        private final Bilinear.Axis across =
                Bilinear.Axis.of(how.grid().width(), how.filledSize().width());
        private final int from;
        private final int to;
        private final int place;
        private final float[][][] patches; // two rows of patches, (C, place + to - from)
        private final int[] held = {-1, -1}; // which they are

        private Rows(int from, int to, int place) {
            if (from < 0 || to > how.filledSize().width() || from >= to || place < 0) {
                throw new IllegalArgumentException("columns " + from + " to " + to + " of a crop of " + how.filledSize()
                        + " pixels cannot be read at " + place);
            }
            this.from = from;
            this.to = to;
            this.place = place;
            this.patches = new float[2][classes()][place + to - from];
        }

        /**
         * Adds the logits of a row of pixels to others.
         *
         * @param y from 0
         * @param target (C, at least so many as place and columns), from the place on
         */
        public void addTo(int y, float[][] target) {
            float[][] above = patches(down.first(y));
            float[][] below = patches(down.second(y));
            float share = down.share(y);
            for (int c = 0; c < target.length; c++) {
                add(above[c], below[c], share, target[c]);
            }
        }

        private void add(float[] up, float[] low, float share, float[] target) {
            float rest = 1 - share;
            int end = place + to - from;
            for (int x = place; x < end; x++) {
                target[x] += rest * up[x] + share * low[x];
            }
        }

        private float[][] patches(int row) {
            int slot = row % 2; // the two that are asked for lie beside each other
            float[][] spread = patches[slot];
            if (held[slot] != row) {
                held[slot] = row;
                int classes = classes();
                int first = row * how.grid().width();
                for (int x = from; x < to; x++) {
                    int left = (first + across.first(x)) * classes;
                    int right = (first + across.second(x)) * classes;
                    float share = across.share(x);
                    for (int c = 0; c < classes; c++) {
                        spread[c][place + x - from] = (1 - share) * values[left + c] + share * values[right + c];
                    }
                }
            }
            return spread;
        }
    }

    /**
     * The pixels of some columns, row by row, those that fill the crop up included.
     *
     * @param from the first column
     * @param to behind the last
     * @param place at which the first column is put
     */
    public Rows pixels(int from, int to, int place) {
        return new Rows(from, to, place);
    }

    /** Goes through the pixels' logits, those that fill up included in each row. */
    private void rows(int height, Row row) {
        int width = how.filledSize().width();
        Rows rows = pixels(0, width, 0);
        float[][] pixels = new float[classes()][width];
        for (int y = 0; y < height; y++) {
            for (float[] own : pixels) {
                Arrays.fill(own, 0);
            }
            rows.addTo(y, pixels);
            row.take(y, pixels);
        }
    }
}
