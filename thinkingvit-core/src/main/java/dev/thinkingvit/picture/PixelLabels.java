package dev.thinkingvit.picture;

import java.util.Objects;

/**
 * The class of each pixel of a picture.
 *
 * @param width in pixels
 * @param height in pixels
 * @param classes row by row, unsigned: from 0, or {@link #IGNORED}; not copied
 */
@SuppressWarnings("ArrayRecordComponent") // large, and nobody's map key
public record PixelLabels(int width, int height, byte[] classes) {
    /** Of a pixel that nobody labelled. */
    public static final int IGNORED = 255;

    public PixelLabels {
        Objects.requireNonNull(classes, "the classes are null");
        if (width < 1 || height < 1 || classes.length != (long) width * height) {
            throw new IllegalArgumentException(
                    width + "x" + height + " pixels take as many labels, " + classes.length + " came");
        }
    }

    /** Of the pixel in column {@code x} and row {@code y}. */
    public int label(int x, int y) {
        return classes[y * width + x] & 0xff;
    }

    /** All of them as numbers, row by row. */
    public int[] toInts() {
        int[] labels = new int[classes.length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = classes[i] & 0xff;
        }
        return labels;
    }

    @Override
    public String toString() {
        return "PixelLabels[" + width + "x" + height + "]";
    }
}
