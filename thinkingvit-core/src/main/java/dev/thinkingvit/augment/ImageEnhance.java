package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;

/**
 * PIL's {@code ImageEnhance}: blends a picture with a degenerate version of itself, to the same levels as PIL.
 *
 * <p>Each factor is at least 0: 0 gives the degenerate picture, 1 the picture itself (the same instance), more goes
 * beyond it. The blend is computed in single precision and cut off, not rounded, since PIL does so. All methods are
 * pure.
 */
final class ImageEnhance {

    private ImageEnhance() {}

    /** Between black and the picture. */
    static Picture brightness(Picture picture, double factor) {
        return blendWithGray(0, picture, (float) factor);
    }

    /** Between a uniform gray of the picture's mean luma and the picture. */
    static Picture contrast(Picture picture, double factor) {
        if ((float) factor == 1f) {
            return picture;
        }
        byte[] in = picture.rgb();
        long sum = 0;
        for (int i = 0; i < in.length; i += 3) {
            sum += luma(in, i);
        }
        int pixels = picture.width() * picture.height();
        double mean = (double) sum / pixels;
        return blendWithGray((int) (mean + 0.5), picture, (float) factor);
    }

    /** Between the picture in shades of gray and the picture: saturation. */
    static Picture color(Picture picture, double factor) {
        float alpha = (float) factor;
        if (alpha == 1f) {
            return picture;
        }
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i += 3) {
            int gray = luma(in, i);
            out[i] = blend(gray, in[i] & 0xFF, alpha);
            out[i + 1] = blend(gray, in[i + 1] & 0xFF, alpha);
            out[i + 2] = blend(gray, in[i + 2] & 0xFF, alpha);
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    /**
     * Between the picture smoothed by PIL's {@code SMOOTH} (3×3 weights of 1, 5 in the middle, over 13) and the picture.
     * The outermost pixels stay as they are.
     */
    static Picture sharpness(Picture picture, double factor) {
        float alpha = (float) factor;
        if (alpha == 1f) {
            return picture;
        }
        byte[] in = picture.rgb();
        byte[] out = in.clone();
        int stride = picture.width() * 3;
        int[] columnSums = new int[stride]; // of three rows
        for (int row = stride; row < in.length - stride; row += stride) {
            for (int i = 0; i < stride; i++) {
                columnSums[i] = (in[row - stride + i] & 0xFF) + (in[row + i] & 0xFF) + (in[row + stride + i] & 0xFF);
            }
            for (int i = 3; i < stride - 3; i++) {
                int level = in[row + i] & 0xFF;
                int sum = columnSums[i - 3] + columnSums[i] + columnSums[i + 3] + 4 * level;
                // sum / 13 to the nearest; the odd divisor leaves no ties, so that this equals PIL's floats.
                int smooth = (2 * sum + 13) / 26;
                out[row + i] = blend(smooth, level, alpha);
            }
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    private static Picture blendWithGray(int gray, Picture picture, float alpha) {
        if (alpha == 1f) {
            return picture;
        }
        byte[] table = new byte[256];
        for (int level = 0; level < 256; level++) {
            table[level] = blend(gray, level, alpha);
        }
        return ImageOps.lookUpAll(picture, table);
    }

    private static byte blend(int degenerate, int level, float alpha) {
        int blended = (int) (degenerate + alpha * (level - degenerate));
        return (byte) Math.max(0, Math.min(blended, 255));
    }

    /** ITU-R 601 luma in 16-bit fixed point, as PIL's mode L. */
    private static int luma(byte[] rgb, int i) {
        return ((rgb[i] & 0xFF) * 19595 + (rgb[i + 1] & 0xFF) * 38470 + (rgb[i + 2] & 0xFF) * 7471 + 0x8000) >> 16;
    }
}
