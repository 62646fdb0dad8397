package dev.thinkingvit.picture;

import java.util.Arrays;
import java.util.Objects;

/**
 * What happens to a picture before an evaluated network sees it: the shorter side is resized to
 * {@code floor(size / cropPct)}, the centre {@code size × size} is cut out, levels are divided by 255 and normalised
 * per channel. The same pixels as torchvision's {@code Resize} and {@code CenterCrop} on PIL pictures.
 *
 * <p>Immutable; all methods may be called from any thread.
 *
 * @param size side of the network's input in pixels, at least 1
 * @param cropPct share of the resized shorter side that the crop keeps, above 0 and at most 1
 * @param interpolation the resizing kernel
 * @param mean per channel (R, G, B), of levels scaled to 0–1
 * @param std per channel (R, G, B), positive
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by value below
public record Preprocessing(int size, double cropPct, Resampling interpolation, float[] mean, float[] std)
        implements PictureTransform {

    private static final float[] IMAGENET_MEAN = {0.485f, 0.456f, 0.406f};
    private static final float[] IMAGENET_STD = {0.229f, 0.224f, 0.225f};

    /** The crop share of the published models. */
    public static final double DEFAULT_CROP_PCT = 0.9;

    public Preprocessing {
        if (size < 1) {
            throw new IllegalArgumentException("The input size must be at least 1, not " + size);
        }
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

    /** ImageNet's mean and deviation, bicubic, crop 0.9. */
    public static Preprocessing imagenet(int size) {
        return imagenet(size, DEFAULT_CROP_PCT);
    }

    /** ImageNet's mean and deviation, bicubic. */
    public static Preprocessing imagenet(int size, double cropPct) {
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

    /** Floats that one picture takes once normalised: {@code 3 × size × size}. */
    public int floatsPerPicture() {
        return 3 * size * size;
    }

    /** The centre of the picture, {@code size × size}, before normalisation. */
    public Picture resizeAndCrop(Picture picture) {
        Objects.requireNonNull(picture, "the picture is null");
        int shorter = (int) Math.floor(size / cropPct);
        int width = picture.width();
        int height = picture.height();
        if (width <= height) {
            height = longer(shorter, height, width);
            width = shorter;
        } else {
            width = longer(shorter, width, height);
            height = shorter;
        }
        // Halves go to the even neighbour, as Python rounds.
        int left = (int) Math.rint((width - size) / 2.0);
        int top = (int) Math.rint((height - size) / 2.0);
        return PictureResizer.resizeWindow(picture, width, height, interpolation, left, top, size);
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
     * Writes a picture of {@code size × size}, normalised, channel by channel ({@code 3 × size × size}) from
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

    /** Resized, cropped and normalised in one go: {@code 3 × size × size}, a new array. */
    public float[] toInput(Picture picture) {
        float[] input = new float[floatsPerPicture()];
        normalizeInto(resizeAndCrop(picture), input, 0);
        return input;
    }

    /** The levels the network sees before normalisation, resized and cropped: {@code 3 × size × size}, a new array. */
    public byte[] toChw(Picture picture) {
        return resizeAndCrop(picture).toChw();
    }

    /** The last step: levels to floats. */
    public Normalizer normalizer() {
        return new Normalizer(mean, std);
    }

    private void requireSize(Picture picture) {
        if (picture.width() != size || picture.height() != size) {
            throw new IllegalArgumentException("The network's input is " + size + "x" + size + ", this is " + picture
                    + ": resize and crop it first");
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Preprocessing that
                && size == that.size
                && Double.compare(cropPct, that.cropPct) == 0
                && interpolation == that.interpolation
                && Arrays.equals(mean, that.mean)
                && Arrays.equals(std, that.std);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * size + Double.hashCode(cropPct)) + Arrays.hashCode(mean) + Arrays.hashCode(std);
    }

    @Override
    public String toString() {
        return "Preprocessing[size=" + size + ", cropPct=" + cropPct + ", interpolation=" + interpolation + ", mean="
                + Arrays.toString(mean) + ", std=" + Arrays.toString(std) + "]";
    }
}
