package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import java.util.random.RandomGenerator;

/**
 * Changes brightness, contrast, saturation and hue, each with probability ½, as mmsegmentation's operator of that name
 * does: brightness by up to ±32 levels, contrast and saturation by factors from 0.5 to 1.5, the hue by up to ±18 of 180
 * steps of the circle. Contrast comes before the colours or after them, by a coin.
 */
public record PhotometricDistortion() implements PictureTransform {
    private static final float BRIGHTNESS = 32;
    private static final float LEAST = 0.5f;
    private static final float MOST = 1.5f;
    private static final int HUE = 18;
    private static final float CIRCLE = 180;
    private static final float WHITE = 255;

    @Override
    public Picture apply(Picture picture, RandomGenerator random) {
        float[] levels = new float[picture.rgb().length];
        for (int i = 0; i < levels.length; i++) {
            levels[i] = picture.rgb()[i] & 0xff;
        }
        if (random.nextBoolean()) {
            change(levels, 1, (2 * random.nextFloat() - 1) * BRIGHTNESS);
        }
        boolean contrastFirst = random.nextBoolean();
        if (contrastFirst && random.nextBoolean()) {
            change(levels, factor(random), 0);
        }
        float saturation = random.nextBoolean() ? factor(random) : 1;
        float hue = random.nextBoolean() ? random.nextInt(-HUE, HUE) / CIRCLE : 0;
        if (saturation != 1 || hue != 0) {
            colour(levels, saturation, hue);
        }
        if (!contrastFirst && random.nextBoolean()) {
            change(levels, factor(random), 0);
        }
        byte[] rgb = new byte[levels.length];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) Math.round(levels[i]);
        }
        return new Picture(picture.width(), picture.height(), rgb);
    }

    private static float factor(RandomGenerator random) {
        return LEAST + (MOST - LEAST) * random.nextFloat();
    }

    private static void change(float[] levels, float factor, float more) {
        for (int i = 0; i < levels.length; i++) {
            levels[i] = Math.min(WHITE, Math.max(0, levels[i] * factor + more));
        }
    }

    private static void colour(float[] levels, float factor, float turn) {
        for (int i = 0; i < levels.length; i += 3) {
            float most = Math.max(levels[i], Math.max(levels[i + 1], levels[i + 2]));
            float least = Math.min(levels[i], Math.min(levels[i + 1], levels[i + 2]));
            float range = most - least;
            if (range > 0) {
                float saturation = Math.min(1, range / most * factor);
                float hue = hue(levels[i], levels[i + 1], levels[i + 2], most, range) + 6 * turn;
                for (int channel = 0; channel < 3; channel++) {
                    levels[i + channel] = channel(channel, hue, saturation, most);
                }
            }
        }
    }

    /** In sixths of the circle. */
    private static float hue(float red, float green, float blue, float most, float range) {
        if (red == most) {
            return (green - blue) / range;
        }
        return green == most ? 2 + (blue - red) / range : 4 + (red - green) / range;
    }

    /** The cylinder's formula: each channel falls off with the distance of its own hue. */
    private static float channel(int channel, float hue, float saturation, float value) {
        float place = (5 - 2 * channel + hue) % 6;
        float at = place < 0 ? place + 6 : place;
        float share = Math.max(0, Math.min(Math.min(at, 4 - at), 1));
        return value - value * saturation * share;
    }
}
