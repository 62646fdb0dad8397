package dev.thinkingvit.inference;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.UnfitPictureException;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How pictures are looked at to be segmented.
 *
 * @param window how views are cut; null for each view whole
 * @param shorterSide pixels to which a picture's shorter side is brought first; 0 for as it is
 * @param longerSide pixels that the longer side may then have at most
 * @param scales of the views, at least one: 1 is the picture so resized
 * @param flip whether each view is also looked at mirrored
 */
public record SegmentationOptions(
        @Nullable SlidingWindow window, int shorterSide, int longerSide, List<Double> scales, boolean flip) {
    /** As many times the shorter side may the longer one be, as published for ADE20K: 2048 of 512. */
    private static final int LONGEST = 4;

    private static final double MOST_SCALE = 16;
    private static final long MOST_PIXELS = 1L << 27;

    public SegmentationOptions {
        scales = List.copyOf(Objects.requireNonNull(scales, "the scales are null"));
        if (scales.isEmpty()) {
            throw new IllegalArgumentException("at least one scale is required, such as 1");
        }
        for (double scale : scales) {
            if (!(scale > 0 && scale <= MOST_SCALE)) {
                throw new IllegalArgumentException("a scale must lie between 0 and " + MOST_SCALE + ", got " + scale);
            }
        }
        if (shorterSide < 0 || longerSide < shorterSide) {
            throw new IllegalArgumentException("the shorter side must be 0 or more and the longer one no less, got "
                    + shorterSide + " and " + longerSide);
        }
    }

    /** By windows of a size, pictures as large as they are, one view each. */
    public static SegmentationOptions windows(ImageSize size) {
        return new SegmentationOptions(SlidingWindow.of(size), 0, 0, List.of(1.0), false);
    }

    /** Each picture whole, as large as it is. */
    public static SegmentationOptions whole() {
        return new SegmentationOptions(null, 0, 0, List.of(1.0), false);
    }

    /** The same after bringing pictures' shorter side to so many pixels; 0 leaves them as they are. */
    public SegmentationOptions resized(int shorter) {
        return fitted(shorter, (int) Math.min(Integer.MAX_VALUE, (long) shorter * LONGEST));
    }

    /** The same after fitting pictures into a box of these sides, in pixels; 0 leaves them as they are. */
    public SegmentationOptions fitted(int shorter, int longer) {
        return new SegmentationOptions(window, shorter, longer, scales, flip);
    }

    /** The same with views of several scales, each mirrored too if so wished. */
    public SegmentationOptions viewed(List<Double> atScales, boolean mirrored) {
        return new SegmentationOptions(window, shorterSide, longerSide, atScales, mirrored);
    }

    /** A view's size, its sides in proportion. */
    ImageSize size(ImageSize picture, double scale) {
        double shorter = Math.min(picture.height(), picture.width());
        double longer = Math.max(picture.height(), picture.width());
        double factor = shorterSide == 0
                ? scale
                : Math.min((int) (shorterSide * scale) / shorter, (int) (longerSide * scale) / longer);
        return new ImageSize(rounded(picture.height() * factor), rounded(picture.width() * factor));
    }

    /**
     * Refuses pictures of which a view would be too large, such as a line that is enlarged until a window fits.
     *
     * @throws UnfitPictureException that says how large
     */
    public void requireFit(ImageSize picture) {
        Objects.requireNonNull(picture, "the picture's size is null");
        for (double scale : scales) {
            ImageSize view = size(picture, scale);
            double height = view.height();
            double width = view.width();
            if (window != null) {
                double factor = Math.max(
                        1,
                        Math.max(window.size().height() / height, window.size().width() / width));
                height = Math.floor(height * factor);
                width = Math.floor(width * factor);
            }
            if (height * width > MOST_PIXELS) {
                throw new UnfitPictureException(String.format(
                        Locale.ROOT,
                        "it has %dx%d pixels and would have to be enlarged to %.0fx%.0f%s; at most %d million pixels are"
                                + " looked at",
                        picture.width(),
                        picture.height(),
                        width,
                        height,
                        window == null ? "" : " for a window of " + window.size() + " to fit",
                        MOST_PIXELS / 1_000_000));
            }
        }
    }

    private static int rounded(double pixels) {
        return Math.max(1, (int) (pixels + 0.5));
    }
}
