package dev.thinkingvit.augment;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.LabelledPicture;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.PixelLabels;
import java.util.random.RandomGenerator;

/**
 * Scales a picture and its labels by chance, cuts a part out and mirrors it, as the published training of Segmenters does:
 * the picture is fitted into a box times a ratio, sides in proportion; the part is drawn anew, up to ten times, while one
 * class covers more than three quarters of its labelled pixels; what lies outside the picture is filled with a colour and no label.
 * The picture is resized bilinearly, labels to their nearest.
 *
 * @param size of the part
 * @param shorterSide of the box, pixels; 0 for the picture's own
 * @param longerSide of the box, pixels
 * @param leastRatio of what the box is multiplied by, above 0
 * @param mostRatio no less
 * @param mirrored probability of exchanging left and right
 * @param fill colour of what is outside, {@code 0xRRGGBB}: the network's mean, which normalisation makes 0
 */
public record SegmentationCrop(
        ImageSize size,
        int shorterSide,
        int longerSide,
        double leastRatio,
        double mostRatio,
        double mirrored,
        int fill) {
    private static final int DRAWS = 10;
    private static final double MOST_OF_ONE_CLASS = 0.75;

    public SegmentationCrop {
        if (!(leastRatio > 0 && mostRatio >= leastRatio && mostRatio < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "ratios must be above 0 and in order, got " + leastRatio + " and " + mostRatio);
        }
        if (shorterSide < 0 || longerSide < shorterSide) {
            throw new IllegalArgumentException("the box's shorter side must be 0 or more, the longer one no less, got "
                    + shorterSide + " and " + longerSide);
        }
        if (!(mirrored >= 0 && mirrored <= 1)) {
            throw new IllegalArgumentException("the probability of mirroring lies in [0, 1], got " + mirrored);
        }
    }

    /**
     * The part, of the wanted size.
     *
     * @param colours changes the part's colours, but not what is filled in
     */
    public LabelledPicture apply(LabelledPicture whole, PictureTransform colours, RandomGenerator random) {
        ImageSize to = scaled(whole.labels(), leastRatio + (mostRatio - leastRatio) * random.nextDouble());
        int top = 0;
        int left = 0;
        PixelLabels labels = whole.labels();
        for (int draw = 0; draw < DRAWS; draw++) {
            top = random.nextInt(Math.max(0, to.height() - size.height()) + 1);
            left = random.nextInt(Math.max(0, to.width() - size.width()) + 1);
            labels = labels(whole.labels(), to, top, left);
            if (isMixed(labels)) {
                break;
            }
        }
        boolean mirrors = random.nextDouble() < mirrored;
        Picture picture = colours.apply(picture(whole.picture(), to, top, left), random);
        fill(picture, to, top, left);
        return mirrors ? new LabelledPicture(mirror(picture), mirror(labels)) : new LabelledPicture(picture, labels);
    }

    private ImageSize scaled(PixelLabels whole, double ratio) {
        double shorter = Math.min(whole.width(), whole.height());
        double longer = Math.max(whole.width(), whole.height());
        double factor = shorterSide == 0
                ? ratio
                : Math.min((int) (shorterSide * ratio) / shorter, (int) (longerSide * ratio) / longer);
        return new ImageSize(
                Math.max(1, (int) (whole.height() * factor + 0.5)), Math.max(1, (int) (whole.width() * factor + 0.5)));
    }

    private PixelLabels labels(PixelLabels whole, ImageSize to, int top, int left) {
        byte[] part = new byte[size.pixels()];
        for (int y = 0; y < size.height(); y++) {
            for (int x = 0; x < size.width(); x++) {
                boolean inside = top + y < to.height() && left + x < to.width();
                int row = Math.min((int) ((long) (top + y) * whole.height() / to.height()), whole.height() - 1);
                int column = Math.min((int) ((long) (left + x) * whole.width() / to.width()), whole.width() - 1);
                part[y * size.width() + x] =
                        inside ? whole.classes()[row * whole.width() + column] : (byte) PixelLabels.IGNORED;
            }
        }
        return new PixelLabels(size.width(), size.height(), part);
    }

    private static boolean isMixed(PixelLabels part) {
        int[] counts = new int[PixelLabels.IGNORED + 1];
        for (byte label : part.classes()) {
            counts[label & 0xff]++;
        }
        int labelled = part.classes().length - counts[PixelLabels.IGNORED];
        int present = 0;
        int most = 0;
        for (int label = 0; label < PixelLabels.IGNORED; label++) {
            present += counts[label] > 0 ? 1 : 0;
            most = Math.max(most, counts[label]);
        }
        return present > 1 && most < MOST_OF_ONE_CLASS * labelled;
    }

    private Picture picture(Picture whole, ImageSize to, int top, int left) {
        byte[] out = new byte[size.values()];
        double down = (double) whole.height() / to.height();
        double across = (double) whole.width() / to.width();
        for (int y = 0; y < size.height(); y++) {
            double row = Math.max(0, down * (top + y + 0.5) - 0.5);
            int y0 = Math.min((int) row, whole.height() - 1);
            int y1 = Math.min(y0 + 1, whole.height() - 1);
            float below = (float) (row - y0);
            for (int x = 0; x < size.width(); x++) {
                int at = 3 * (y * size.width() + x);
                double column = Math.max(0, across * (left + x + 0.5) - 0.5);
                int x0 = Math.min((int) column, whole.width() - 1);
                int x1 = Math.min(x0 + 1, whole.width() - 1);
                float right = (float) (column - x0);
                for (int channel = 0; channel < 3; channel++) {
                    float upper = (1 - right) * whole.level(x0, y0, channel) + right * whole.level(x1, y0, channel);
                    float lower = (1 - right) * whole.level(x0, y1, channel) + right * whole.level(x1, y1, channel);
                    out[at + channel] = (byte) Math.round((1 - below) * upper + below * lower);
                }
            }
        }
        return new Picture(size.width(), size.height(), out);
    }

    private void fill(Picture part, ImageSize to, int top, int left) {
        byte[] colour = {(byte) (fill >> 16), (byte) (fill >> 8), (byte) fill};
        for (int y = 0; y < size.height(); y++) {
            for (int x = top + y < to.height() ? Math.max(0, to.width() - left) : 0; x < size.width(); x++) {
                System.arraycopy(colour, 0, part.rgb(), 3 * (y * size.width() + x), 3);
            }
        }
    }

    private static Picture mirror(Picture picture) {
        int width = picture.width();
        byte[] out = new byte[picture.rgb().length];
        for (int i = 0; i < width * picture.height(); i++) {
            int from = 3 * (i / width * width + width - 1 - i % width);
            System.arraycopy(picture.rgb(), from, out, 3 * i, 3);
        }
        return new Picture(width, picture.height(), out);
    }

    private static PixelLabels mirror(PixelLabels labels) {
        int width = labels.width();
        byte[] out = new byte[labels.classes().length];
        for (int i = 0; i < out.length; i++) {
            out[i] = labels.classes()[i / width * width + width - 1 - i % width];
        }
        return new PixelLabels(width, labels.height(), out);
    }
}
