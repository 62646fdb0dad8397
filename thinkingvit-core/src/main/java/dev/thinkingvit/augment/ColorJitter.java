package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import java.util.random.RandomGenerator;

/**
 * Changes brightness, contrast, saturation and hue by random factors in random order, as torchvision's
 * {@code ColorJitter} does with PIL pictures.
 *
 * <p>The first three draw a factor uniformly from {@code max(0, 1 − x)} to {@code 1 + x} (1 changes nothing), the hue
 * turns by a part of the circle from {@code −x} to {@code x}. 0 leaves a step out.
 *
 * @param brightness at least 0
 * @param contrast at least 0
 * @param saturation at least 0
 * @param hue from 0 to 0.5
 */
public record ColorJitter(double brightness, double contrast, double saturation, double hue)
        implements PictureTransform {

    private static final int BRIGHTNESS = 0;
    private static final int CONTRAST = 1;
    private static final int SATURATION = 2;
    private static final int STEPS = 4;

    public ColorJitter {
        if (!(isRange(brightness) && isRange(contrast) && isRange(saturation))) {
            throw new IllegalArgumentException(
                    "Brightness, contrast and saturation jitter must be finite and at least 0, not " + brightness + ", "
                            + contrast + " and " + saturation);
        }
        if (!(hue >= 0 && hue <= 0.5)) {
            throw new IllegalArgumentException("Hue jitter lies between 0 and 0.5, not " + hue);
        }
    }

    /** One number for brightness, contrast and saturation, and no change of hue: timm's {@code color_jitter}. */
    public ColorJitter(double strength) {
        this(strength, strength, strength, 0);
    }

    private static boolean isRange(double value) {
        return value >= 0 && value < Double.POSITIVE_INFINITY;
    }

    @Override
    public Picture apply(Picture picture, RandomGenerator random) {
        int[] order = {0, 1, 2, 3};
        Picture result = picture;
        for (int i = 0; i < STEPS; i++) {
            int j = i + random.nextInt(STEPS - i);
            int step = order[j];
            order[j] = order[i];
            result = apply(step, result, random);
        }
        return result;
    }

    private Picture apply(int step, Picture picture, RandomGenerator random) {
        return switch (step) {
            case BRIGHTNESS -> brightness == 0 ? picture : ImageEnhance.brightness(picture, factor(brightness, random));
            case CONTRAST -> contrast == 0 ? picture : ImageEnhance.contrast(picture, factor(contrast, random));
            case SATURATION -> saturation == 0 ? picture : ImageEnhance.color(picture, factor(saturation, random));
            default -> hue == 0 ? picture : HueShift.apply(picture, hue * (2 * random.nextDouble() - 1));
        };
    }

    private static double factor(double range, RandomGenerator random) {
        double low = Math.max(0, 1 - range);
        return low + (1 + range - low) * random.nextDouble();
    }
}
