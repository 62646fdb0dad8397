package dev.thinkingvit.model;

import dev.thinkingvit.picture.Bilinear;
import java.util.Arrays;

/**
 * The mean entropy of pixels whose logits are interpolated between patches. From one row of pixels to the next between the same
 * patches a logit grows by the same amount, so that its exponential is multiplied by the same factor: two exponentials for each
 * column between two patches stand for those of all its pixels, and what is left to do for a pixel are products and sums that run
 * along rows.
 *
 * <p>{@code C} classes, {@code w} pixels across.
 */
final class PixelEntropy {
    /** Logits that lie further below the largest are no small floats any more by the time that they have grown. */
    private static final float DEEPEST = -80;

    private static final float LEAST_EXPONENT = -87; // e of it is the smallest float that is normal
    private static final float LOG2_E = 1.442695f;
    private static final float LN2_HIGH = 0.6933594f;
    private static final float LN2_LOW = -0.00021219444f;

    private final float[] values;
    private final MaskReadout how;
    private final int classes;
    private final int width;
    private final Bilinear.Axis across;
    private float[][] above; // (C, w) of a row of patches
    private float[][] below; // (C, w) of the next one
    private final float[] highestAbove; // (w)
    private final float[] highestBelow; // (w)
    private final float[][] total; // (rows, w)
    private final float[][] weighed; // (rows, w)
    private final float[] power; // (w) of one class at a row
    private final float[] factor; // (w) from a row to the next
    private final float[] depth; // (w) of one class below the highest, beside the patches above
    private final float[] slope; // (w) by which it grows on the way to the patches below

    private PixelEntropy(float[] values, MaskReadout how) {
        this.values = values;
        this.how = how;
        this.classes = how.classes();
        this.width = how.filledSize().width();
        this.across = Bilinear.Axis.of(how.grid().width(), width);
        int rows = how.filledSize().height() / how.grid().height();
        this.above = new float[classes][width];
        this.below = new float[classes][width];
        this.highestAbove = new float[width];
        this.highestBelow = new float[width];
        this.total = new float[rows][width];
        this.weighed = new float[rows][width];
        this.power = new float[width];
        this.factor = new float[width];
        this.depth = new float[width];
        this.slope = new float[width];
    }

    /**
     * @param values (patches, C)
     * @param how they lie in a crop that is filled up to whole patches
     */
    static double mean(float[] values, MaskReadout how) {
        return new PixelEntropy(values, how).mean();
    }

    private double mean() {
        int height = how.filledSize().height();
        int grid = how.grid().height();
        int patch = height / grid; // whole ones
        double step = 1.0 / patch;
        spread(0, below);
        double sum = 0;
        int edge = patch / 2; // pixels beyond the middle of the outermost patches, which all say the same
        sum += edge * row(below);
        int y = edge;
        for (int row = 0; row + 1 < grid; row++) {
            float[][] reused = above;
            above = below;
            below = reused;
            spread(row + 1, below);
            // the middle of pixel y lies (2 y + 1 - patch) / (2 patch) patches below that of the first patch
            int begins = 2 * y + 1 - patch - 2 * patch * row;
            int rows = 0;
            while (begins + 2 * rows < 2 * patch) {
                rows++;
            }
            sum += between(begins / (2.0 * patch), step, rows);
            y += rows;
        }
        sum += (height - y) * row(below);
        return sum / how.filledSize().pixels();
    }

    /** The logits of a row of patches, at each column of pixels. */
    private void spread(int row, float[][] to) {
        int first = row * how.grid().width();
        for (int x = 0; x < width; x++) {
            int left = (first + across.first(x)) * classes;
            int right = (first + across.second(x)) * classes;
            float share = across.share(x);
            for (int c = 0; c < classes; c++) {
                to[c][x] = (1 - share) * values[left + c] + share * values[right + c];
            }
        }
    }

