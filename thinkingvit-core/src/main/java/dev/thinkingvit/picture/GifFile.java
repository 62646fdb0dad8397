package dev.thinkingvit.picture;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.util.Arrays;

/** The first frame of a GIF on its logical screen. */
final class GifFile {

    private static final int IMAGE = 0x2C;
    private static final int EXTENSION = 0x21;
    private static final int GRAPHIC_CONTROL = 0xF9;

    private GifFile() {}

    static Picture decode(byte[] bytes, long maxPixels) throws IOException {
        if (bytes.length < 13) {
            throw new IOException("it is cut short");
        }
        int width = u16(bytes, 6);
        int height = u16(bytes, 8);
        PictureDecoder.checkSize(width, height, maxPixels);
        int at = 13 + tableBytes(bytes[10]);
        int background = 0; // what the screen shows where the frame does not reach: PIL's choice
        while (u8(bytes, at) != IMAGE) {
            if (u8(bytes, at) != EXTENSION) {
                throw new IOException("it holds no picture");
            }
            if (u8(bytes, at + 1) == GRAPHIC_CONTROL && (u8(bytes, at + 3) & 1) != 0) {
                background = u8(bytes, at + 6); // the transparent index
            }
            at = skipSubBlocks(bytes, at + 2);
        }
        u8(bytes, at + 9);
        int left = u16(bytes, at + 1);
        int top = u16(bytes, at + 3);
        BufferedImage frame = PictureFormat.read(ImageReaders.gif(), bytes, maxPixels);
        byte[] rgb = Rasters.toRgb(frame);
        int frameWidth = frame.getWidth();
        int frameHeight = frame.getHeight();
        if (left + frameWidth > width || top + frameHeight > height) {
            // As browsers and PIL do, the screen grows with a first frame that does not fit.
            width = Math.max(width, left + frameWidth);
            height = Math.max(height, top + frameHeight);
            PictureDecoder.checkSize(width, height, maxPixels);
        }
        if (frameWidth == width && frameHeight == height) {
            return new Picture(width, height, rgb);
        }
        byte[] screen = new byte[width * height * 3];
        fill(screen, frame, background);
        for (int y = 0; y < frameHeight; y++) {
            System.arraycopy(rgb, y * frameWidth * 3, screen, ((top + y) * width + left) * 3, frameWidth * 3);
        }
        return new Picture(width, height, screen);
    }

    private static void fill(byte[] screen, BufferedImage frame, int index) {
        if (frame.getColorModel() instanceof IndexColorModel palette && index < palette.getMapSize()) {
            int color = palette.getRGB(index);
            byte[] rgb = {(byte) (color >> 16), (byte) (color >> 8), (byte) color};
            for (int i = 0; i < screen.length; i++) {
                screen[i] = rgb[i % 3];
            }
        } else {
            Arrays.fill(screen, (byte) 0);
        }
    }

    private static int tableBytes(byte flags) {
        return (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
    }

    private static int skipSubBlocks(byte[] bytes, int from) throws IOException {
        int at = from;
        int size = u8(bytes, at);
        while (size != 0) {
            at += 1 + size;
            size = u8(bytes, at);
        }
        return at + 1;
    }

    private static int u8(byte[] bytes, int at) throws IOException {
        if (at >= bytes.length) {
            throw new IOException("it is cut short");
        }
        return bytes[at] & 0xFF;
    }

    private static int u16(byte[] bytes, int at) throws IOException {
        return u8(bytes, at) | u8(bytes, at + 1) << 8;
    }
}
