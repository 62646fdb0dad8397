package dev.thinkingvit.picture;

import java.util.Arrays;
import java.util.Objects;

/**
 * What happens to a picture before an evaluated network sees it: the shorter side is resized to
 * {@code floor(size / cropPct)}, the centre of that size is cut out, levels are divided by 255 and normalised
 * per channel. The same pixels as torchvision's {@code Resize} and {@code CenterCrop} on PIL pictures. Where the input is no
 * square, the picture is resized until it just covers height and width, each by {@code floor(· / cropPct)}, as timm's {@code
 * ResizeKeepRatio} does.
 *
 * <p>Immutable; all methods may be called from any thread.
 *
 * @param size of the network's input
 * @param cropPct share of the resized shorter side that the crop keeps, above 0 and at most 1
 * @param interpolation the resizing kernel
 * @param mean per channel (R, G, B), of levels scaled to 0–1
 * @param std per channel (R, G, B), positive
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by value below
public record Preprocessing(ImageSize size, double cropPct, Resampling interpolation, float[] mean, float[] std)
        implements PictureTransform {

    private static final float[] IMAGENET_MEAN = {0.485f, 0.456f, 0.406f};
    private static final float[] IMAGENET_STD = {0.229f, 0.224f, 0.225f};

    /** The crop share of the published models. */
    public static final double DEFAULT_CROP_PCT = 0.9;

    public Preprocessing {
        Objects.requireNonNull(size, "the size is null");
        if (!(cropPct > 0 && cropPct <= 1)) {
            throw new IllegalArgumentException("crop_pct must be above 0 and at most 1, not " + cropPct);
        }
        Objects.requireNonNull(interpolation, "the interpolation is null");
        Objects.requireNonNull(mean, "the mean is null");
        Objects.requireNonNull(std, "the std is null");
        mean = mean.clone();
        std = std.clone();
        Normalizer.check(mean, std);
    }

    /** For a square input. */
    public Preprocessing(int side, double cropPct, Resampling interpolation, float[] mean, float[] std) {
        this(ImageSize.square(side), cropPct, interpolation, mean, std);
    }

    /** ImageNet's mean and deviation, bicubic, crop 0.9. */
    public static Preprocessing imagenet(ImageSize size) {
        return imagenet(size, DEFAULT_CROP_PCT);
    }

    /** As {@link #imagenet(ImageSize)}, of a square. */
    public static Preprocessing imagenet(int side) {
        return imagenet(ImageSize.square(side));
    }

    /** As {@link #imagenet(ImageSize, double)}, of a square. */
    public static Preprocessing imagenet(int side, double cropPct) {
        return imagenet(ImageSize.square(side), cropPct);
    }

    /** ImageNet's mean and deviation, bicubic. */
    public static Preprocessing imagenet(ImageSize size, double cropPct) {
        return new Preprocessing(size, cropPct, Resampling.BICUBIC, IMAGENET_MEAN, IMAGENET_STD);
    }

    /** A copy: R, G, B. */
    @Override
    public float[] mean() {
        return mean.clone();
    }

    /** A copy: R, G, B. */
    @Override
    public float[] std() {
        return std.clone();
    }

    /** Floats that one picture takes once normalised: {@code 3 × height × width}. */
    public int floatsPerPicture() {
        return size.values();
    }

    /** The centre of the picture, of the input's size, before normalisation. */
    public Picture resizeAndCrop(Picture picture) {
        Objects.requireNonNull(picture, "the picture is null");
        ImageSize resized = resized(picture);
        // Halves go to the even neighbour, as Python rounds.
        int left = (int) Math.rint((resized.width() - size.width()) / 2.0);
        int top = (int) Math.rint((resized.height() - size.height()) / 2.0);
        return PictureResizer.resizeWindow(picture, resized.width(), resized.height(), interpolation, left, top, size);
    }

    /** What the picture is resized to before the crop. */
    private ImageSize resized(Picture picture) {
        int width = picture.width();
        int height = picture.height();
        int rows = (int) Math.floor(size.height() / cropPct);
        int columns = (int) Math.floor(size.width() / cropPct);
        if (size.isSquare()) {
            return width <= height
                    ? new ImageSize(longer(rows, height, width), rows)
                    : new ImageSize(rows, longer(rows, width, height));
        }
        double ratio = Math.min((double) height / rows, (double) width / columns);
        return new ImageSize(scaled(height, ratio), scaled(width, ratio));
    }

    private static int scaled(int side, double ratio) {
        double resized = Math.rint(side / ratio);
        if (resized > Integer.MAX_VALUE) {
            throw new UnfitPictureException(
                    "it is so long and thin that it would be " + resized + " pixels long once resized");
        }
        return (int) resized;
    }

    private static int longer(int newShorter, int longer, int shorter) {
        double resized = (double) ((long) newShorter * longer) / shorter;
        if (resized > Integer.MAX_VALUE) {
            throw new UnfitPictureException("it is " + longer + " pixels long and " + shorter
                    + " wide, which would make a side of more pixels than can be counted");
        }
        return (int) resized;
    }

    /** {@link #resizeAndCrop}: evaluation draws nothing from {@code random}. */
    @Override
    public Picture apply(Picture picture, java.util.random.RandomGenerator random) {
        return resizeAndCrop(picture);
    }

    /**
     * Writes a picture of the input's size, normalised, channel by channel ({@code 3 × height × width}) from
     * {@code target[offset]} on.
     *
     * @throws IllegalArgumentException if the picture has another size
     */
    public void normalizeInto(Picture picture, float[] target, int offset) {
        Objects.requireNonNull(picture, "the picture is null");
        Objects.requireNonNull(target, "the values to write to are null");
        requireSize(picture);
        normalizer().normalizeInto(picture, target, offset);
    }

    /** Resized, cropped and normalised in one go: {@code 3 × height × width}, a new array. */
    public float[] toInput(Picture picture) {
        float[] input = new float[floatsPerPicture()];
        normalizeInto(resizeAndCrop(picture), input, 0);
        return input;
    }

    /** The levels the network sees before normalisation, resized and cropped: {@code 3 × height × width}, a new array. */
    public byte[] toChw(Picture picture) {
        return resizeAndCrop(picture).toChw();
    }

    /** The last step: levels to floats. */
    public Normalizer normalizer() {
        return new Normalizer(mean, std);
    }

    private void requireSize(Picture picture) {
        if (picture.width() != size.width() || picture.height() != size.height()) {
            throw new IllegalArgumentException(
                    "The network's input is " + size.height() + " × " + size.width() + " (height × width), this is "
                            + picture.height() + " × " + picture.width() + ": resize and crop it first");
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Preprocessing that
                && size.equals(that.size)
                && Double.compare(cropPct, that.cropPct) == 0
                && interpolation == that.interpolation
                && Arrays.equals(mean, that.mean)
                && Arrays.equals(std, that.std);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * size.hashCode() + Double.hashCode(cropPct)) + Arrays.hashCode(mean) + Arrays.hashCode(std);
    }

    @Override
    public String toString() {
        return "Preprocessing[size=" + size + ", cropPct=" + cropPct + ", interpolation=" + interpolation + ", mean="
                + Arrays.toString(mean) + ", std=" + Arrays.toString(std) + "]";
    }
}
