package dev.thinkingvit.picture;

import dev.thinkingvit.picture.webp.Vp8Frame;
import dev.thinkingvit.picture.webp.Vp8Header;
import java.io.IOException;

/**
 * The first frame of a WebP file. Only the chunk with the frame's pixels is decoded: colour profiles, animation and
 * separately stored transparency do not matter. Lossless frames are left to the plugin's reader; lossy ones are decoded
 * here, because the plugin's (3.14) predicts from filtered pixels, which is off by up to 100 levels.
 */
final class WebpFile {

    private WebpFile() {}

    /** The stored picture chunk and where it lies on the canvas. */
    private record Frame(int chunk, int left, int top, int canvasWidth, int canvasHeight) {}

    static Picture decode(byte[] bytes, long maxPixels) throws IOException {
        Frame frame = find(bytes);
        Picture picture = decode(bytes, frame.chunk, maxPixels);
        int width = frame.canvasWidth;
        int height = frame.canvasHeight;
        if (width == 0 || (picture.width() == width && picture.height() == height)) {
            return picture;
        }
        PictureDecoder.checkSize(width, height, maxPixels);
        if (frame.left + picture.width() > width || frame.top + picture.height() > height) {
            throw new IOException("its first frame does not fit its canvas of " + width + "x" + height);
        }
        byte[] canvas = new byte[width * height * 3];
        int row = picture.width() * 3;
        for (int y = 0; y < picture.height(); y++) {
            System.arraycopy(picture.rgb(), y * row, canvas, ((frame.top + y) * width + frame.left) * 3, row);
        }
        return new Picture(width, height, canvas);
    }

    private static Picture decode(byte[] bytes, int chunk, long maxPixels) throws IOException {
        if (is(bytes, chunk, "VP8 ")) {
            int from = chunk + 8;
            Vp8Header header = new Vp8Header(bytes, from, from + (int) u32(bytes, chunk + 4));
            PictureDecoder.checkSize(header.width(), header.height(), maxPixels);
            return new Picture(header.width(), header.height(), Vp8Frame.decode(header));
        }
        return Rasters.toPicture(PictureFormat.read(ImageReaders.webp(), single(bytes, chunk), maxPixels));
    }

    private static Frame find(byte[] bytes) throws IOException {
        Frame place = new Frame(-1, 0, 0, 0, 0);
        int at = 12;
        while (true) {
            if (at + 8 > bytes.length) {
                throw new IOException("it holds no picture");
            }
            long length = u32(bytes, at + 4);
            if (at + 8 + length > bytes.length) {
                throw new IOException("it is cut short");
            }
            if (isPixels(bytes, at)) {
                return new Frame(at, place.left, place.top, place.canvasWidth, place.canvasHeight);
            }
            if (is(bytes, at, "VP8X") && length >= 10) {
                place = new Frame(-1, 0, 0, u24(bytes, at + 12) + 1, u24(bytes, at + 15) + 1);
            } else if (is(bytes, at, "ANMF") && length >= 16) {
                place = new Frame(
                        -1, 2 * u24(bytes, at + 8), 2 * u24(bytes, at + 11), place.canvasWidth, place.canvasHeight);
                at += 8 + 16; // into the frame, whose chunks follow
                continue;
            }
            at += (int) (8 + length + (length & 1));
        }
    }

    private static byte[] single(byte[] bytes, int chunk) {
        int length = (int) (8 + u32(bytes, chunk + 4));
        int padded = length + (length & 1);
        byte[] file = new byte[12 + padded];
        System.arraycopy(bytes, 0, file, 0, 12);
        for (int i = 0; i < 4; i++) {
            file[4 + i] = (byte) ((4 + padded) >> (8 * i));
        }
        System.arraycopy(bytes, chunk, file, 12, length);
        return file;
    }

    private static boolean isPixels(byte[] bytes, int at) {
        return is(bytes, at, "VP8 ") || is(bytes, at, "VP8L");
    }

    private static boolean is(byte[] bytes, int at, String name) {
        return PictureFormat.startsWith(bytes, at, name.chars().toArray());
    }

    private static int u24(byte[] bytes, int at) {
        return (bytes[at] & 0xFF) | (bytes[at + 1] & 0xFF) << 8 | (bytes[at + 2] & 0xFF) << 16;
    }

    private static long u32(byte[] bytes, int at) {
        return u24(bytes, at) | (bytes[at + 3] & 0xFFL) << 24;
    }
}