    /** The entropies of a row of pixels, summed. */
    private double row(float[][] logits) {
        float[] highest = highestAbove;
        PixelRows.highest(logits, highest);
        float[] all = total[0];
        float[] shares = weighed[0];
        Arrays.fill(all, 0);
        Arrays.fill(shares, 0);
        for (float[] own : logits) {
            for (int x = 0; x < width; x++) {
                float depthBelow = own[x] - highest[x];
                float share = exp(depthBelow);
                all[x] += share;
                shares[x] += share * depthBelow;
            }
        }
        return entropy(all, shares);
    }

    private double entropy(float[] all, float[] shares) {
        double sum = 0;
        for (int x = 0; x < width; x++) {
            sum += Math.log(all[x]) - shares[x] / all[x];
        }
        return sum;
    }

    /**
     * The entropies of the rows of pixels between two rows of patches, summed.
     *
     * @param first share of the patches below in the first row
     * @param step by which it grows from row to row
     */
    private double between(double first, double step, int rows) {
        PixelRows.highest(above, highestAbove);
        PixelRows.highest(below, highestBelow);
        if (isTooDeep(above, highestAbove) || isTooDeep(below, highestBelow)) {
            return oneByOne(first, step, rows);
        }
        for (int i = 0; i < rows; i++) {
            Arrays.fill(total[i], 0);
            Arrays.fill(weighed[i], 0);
        }
        float start = (float) first;
        float grows = (float) step;
        for (int c = 0; c < classes; c++) {
            float[] up = above[c];
            float[] down = below[c];
            for (int x = 0; x < width; x++) {
                // what lies between the highest above and the highest below is no lower than any class there
                float here = up[x] - highestAbove[x];
                float there = down[x] - highestBelow[x];
                depth[x] = here;
                slope[x] = there - here;
            }
            for (int x = 0; x < width; x++) {
                power[x] = exp(depth[x] + start * slope[x]);
                float growth = grows * slope[x];
                float less = exp(-Math.abs(growth));
                factor[x] = growth > 0 ? 1 / less : less;
            }
            for (int i = 0; i < rows; i++) {
                add((float) (first + i * step), total[i], weighed[i]);
            }
        }
        double sum = 0;
        for (int i = 0; i < rows; i++) {
            sum += entropy(total[i], weighed[i]);
        }
        return sum;
    }

    /** Adds a class to a row, and goes on to the next row. */
    private void add(float share, float[] all, float[] shares) {
        float[] now = power;
        float[] times = factor;
        float[] at = depth;
        float[] by = slope;
        for (int x = 0; x < width; x++) {
            float exponential = now[x];
            all[x] += exponential;
            shares[x] += exponential * (at[x] + share * by[x]);
            now[x] = exponential * times[x];
        }
    }

    private boolean isTooDeep(float[][] logits, float[] highest) {
        for (float[] own : logits) {
            for (int x = 0; x < width; x++) {
                if (own[x] - highest[x] < DEEPEST) {
                    return true;
                }
            }
        }
        return false;
    }

    private double oneByOne(double first, double step, int rows) {
        float[][] logits = new float[classes][width];
        double sum = 0;
        for (int i = 0; i < rows; i++) {
            float share = (float) (first + i * step);
            float rest = 1 - share;
            for (int c = 0; c < classes; c++) {
                for (int x = 0; x < width; x++) {
                    logits[c][x] = rest * above[c][x] + share * below[c][x];
                }
            }
            sum += row(logits);
        }
        return sum;
    }

    /**
     * eˣ for x ≤ 0 to a float's precision, as Cephes computes it: what is multiplied from row to row has to begin right,
     * however small it is.
     */
    private static float exp(float x) {
        if (x < LEAST_EXPONENT) {
            return 0;
        }
        int power = (int) (x * LOG2_E - 0.5f);
        float rest = x - power * LN2_HIGH - power * LN2_LOW;
        float sum = 0.00019875691f;
        sum = sum * rest + 0.0013981999f;
        sum = sum * rest + 0.008333452f;
        sum = sum * rest + 0.041665796f;
        sum = sum * rest + 0.16666666f;
        sum = sum * rest + 0.5f;
        return (sum * rest * rest + rest + 1) * Float.intBitsToFloat((power + 127) << 23);
    }
}
