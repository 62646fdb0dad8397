package dev.thinkingvit.inference;

import dev.thinkingvit.picture.Bilinear;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * How a picture is cut into windows of one size: at multiples of a stride, the last ones flush with the edge. A picture that
 * is smaller than a window is enlarged first.
 *
 * @param size of a window
 * @param stride pixels from one window to the next, at least 1 and no more than a side of the window
 */
public record SlidingWindow(ImageSize size, int stride) {
    /** Published windows overlap by so many pixels. */
    private static final int OVERLAP = 32;

    public SlidingWindow {
        Objects.requireNonNull(size, "the window's size is null");
        int most = Math.min(size.height(), size.width());
        if (stride < 1 || stride > most) {
            throw new IllegalArgumentException(
                    "the stride of windows of " + size + " pixels must lie between 1 and " + most + ", got " + stride);
        }
    }

    /** Windows that overlap by 32 pixels as the published ones do, small ones by a quarter. */
    public static SlidingWindow of(ImageSize size) {
        int side = Math.min(size.height(), size.width());
        return new SlidingWindow(size, Math.max(side - OVERLAP, side - side / 4));
    }

    /**
     * Where a window lies.
     *
     * @param top row of its first pixel
     * @param left column of its first pixel
     */
    public record Place(int top, int left) {}

    /** The windows of a picture that is large enough for one, row by row. */
    public List<Place> places(ImageSize picture) {
        List<Place> places = new ArrayList<>();
        for (int top : starts(picture.height(), size.height())) {
            for (int left : starts(picture.width(), size.width())) {
                places.add(new Place(top, left));
            }
        }
        return places;
    }

    private List<Integer> starts(int length, int window) {
        if (length < window) {
            throw new IllegalArgumentException("windows of " + size + " pixels do not fit into " + length
                    + " pixels: the picture is enlarged first");
        }
        List<Integer> starts = new ArrayList<>();
        for (int at = 0; at < length - window; at += stride) {
            starts.add(at);
        }
        starts.add(length - window);
        return starts;
    }

    /** The size to which a picture is enlarged, its sides in proportion: its own if a window fits. */
    public ImageSize enlarged(ImageSize picture) {
        double down = (double) size.height() / picture.height();
        double across = (double) size.width() / picture.width();
        if (down <= 1 && across <= 1) {
            return picture;
        }
        return down >= across
                ? new ImageSize(size.height(), (int) ((double) picture.width() / picture.height() * size.height()))
                : new ImageSize((int) ((double) picture.height() / picture.width() * size.width()), size.width());
    }

    /** The view, enlarged if no window fits into it; itself if one does. */
    PictureView enlarged(PictureView view) {
        ImageSize from = view.size();
        ImageSize to = enlarged(from);
        if (to.equals(from)) {
            return view;
        }
        float[] values = new float[to.values()];
        for (int channel = 0; channel < 3; channel++) {
            int first = channel * from.pixels();
            float[] plane = Arrays.copyOfRange(view.values(), first, first + from.pixels());
            System.arraycopy(Bilinear.resize(plane, from, to, 1), 0, values, channel * to.pixels(), to.pixels());
        }
        return new PictureView(values, to, view.mirrored());
    }
}
