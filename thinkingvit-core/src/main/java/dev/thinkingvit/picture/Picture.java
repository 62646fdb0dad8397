package dev.thinkingvit.picture;

import java.awt.image.BufferedImage;
import java.util.Objects;

/**
 * A decoded picture: 8-bit RGB, interleaved, row-major, top row first.
 *
 * <p>{@code rgb} holds {@code height × width × 3} bytes, each an unsigned level (0–255). The array is not copied, so
 * whoever makes a picture gives the array away; nobody writes to it afterwards, which makes a picture safe to share
 * between threads. Equality is identity of the array: compare {@code rgb} with {@link java.util.Arrays#equals}.
 *
 * @param width columns, at least 1
 * @param height rows, at least 1
 * @param rgb the levels, R G B of the top left pixel first
 */
@SuppressWarnings("ArrayRecordComponent") // the levels are the picture; copying them is what it must avoid
public record Picture(int width, int height, byte[] rgb) {

    public Picture {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException("A picture needs at least 1x1 pixels, not " + width + "x" + height);
        }
        if (3L * width * height != rgb.length) {
            throw new IllegalArgumentException("An RGB picture of " + width + "x" + height + " needs "
                    + 3L * width * height + " bytes, not " + rgb.length);
        }
    }

    /**
     * The levels of an image of Java's, of any type: what {@link PictureDecoder} would have made of the file that it was
     * read from, if that loses nothing. Transparency is dropped without blending, levels that were multiplied with it are
     * divided again. Colour profiles are ignored as in files, but other colours than RGB and gray (CMYK, linear light) are
     * converted. Gray of 16 bits keeps its higher 8, where files' levels above 255 are cut off as PIL cuts them.
     *
     * @throws IllegalArgumentException if it has more pixels than an array holds, or integer samples of 32 bits
     */
    public static Picture of(BufferedImage image) {
        return JavaImages.toPicture(
                Objects.requireNonNull(image, "the image is null: ImageIO.read gives that for what it cannot read"));
    }

    /** The level (0–255) of one channel (0 red, 1 green, 2 blue) at a pixel. */
    public int level(int x, int y, int channel) {
        return rgb[(y * width + x) * 3 + channel] & 0xFF;
    }

    /**
     * The same levels channel by channel: {@code 3 × height × width}, a new array.
     */
    public byte[] toChw() {
        byte[] chw = new byte[rgb.length];
        toChw(chw, 0);
        return chw;
    }

    /** Writes the same levels channel by channel, from {@code target[offset]} on. */
    public void toChw(byte[] target, int offset) {
        Objects.requireNonNull(target, "the target is null");
        int plane = width * height;
        for (int i = offset, j = 0; j < rgb.length; i++, j += 3) {
            target[i] = rgb[j];
            target[plane + i] = rgb[j + 1];
            target[2 * plane + i] = rgb[j + 2];
        }
    }

    /** {@code 500x375}: the levels are left out. */
    @Override
    public String toString() {
        return "Picture[" + width + "x" + height + "]";
    }
}
