package dev.thinkingvit.augment;

import dev.thinkingvit.data.InputTransform;
import dev.thinkingvit.picture.ImageSize;
import java.util.Arrays;
import java.util.Locale;
import java.util.random.RandomGenerator;

/**
 * Overwrites random rectangles of a normalised picture (Zhong et al., "Random Erasing", arXiv 1708.04896), as timm's
 * {@code RandomErasing} draws them.
 *
 * <p>A rectangle's area is uniform between the given shares of the picture's, divided by the number of rectangles; the
 * logarithm of its height over width is uniform. One that does not fit is drawn again, up to ten times.
 *
 * @param probability with which anything is erased, 0 to 1
 * @param mode what is written
 * @param minCount fewest rectangles, at least 1
 * @param maxCount most rectangles
 * @param minArea smallest share of the picture's area, above 0
 * @param maxArea largest share of the picture's area, at most 1
 * @param minAspect smallest height over width, above 0
 * @param maxAspect largest height over width
 */
public record RandomErasing(
        double probability,
        Mode mode,
        int minCount,
        int maxCount,
        double minArea,
        double maxArea,
        double minAspect,
        double maxAspect)
        implements InputTransform {

    /** What is written; noise is drawn from the standard normal distribution, as normalised values are about. */
    public enum Mode {
        /** Zero, the mean of normalised pictures. */
        CONST,
        /** One number a channel and rectangle. */
        RAND,
        /** A number for every value. */
        PIXEL;

        /**
         * The mode of timm's name ({@code const}, {@code rand}, {@code pixel}).
         *
         * @throws IllegalArgumentException for any other name
         */
        public static Mode named(String name) {
            return switch (name.toLowerCase(Locale.ROOT)) {
                case "const" -> CONST;
                case "rand" -> RAND;
                case "pixel" -> PIXEL;
                default ->
                    throw new IllegalArgumentException(
                            "Unknown erasing mode '" + name + "': it must be const, rand or pixel");
            };
        }
    }

    private static final int TRIES = 10;
    private static final int CHANNELS = 3;

    public RandomErasing {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("A probability lies between 0 and 1, not " + probability);
        }
        if (minCount < 1 || maxCount < minCount) {
            throw new IllegalArgumentException(
                    "The number of rectangles must be at least 1 and in order, not " + minCount + " to " + maxCount);
        }
        if (!(minArea > 0 && minArea <= maxArea && maxArea <= 1)) {
            throw new IllegalArgumentException(
                    "The area range must lie within 0 and 1, not " + minArea + " to " + maxArea);
        }
        if (!(minAspect > 0 && minAspect <= maxAspect && maxAspect < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "The aspect range must be positive and in order, not " + minAspect + " to " + maxAspect);
        }
    }

    /** timm's ranges: one rectangle, area 0.02–1/3, aspect 0.3–1/0.3. The published recipe erases 0.25, pixel. */
    public RandomErasing(double probability, Mode mode) {
        this(probability, mode, 1, 1, 0.02, 1.0 / 3, 0.3, 1 / 0.3);
    }

    /** The same with up to {@code count} rectangles, as timm's {@code recount} says. */
    public RandomErasing withMaxCount(int count) {
        return new RandomErasing(probability, mode, minCount, count, minArea, maxArea, minAspect, maxAspect);
    }

    @Override
    public void apply(float[] input, int offset, ImageSize size, RandomGenerator random) {
        if (random.nextDouble() >= probability) {
            return;
        }
        int count = minCount + random.nextInt(maxCount - minCount + 1);
        for (int i = 0; i < count; i++) {
            eraseOne(input, offset, size, count, random);
        }
    }

    private void eraseOne(float[] input, int offset, ImageSize size, int count, RandomGenerator random) {
        for (int i = 0; i < TRIES; i++) {
            double area = uniform(minArea, maxArea, random) * size.height() * size.width() / count;
            double aspect = Math.exp(uniform(Math.log(minAspect), Math.log(maxAspect), random));
            int height = (int) Math.rint(Math.sqrt(area * aspect));
            int width = (int) Math.rint(Math.sqrt(area / aspect));
            if (height < size.height() && width < size.width()) {
                int top = random.nextInt(size.height() - height + 1);
                int left = random.nextInt(size.width() - width + 1);
                erase(input, offset + top * size.width() + left, size, height, width, random);
                return;
            }
        }
    }

    private void erase(float[] input, int first, ImageSize size, int height, int width, RandomGenerator random) {
        for (int channel = 0; channel < CHANNELS; channel++) {
            float value = mode == Mode.RAND ? (float) random.nextGaussian() : 0;
            int at = first + channel * size.pixels();
            for (int y = 0; y < height; y++, at += size.width()) {
                if (mode == Mode.PIXEL) {
                    for (int x = 0; x < width; x++) {
                        input[at + x] = (float) random.nextGaussian();
                    }
                } else {
                    Arrays.fill(input, at, at + width, value);
                }
            }
        }
    }

    private static double uniform(double low, double high, RandomGenerator random) {
        return low + (high - low) * random.nextDouble();
    }
}
