package dev.thinkingvit.picture;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.PackedColorModel;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;
import java.io.IOException;

/**
 * The stored samples of a reader's image as 8-bit RGB. Samples are taken as they are: what the image's colour space
 * would make of them is what profiles say, and those are ignored.
 */
final class Rasters {

    private Rasters() {}

    static Picture toPicture(BufferedImage image) throws IOException {
        return new Picture(image.getWidth(), image.getHeight(), toRgb(image));
    }

    static byte[] toRgb(BufferedImage image) throws IOException {
        Raster raster = image.getRaster();
        ColorModel colors = image.getColorModel();
        if (colors instanceof IndexColorModel palette) {
            return fromPalette(raster, palette);
        }
        if (colors instanceof PackedColorModel packed) {
            return fromPacked(raster, packed);
        }
        int bands = raster.getNumBands();
        int[] channels =
                switch (bands) {
                    case 1, 2 -> new int[] {0, 0, 0}; // gray; the second band is alpha
                    case 3, 4 -> new int[] {0, 1, 2};
                    default -> throw new IOException("it has " + bands + " channels");
                };
        int bits = raster.getSampleModel().getSampleSize(0);
        if (raster.getDataBuffer() instanceof DataBufferByte data
                && raster.getSampleModel() instanceof PixelInterleavedSampleModel model
                && raster.getSampleModelTranslateX() == 0
                && raster.getSampleModelTranslateY() == 0
                && data.getNumBanks() == 1) {
            return fromBytes(raster, data, model, channels);
        }
        if (bits != 8 && bits != 16) {
            throw new IOException("it has " + bands + " channels of " + bits + " bits");
        }
        if (bits == 16 && bands == 1) {
            return fromWideGray(raster);
        }
        return fromSamples(raster, channels, bits - 8);
    }

    /**
     * All channels of a raster as bytes, interleaved; of 16 bits the higher eight.
     *
     * @throws IOException if a sample has neither 8 nor 16 bits
     */
    static byte[] toBytes(Raster raster) throws IOException {
        int bits = raster.getSampleModel().getSampleSize(0);
        if (bits != 8 && bits != 16) {
            throw new IOException("it has " + raster.getNumBands() + " channels of " + bits + " bits");
        }
        int[] row = new int[raster.getWidth() * raster.getNumBands()];
        byte[] bytes = new byte[row.length * raster.getHeight()];
        int out = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, raster.getWidth(), 1, row);
            for (int sample : row) {
                bytes[out++] = (byte) (sample >> (bits - 8));
            }
        }
        return bytes;
    }

    private static byte[] fromBytes(
            Raster raster, DataBufferByte data, PixelInterleavedSampleModel model, int[] channels) {
        byte[] samples = data.getData();
        int[] offsets = model.getBandOffsets();
        int red = offsets[channels[0]] + data.getOffset();
        int green = offsets[channels[1]] + data.getOffset();
        int blue = offsets[channels[2]] + data.getOffset();
        byte[] rgb = new byte[raster.getWidth() * raster.getHeight() * 3];
        int out = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            int at = y * model.getScanlineStride();
            for (int x = 0; x < raster.getWidth(); x++, at += model.getPixelStride()) {
                rgb[out++] = samples[at + red];
                rgb[out++] = samples[at + green];
                rgb[out++] = samples[at + blue];
            }
        }
        return rgb;
    }

    private static byte[] fromSamples(Raster raster, int[] channels, int shift) {
        int width = raster.getWidth();
        int bands = raster.getNumBands();
        int[] row = new int[width * bands];
        byte[] rgb = new byte[width * raster.getHeight() * 3];
        int out = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int channel : channels) {
                    rgb[out++] = (byte) (row[x * bands + channel] >> shift);
                }
            }
        }
        return rgb;
    }

    /** PIL cuts 16-bit gray off at 255 where it takes the high byte of all other 16-bit samples. */
    private static byte[] fromWideGray(Raster raster) {
        int[] row = new int[raster.getWidth()];
        byte[] gray = new byte[row.length * raster.getHeight()];
        int out = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, row.length, 1, 0, row);
            for (int level : row) {
                gray[out++] = (byte) Math.min(level, 255);
            }
        }
        return JpegColors.grayToRgb(gray);
    }

    private static byte[] fromPalette(Raster raster, IndexColorModel palette) {
        int[] colors = new int[Math.max(256, palette.getMapSize())]; // an index past the end is black
        palette.getRGBs(colors);
        int width = raster.getWidth();
        int[] row = new int[width];
        byte[] rgb = new byte[width * raster.getHeight() * 3];
        int out = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, 0, row);
            for (int index : row) {
                int color = colors[index];
                rgb[out++] = (byte) (color >> 16);
                rgb[out++] = (byte) (color >> 8);
                rgb[out++] = (byte) color;
            }
        }
        return rgb;
    }

    private static byte[] fromPacked(Raster raster, PackedColorModel packed) {
        int[] max = new int[3];
        for (int c = 0; c < 3; c++) {
            max[c] = (1 << packed.getComponentSize(c)) - 1;
        }
        int width = raster.getWidth();
        int bands = raster.getNumBands();
        int[] row = new int[width * bands];
        byte[] rgb = new byte[width * raster.getHeight() * 3];
        int out = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) {
                    rgb[out++] = (byte) (row[x * bands + c] * 255 / max[c]);
                }
            }
        }
        return rgb;
    }
}
