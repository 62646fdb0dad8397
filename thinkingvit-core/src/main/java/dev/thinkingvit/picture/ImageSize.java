package dev.thinkingvit.picture;

import java.util.List;

/**
 * How large the images are that a network sees, in pixels.
 *
 * @param height at least 1
 * @param width at least 1
 */
public record ImageSize(int height, int width) {
    public ImageSize {
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "The input size must be at least 1, not " + (height == width ? height : height + " × " + width));
        }
    }

    /** As high as wide. */
    public static ImageSize square(int side) {
        return new ImageSize(side, side);
    }

    public boolean isSquare() {
        return height == width;
    }

    /** Pixels of a channel. */
    public int pixels() {
        return Math.multiplyExact(height, width);
    }

    /** Values of an image of three channels. */
    public int values() {
        return Math.multiplyExact(3, pixels());
    }

    /**
     * The side of a square, for what is there for squares alone.
     *
     * @throws IllegalArgumentException if it is none
     */
    public int side() {
        if (!isSquare()) {
            throw new IllegalArgumentException("this is there for square images alone, not for " + this + " pixels");
        }
        return height;
    }

    /** As configurations write it: the side of a square, else height and width. */
    public Object argument() {
        return isSquare() ? height : List.of(height, width);
    }

    /** {@code "224"}; {@code "192 × 256"}, height first, where it is no square. */
    @Override
    public String toString() {
        return isSquare() ? Integer.toString(height) : height + " × " + width;
    }
}
