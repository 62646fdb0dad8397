package dev.thinkingvit.picture;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * How a camera held the picture: EXIF's orientation (tag 0x0112). Notes that cannot be read count as none, as in PIL:
 * a picture is not refused for its notes.
 *
 * @param swaps whether the stored rows are the columns as seen
 * @param mirrorX whether stored columns are counted from the right
 * @param mirrorY whether stored rows are counted from below
 */
record Orientation(boolean swaps, boolean mirrorX, boolean mirrorY) {

    static final Orientation NORMAL = new Orientation(false, false, false);

    private static final int TAG = 0x0112;

    /** Of EXIF's value 1–8; anything else is normal. */
    static Orientation ofExif(int value) {
        return switch (value) {
            case 2 -> new Orientation(false, true, false);
            case 3 -> new Orientation(false, true, true);
            case 4 -> new Orientation(false, false, true);
            case 5 -> new Orientation(true, false, false);
            case 6 -> new Orientation(true, false, true);
            case 7 -> new Orientation(true, true, true);
            case 8 -> new Orientation(true, true, false);
            default -> NORMAL;
        };
    }

    static Orientation of(PictureFormat format, byte[] bytes) {
        try {
            int tiff =
                    switch (format) {
                        case JPEG -> inJpeg(bytes);
                        case PNG -> inPng(bytes);
                        case WEBP -> inWebp(bytes);
                        case GIF, BMP, TIFF -> -1; // a TIFF's belongs to its pixels: it is turned as it is decoded
                    };
            return tiff < 0 ? NORMAL : inTiff(bytes, tiff);
        } catch (IndexOutOfBoundsException e) {
            return NORMAL;
        }
    }

    /** The picture as it was seen. */
    Picture apply(Picture picture) {
        if (equals(NORMAL)) {
            return picture;
        }
        int width = swaps ? picture.height() : picture.width();
        int height = swaps ? picture.width() : picture.height();
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        int at = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int storedX = swaps ? y : x;
                int storedY = swaps ? x : y;
                storedX = mirrorX ? picture.width() - 1 - storedX : storedX;
                storedY = mirrorY ? picture.height() - 1 - storedY : storedY;
                int from = (storedY * picture.width() + storedX) * 3;
                out[at++] = in[from];
                out[at++] = in[from + 1];
                out[at++] = in[from + 2];
            }
        }
        return new Picture(width, height, out);
    }

    private static int inJpeg(byte[] bytes) {
        int at = 2;
        while ((bytes[at] & 0xFF) == 0xFF && (bytes[at + 1] & 0xFF) >= 0xC0 && (bytes[at + 1] & 0xFF) != 0xDA) {
            if ((bytes[at + 1] & 0xFF) == 0xE1 && PictureFormat.startsWith(bytes, at + 4, 'E', 'x', 'i', 'f', 0, 0)) {
                return at + 10;
            }
            at += 2 + JpegFile.u16(bytes, at + 2);
        }
        return -1;
    }

    private static int inPng(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        for (int at = 8; at >= 8 && !PictureFormat.startsWith(bytes, at + 4, 'I', 'E', 'N', 'D'); ) {
            if (PictureFormat.startsWith(bytes, at + 4, 'e', 'X', 'I', 'f')) {
                return at + 8;
            }
            at += 12 + requireLength(buffer.getInt(at));
        }
        return -1;
    }

    private static int inWebp(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 12; at >= 12; ) {
            int length = requireLength(buffer.getInt(at + 4));
            if (PictureFormat.startsWith(bytes, at, 'E', 'X', 'I', 'F')) {
                boolean prefixed = PictureFormat.startsWith(bytes, at + 8, 'E', 'x', 'i', 'f', 0, 0);
                return at + (prefixed ? 14 : 8);
            }
            at += 8 + length + (length & 1);
        }
        return -1;
    }

    private static int requireLength(int length) {
        return java.util.Objects.checkIndex(length, Integer.MAX_VALUE);
    }

    private static Orientation inTiff(byte[] bytes, int from) {
        ByteBuffer tiff = ByteBuffer.wrap(Arrays.copyOfRange(bytes, from, bytes.length));
        if (tiff.getShort(0) == 0x4949) {
            tiff.order(ByteOrder.LITTLE_ENDIAN);
        } else if (tiff.getShort(0) != 0x4D4D) {
            return NORMAL;
        }
        int directory = tiff.getInt(4);
        int entries = tiff.getShort(directory) & 0xFFFF;
        for (int i = 0; i < entries; i++) {
            int entry = directory + 2 + 12 * i;
            if ((tiff.getShort(entry) & 0xFFFF) == TAG) {
                return ofExif(tiff.getShort(entry + 8));
            }
        }
        return NORMAL;
    }
}
