package dev.thinkingvit.picture;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})(?:\\s*[x×,\\s]\\s*(\\d{1,9}))?");

    /**
     * What {@link #argument()} gives, or its text: {@code 224}, {@code [192, 256]}, {@code "192x256"}, height first.
     *
     * @throws IllegalArgumentException if it is neither
     */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public static ImageSize of(Object argument) {
        String text = argument instanceof List<?> sides && sides.size() == 2
                ? sides.get(0) + "x" + sides.get(1)
                : String.valueOf(argument);
        Matcher matcher = TEXT.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "a number of pixels is required, or height and width as in 192x256 or [192, 256], got " + argument);
        }
        int height = Integer.parseInt(matcher.group(1));
        return new ImageSize(height, matcher.group(2) == null ? height : Integer.parseInt(matcher.group(2)));
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
    @JsonValue
    public Object argument() {
        return isSquare() ? height : List.of(height, width);
    }

    /** As names and tables write it: {@code "224"}, {@code "192x256"}. */
    public String plain() {
        return isSquare() ? Integer.toString(height) : height + "x" + width;
    }

    /** {@code "224"}; {@code "192 × 256"}, height first, where it is no square. */
    @Override
    public String toString() {
        return isSquare() ? Integer.toString(height) : height + " × " + width;
    }
}
