package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;

/**
 * What PIL's {@code ImageOps} (and timm's {@code solarize_add}) do to levels one by one, to the same levels. All methods
 * are pure: they return a new picture, or the same one if nothing changes.
 */
final class ImageOps {

    private static final int LEVELS = 256;

    private ImageOps() {}

    /** Stretches each channel so that its darkest level becomes 0 and its brightest 255. */
    static Picture autocontrast(Picture picture) {
        int[] counts = histogram(picture);
        byte[] tables = new byte[3 * LEVELS];
        for (int channel = 0; channel < 3; channel++) {
            int base = channel * LEVELS;
            int low = 0;
            while (counts[base + low] == 0) {
                low++;
            }
            int high = LEVELS - 1;
            while (counts[base + high] == 0) {
                high--;
            }
            if (high == low) {
                keepLevels(tables, base);
                continue;
            }
            double scale = 255.0 / (high - low);
            double offset = -low * scale;
            for (int level = 0; level < LEVELS; level++) {
                tables[base + level] = clip((int) (level * scale + offset));
            }
        }
        return lookUp(picture, tables);
    }

    /** Maps each channel so that its levels are spread as evenly as their histogram allows. */
    static Picture equalize(Picture picture) {
        int[] counts = histogram(picture);
        int pixels = picture.width() * picture.height();
        byte[] tables = new byte[3 * LEVELS];
        for (int channel = 0; channel < 3; channel++) {
            int base = channel * LEVELS;
            int high = LEVELS - 1;
            while (counts[base + high] == 0) {
                high--;
            }
            int step = (pixels - counts[base + high]) / 255;
            if (step == 0) {
                keepLevels(tables, base);
                continue;
            }
            int sum = step / 2;
            for (int level = 0; level < LEVELS; level++) {
                // Beyond 255 when the step was rounded down a lot.
                tables[base + level] = clip(sum / step);
                sum += counts[base + level];
            }
        }
        return lookUp(picture, tables);
    }

    /** The negative. */
    static Picture invert(Picture picture) {
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) ~in[i];
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    /**
     * Keeps the highest bits of each level and clears the others.
     *
     * @param bitsToKeep from 0 (black; so are lower numbers) to 8 (unchanged; so are higher numbers)
     */
    static Picture posterize(Picture picture, int bitsToKeep) {
        if (bitsToKeep >= 8) {
            return picture;
        }
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        int mask = 0xFF << (8 - Math.max(bitsToKeep, 0));
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) (in[i] & mask);
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    /** Inverts levels from the threshold on; 256 changes nothing, 0 everything. */
    static Picture solarize(Picture picture, int threshold) {
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i++) {
            int level = in[i] & 0xFF;
            out[i] = (byte) (level < threshold ? level : ~level);
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    /** Adds {@code add} (0–255) to levels below 128, up to 255. */
    static Picture solarizeAdd(Picture picture, int add) {
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i++) {
            int level = in[i] & 0xFF;
            out[i] = (byte) (level < 128 ? Math.min(level + add, 255) : level);
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    /** Replaces each level by the table's entry. */
    static Picture lookUpAll(Picture picture, byte[] table) {
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = table[in[i] & 0xFF];
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    /** Replaces each level by the entry of its channel's table; the three tables follow one another. */
    private static Picture lookUp(Picture picture, byte[] tables) {
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i += 3) {
            out[i] = tables[in[i] & 0xFF];
            out[i + 1] = tables[LEVELS + (in[i + 1] & 0xFF)];
            out[i + 2] = tables[2 * LEVELS + (in[i + 2] & 0xFF)];
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    private static int[] histogram(Picture picture) {
        byte[] in = picture.rgb();
        int[] counts = new int[3 * LEVELS];
        for (int i = 0; i < in.length; i += 3) {
            counts[in[i] & 0xFF]++;
            counts[LEVELS + (in[i + 1] & 0xFF)]++;
            counts[2 * LEVELS + (in[i + 2] & 0xFF)]++;
        }
        return counts;
    }

    private static void keepLevels(byte[] tables, int base) {
        for (int level = 0; level < LEVELS; level++) {
            tables[base + level] = (byte) level;
        }
    }

    private static byte clip(int level) {
        return (byte) Math.max(0, Math.min(level, 255));
    }
}
