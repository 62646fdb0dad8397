package dev.thinkingvit.train;

import dev.thinkingvit.data.BatchMixer;
import dev.thinkingvit.picture.ImageSize;
import java.util.random.RandomGenerator;

/**
 * Mixup (Zhang et al., 2018) and cutmix (Yun et al., 2019) as timm's {@code FastCollateMixup} does in its mode
 * {@code batch}: one draw for a whole batch, of whole levels, where image i is mixed with image B−1−i.
 */
public final class Mixing implements BatchMixer {
    /**
     * @param mixupAlpha parameter of mixup's Beta distribution; 0 for none
     * @param cutmixAlpha parameter of cutmix's Beta distribution; 0 for none
     * @param probability share of the batches that are mixed
     * @param switchProbability share of cutmix among the mixed ones, where both are on
     */
    public record Options(double mixupAlpha, double cutmixAlpha, double probability, double switchProbability) {
        public static final Options NONE = new Options(0, 0, 0, 0);

        /** The published recipe's. */
        public static final Options RECIPE = new Options(0.8, 1.0, 1.0, 0.5);

        /** Whether any batch is mixed. */
        public boolean mix() {
            return mixupAlpha + cutmixAlpha > 0 && probability > 0;
        }

        public Options {
            if (!(mixupAlpha >= 0 && cutmixAlpha >= 0 && mixupAlpha + cutmixAlpha < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException(
                        "mixup and cutmix must be 0 or positive numbers, got " + mixupAlpha + " and " + cutmixAlpha);
            }
            if (!(probability >= 0 && probability <= 1 && switchProbability >= 0 && switchProbability <= 1)) {
                throw new IllegalArgumentException(
                        "mixing probabilities must lie in [0, 1], got " + probability + " and " + switchProbability);
            }
        }
    }

    private final Options options;

    Mixing(Options options) {
        this.options = options;
    }

    @Override
    public double mix(byte[] levels, int pictures, ImageSize size, RandomGenerator random) {
        boolean mixup = options.mixupAlpha() > 0;
        boolean cutmix = options.cutmixAlpha() > 0;
        if (!(mixup || cutmix) || random.nextDouble() >= options.probability()) {
            return 1;
        }
        if (cutmix && (!mixup || random.nextDouble() < options.switchProbability())) {
            return cut(levels, pictures, size, beta(options.cutmixAlpha(), random), random);
        }
        double lambda = beta(options.mixupAlpha(), random);
        blend(levels, pictures, lambda);
        return lambda;
    }

    /** In single precision, rounded to whole levels, halves to the even one: what numpy does for timm. */
    static void blend(byte[] levels, int batch, double lambda) {
        int length = levels.length / batch;
        float own = (float) lambda;
        float rest = (float) (1 - lambda);
        for (int i = 0; i < (batch + 1) / 2; i++) {
            blend(levels, i * length, (batch - 1 - i) * length, length, own, rest);
        }
    }

    private static void blend(byte[] levels, int a, int b, int length, float own, float rest) {
        for (int j = 0; j < length; j++) {
            float first = levels[a + j] & 0xFF;
            float second = levels[b + j] & 0xFF;
            levels[a + j] = (byte) Math.rint(first * own + second * rest);
            levels[b + j] = (byte) Math.rint(second * own + first * rest);
        }
    }

    /** Exchanges a box between mirrored images; returns the share of the image that stayed its own. */
    private static double cut(byte[] levels, int batch, ImageSize size, double lambda, RandomGenerator random) {
        int rows = size.height();
        int columns = size.width();
        int height = (int) (rows * Math.sqrt(1 - lambda));
        int width = (int) (columns * Math.sqrt(1 - lambda));
        int centreY = random.nextInt(rows);
        int centreX = random.nextInt(columns);
        int top = Math.max(0, centreY - height / 2);
        int bottom = Math.min(rows, centreY + height / 2);
        int left = Math.max(0, centreX - width / 2);
        int right = Math.min(columns, centreX + width / 2);
        int length = levels.length / batch;
        for (int i = 0; i < batch / 2; i++) {
            for (int row = 0; row < length / columns; row++) {
                if (row % rows >= top && row % rows < bottom) {
                    swap(levels, i * length + row * columns, (batch - 1 - i) * length + row * columns, left, right);
                }
            }
        }
        return 1 - (double) (bottom - top) * (right - left) / size.pixels();
    }

    private static void swap(byte[] levels, int a, int b, int from, int to) {
        for (int x = from; x < to; x++) {
            byte held = levels[a + x];
            levels[a + x] = levels[b + x];
            levels[b + x] = held;
        }
    }

    /** A draw from Beta(alpha, alpha), as the share of two Gamma draws. */
    private static double beta(double alpha, RandomGenerator random) {
        double x = gamma(alpha, random);
        double y = gamma(alpha, random);
        return x + y == 0 ? 0.5 : x / (x + y);
    }

    // Marsaglia and Tsang, 2000; below 1 by way of alpha + 1
    private static double gamma(double alpha, RandomGenerator random) {
        if (alpha < 1) {
            return gamma(alpha + 1, random) * Math.pow(1 - random.nextDouble(), 1 / alpha);
        }
        double d = alpha - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double normal = random.nextGaussian();
            double v = Math.pow(1 + c * normal, 3);
            double u = 1 - random.nextDouble();
            if (v > 0 && Math.log(u) < 0.5 * normal * normal + d - d * v + d * Math.log(v)) {
                return d * v;
            }
        }
    }
}
