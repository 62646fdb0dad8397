package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;
import java.util.random.RandomGenerator;

/**
 * timm's augmentation operations by timm's names: a PIL operator each, and how a level becomes its argument.
 *
 * <p>A level runs from 0 to 10, or as far as {@code mmax} lets it. The operations called increasing do more the higher
 * their level; the plain ones of the same kind follow the first implementations, in which some do less.
 */
enum AugmentOp {
    AUTO_CONTRAST((picture, level, warp, random) -> ImageOps.autocontrast(picture)),
    EQUALIZE((picture, level, warp, random) -> ImageOps.equalize(picture)),
    INVERT((picture, level, warp, random) -> ImageOps.invert(picture)),
    /** Up to ±30 degrees. */
    ROTATE((picture, level, warp, random) -> {
        double degrees = eitherSign(part(level) * 30, random);
        return warp.apply(picture, AffineTransform.rotate(degrees, picture.width(), picture.height()), random);
    }),
    /** Keeps 0 to 4 bits. */
    POSTERIZE((picture, level, warp, random) -> ImageOps.posterize(picture, posterizeBits(level))),
    /** Keeps 4 to 0 bits. */
    POSTERIZE_INCREASING((picture, level, warp, random) -> ImageOps.posterize(picture, 4 - posterizeBits(level))),
    /** Threshold 0 to 256. */
    SOLARIZE((picture, level, warp, random) -> ImageOps.solarize(picture, solarizeThreshold(level))),
    /** Threshold 256 to 0. */
    SOLARIZE_INCREASING((picture, level, warp, random) -> ImageOps.solarize(picture, 256 - solarizeThreshold(level))),
    /** Adds up to 110, or 128 beyond level 10. */
    SOLARIZE_ADD(
            (picture, level, warp, random) -> ImageOps.solarizeAdd(picture, Math.min(128, (int) (part(level) * 110)))),
    /** Factor 0.1 to 1.9. */
    COLOR((picture, level, warp, random) -> ImageEnhance.color(picture, factor(level))),
    /** Factor 1 to 0.1 or to 1.9. */
    COLOR_INCREASING((picture, level, warp, random) -> ImageEnhance.color(picture, increasingFactor(level, random))),
    /** Factor 0.1 to 1.9. */
    CONTRAST((picture, level, warp, random) -> ImageEnhance.contrast(picture, factor(level))),
    /** Factor 1 to 0.1 or to 1.9. */
    CONTRAST_INCREASING(
            (picture, level, warp, random) -> ImageEnhance.contrast(picture, increasingFactor(level, random))),
    /** Factor 0.1 to 1.9. */
    BRIGHTNESS((picture, level, warp, random) -> ImageEnhance.brightness(picture, factor(level))),
    /** Factor 1 to 0.1 or to 1.9. */
    BRIGHTNESS_INCREASING(
            (picture, level, warp, random) -> ImageEnhance.brightness(picture, increasingFactor(level, random))),
    /** Factor 0.1 to 1.9. */
    SHARPNESS((picture, level, warp, random) -> ImageEnhance.sharpness(picture, factor(level))),
    /** Factor 1 to 0.1 or to 1.9. */
    SHARPNESS_INCREASING(
            (picture, level, warp, random) -> ImageEnhance.sharpness(picture, increasingFactor(level, random))),
    /** Up to ±0.3. */
    SHEAR_X((picture, level, warp, random) ->
            warp.apply(picture, AffineTransform.shearX(eitherSign(part(level) * 0.3, random)), random)),
    /** Up to ±0.3. */
    SHEAR_Y((picture, level, warp, random) ->
            warp.apply(picture, AffineTransform.shearY(eitherSign(part(level) * 0.3, random)), random)),
    /** Up to ±0.45 of the width. */
    TRANSLATE_X_REL((picture, level, warp, random) -> warp.apply(
            picture, AffineTransform.translateX(eitherSign(part(level) * 0.45, random) * picture.width()), random)),
    /** Up to ±0.45 of the height. */
    TRANSLATE_Y_REL((picture, level, warp, random) -> warp.apply(
            picture, AffineTransform.translateY(eitherSign(part(level) * 0.45, random) * picture.height()), random));

    /** The level at which arguments reach the ends of their ranges: timm's {@code _LEVEL_DENOM}. */
    static final int MAX_LEVEL = 10;

    /** What moves pixels about, with the caller's choice of interpolation and fill colour. */
    @FunctionalInterface
    interface Warp {
        Picture apply(Picture picture, AffineTransform transform, RandomGenerator random);
    }

    @FunctionalInterface
    private interface Operation {
        Picture apply(Picture picture, double level, Warp warp, RandomGenerator random);
    }

    @SuppressWarnings("ImmutableEnumChecker") // the lambdas capture nothing
    private final Operation operation;

    AugmentOp(Operation operation) {
        this.operation = operation;
    }

    /** The picture after this operation at a level of at least 0. */
    Picture apply(Picture picture, double level, Warp warp, RandomGenerator random) {
        return operation.apply(picture, level, warp, random);
    }

    private static double part(double level) {
        return level / MAX_LEVEL;
    }

    private static double eitherSign(double value, RandomGenerator random) {
        return random.nextBoolean() ? -value : value;
    }

    private static int posterizeBits(double level) {
        return (int) (part(level) * 4);
    }

    private static int solarizeThreshold(double level) {
        return Math.min(256, (int) (part(level) * 256));
    }

    private static double factor(double level) {
        return part(level) * 1.8 + 0.1;
    }

    private static double increasingFactor(double level, RandomGenerator random) {
        return Math.max(0.1, 1 + eitherSign(part(level) * 0.9, random));
    }
}
