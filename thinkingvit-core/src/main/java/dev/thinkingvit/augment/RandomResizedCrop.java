package dev.thinkingvit.augment;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureResizer;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.Resampling;
import java.util.random.RandomGenerator;

/**
 * A part of random area and shape, resized to the input's size: "Inception" cropping, as torchvision's
 * {@code RandomResizedCrop} draws it.
 *
 * <p>The area is uniform within the scale range, the logarithm of width over height uniform within that of the ratio
 * range. A part that does not fit is drawn again; after ten failures the largest centred part of an allowed ratio is
 * taken.
 *
 * @param size of the result
 * @param minScale smallest share of the picture's area, above 0
 * @param maxScale largest share of the picture's area
 * @param minRatio smallest width over height, above 0
 * @param maxRatio largest width over height
 * @param interpolation the resizing kernel
 */
public record RandomResizedCrop(
        ImageSize size, double minScale, double maxScale, double minRatio, double maxRatio, Resampling interpolation)
        implements PictureTransform {

    private static final int TRIES = 10;

    public RandomResizedCrop {
        if (!(minScale > 0 && minScale <= maxScale && maxScale <= 1)) {
            throw new IllegalArgumentException(
                    "The scale range must lie within 0 and 1, not " + minScale + " to " + maxScale);
        }
        if (!(minRatio > 0 && minRatio <= maxRatio && maxRatio < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "The ratio range must be positive and in order, not " + minRatio + " to " + maxRatio);
        }
    }

    /** The published recipe's ranges: scale 0.08–1, ratio 3/4–4/3, bicubic. */
    public static RandomResizedCrop standard(ImageSize size) {
        return new RandomResizedCrop(size, 0.08, 1.0, 3.0 / 4.0, 4.0 / 3.0, Resampling.BICUBIC);
    }

    @Override
    public Picture apply(Picture picture, RandomGenerator random) {
        int width = picture.width();
        int height = picture.height();
        double area = (double) width * height;
        for (int i = 0; i < TRIES; i++) {
            double wanted = area * uniform(minScale, maxScale, random);
            double ratio = Math.exp(uniform(Math.log(minRatio), Math.log(maxRatio), random));
            int w = (int) Math.rint(Math.sqrt(wanted * ratio));
            int h = (int) Math.rint(Math.sqrt(wanted / ratio));
            if (w > 0 && w <= width && h > 0 && h <= height) {
                int top = random.nextInt(height - h + 1);
                int left = random.nextInt(width - w + 1);
                return resize(picture, left, top, w, h);
            }
        }
        double ratio = (double) width / height;
        int w = ratio > maxRatio ? Math.max(1, (int) Math.rint(height * maxRatio)) : width;
        int h = ratio < minRatio ? Math.max(1, (int) Math.rint(width / minRatio)) : height;
        return resize(picture, (width - w) / 2, (height - h) / 2, w, h);
    }

    private Picture resize(Picture picture, int left, int top, int w, int h) {
        return PictureResizer.resize(picture, size.width(), size.height(), interpolation, left, top, left + w, top + h);
    }

    private static double uniform(double low, double high, RandomGenerator random) {
        return low + (high - low) * random.nextDouble();
    }
}
