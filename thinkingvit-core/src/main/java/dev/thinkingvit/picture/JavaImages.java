package dev.thinkingvit.picture;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.PackedColorModel;
import java.awt.image.Raster;
import java.awt.image.SinglePixelPackedSampleModel;
import java.io.IOException;
import java.util.stream.IntStream;

/** Images that a program made or read itself, which come in more kinds than readers give. */
final class JavaImages {
    private static final int BYTE_BITS = 8;

    private JavaImages() {}

    /** See {@link Picture#of(BufferedImage)}. */
    static Picture toPicture(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        if (3L * width * height > Integer.MAX_VALUE - 16) {
            throw new IllegalArgumentException(
                    "an image of " + width + "x" + height + " has more pixels than an array holds; make it smaller");
        }
        ColorModel colors = image.getColorModel();
        if (!(colors instanceof IndexColorModel) && !isRgbOrGray(colors.getColorSpace())) {
            return new Picture(width, height, converted(image));
        }
        if (colors instanceof ComponentColorModel && image.getRaster().getTransferType() == DataBuffer.TYPE_INT) {
            throw new IllegalArgumentException(
                    "an image with samples of 32 bits, whose colours Java itself cannot tell:"
                            + " draw it into one of BufferedImage's own types first");
        }
        if (image.getRaster().getTransferType() == DataBuffer.TYPE_INT
                && image.getSampleModel() instanceof SinglePixelPackedSampleModel packed
                && IntStream.of(packed.getSampleSize()).allMatch(bits -> bits == BYTE_BITS)) {
            return new Picture(width, height, fromInts(image, packed.getBitOffsets()));
        }
        try {
            return new Picture(width, height, isStored(image) ? Rasters.toRgb(image) : normalized(image));
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** The usual types, row by row. */
    private static byte[] fromInts(BufferedImage image, int[] shifts) {
        Raster raster = image.getRaster();
        int width = image.getWidth();
        boolean divided = image.getColorModel().hasAlpha() && image.isAlphaPremultiplied();
        byte[] rgb = new byte[3 * width * image.getHeight()];
        int[] row = new int[width];
        int out = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            raster.getDataElements(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int pixel : row) {
                int alpha = divided ? pixel >>> shifts[3] & 0xFF : 0xFF;
                for (int channel = 0; channel < 3; channel++) {
                    int level = pixel >>> shifts[channel] & 0xFF;
                    rgb[out++] = (byte)
                            (alpha == 0xFF || alpha == 0 ? level : Math.min(0xFF, (level * 0xFF + alpha / 2) / alpha));
                }
            }
        }
        return rgb;
    }

    /** Whether levels are what is stored, all of 8 or all of 16 bits, as files have them, or in a pixel's bits. */
    private static boolean isStored(BufferedImage image) {
        ColorModel colors = image.getColorModel();
        if (colors instanceof IndexColorModel) {
            return true;
        }
        if (colors.hasAlpha() && colors.isAlphaPremultiplied()) {
            return false;
        }
        if (colors instanceof PackedColorModel) {
            return true;
        }
        int type = image.getRaster().getTransferType();
        int bits = type == DataBuffer.TYPE_BYTE ? BYTE_BITS : type == DataBuffer.TYPE_USHORT ? 2 * BYTE_BITS : 0;
        for (int component = 0; component < colors.getNumComponents(); component++) {
            if (colors.getComponentSize(component) != bits
                    || image.getSampleModel().getSampleSize(component) != bits) {
                return false;
            }
        }
        return bits == BYTE_BITS || colors.getNumComponents() > 1; // gray of 16 bits is not cut off
    }

    private static boolean isRgbOrGray(ColorSpace space) {
        boolean linear = space == ColorSpace.getInstance(ColorSpace.CS_LINEAR_RGB);
        return (space.getType() == ColorSpace.TYPE_RGB && !linear) || space.getType() == ColorSpace.TYPE_GRAY;
    }

    /** Levels from what the colour model makes of a pixel: 0 to 1, without alpha. */
    private static byte[] normalized(BufferedImage image) {
        ColorModel colors = image.getColorModel();
        Raster raster = image.getRaster();
        int channels = colors.getNumColorComponents();
        boolean wide = channels == 1 && raster.getTransferType() == DataBuffer.TYPE_USHORT;
        float[] components = new float[colors.getNumComponents()];
        byte[] rgb = new byte[3 * image.getWidth() * image.getHeight()];
        Object pixel = null;
        int out = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                pixel = raster.getDataElements(raster.getMinX() + x, raster.getMinY() + y, pixel);
                colors.getNormalizedComponents(pixel, components, 0);
                for (int channel = 0; channel < 3; channel++) {
                    rgb[out++] = (byte) level(components[channels == 1 ? 0 : channel], wide);
                }
            }
        }
        return rgb;
    }

    /** @param wide whether it was stored in 16 bits, whose higher 8 are taken, as everywhere */
    private static int level(float normalized, boolean wide) {
        int level = wide ? Math.round(normalized * 0xFFFF) >> BYTE_BITS : Math.round(normalized * 0xFF);
        return Math.max(0, Math.min(0xFF, level));
    }

    private static byte[] converted(BufferedImage image) {
        int width = image.getWidth();
        byte[] rgb = new byte[3 * width * image.getHeight()];
        int[] row = new int[width];
        int out = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            for (int color : image.getRGB(0, y, width, 1, row, 0, width)) {
                rgb[out++] = (byte) (color >> 16);
                rgb[out++] = (byte) (color >> 8);
                rgb[out++] = (byte) color;
            }
        }
        return rgb;
    }
}
