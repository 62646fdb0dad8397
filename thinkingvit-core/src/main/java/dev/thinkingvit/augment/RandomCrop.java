package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.UnfitPictureException;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * Cuts a square out at random, after adding a border on all sides: the usual augmentation of small pictures.
 *
 * @param size side of the square in pixels
 * @param padding width of the border in pixels, at least 0
 * @param fill colour of the border, {@code 0xRRGGBB}
 */
public record RandomCrop(int size, int padding, int fill) implements PictureTransform {

    public RandomCrop {
        if (size < 1 || padding < 0) {
            throw new IllegalArgumentException(
                    "A random crop needs a positive size and no negative padding, not " + size + " and " + padding);
        }
        if (fill < 0 || fill > 0xFFFFFF) {
            throw new IllegalArgumentException("A colour is 0xRRGGBB, not 0x" + Integer.toHexString(fill));
        }
    }

    /** With a black border. */
    public RandomCrop(int size, int padding) {
        this(size, padding, 0);
    }

    /** Why the square cannot be cut out of a picture; empty if it can. */
    public Optional<String> fault(Picture picture) {
        int least = size - 2 * padding;
        return picture.width() >= least && picture.height() >= least
                ? Optional.empty()
                : Optional.of("it has " + picture.width() + "x" + picture.height() + " pixels; a random crop of " + size
                        + " with padding " + padding + " needs at least " + least + "x" + least);
    }

    /**
     * The cut-out square.
     *
     * @throws UnfitPictureException if the picture is smaller than the square even with its border
     */
    @Override
    public Picture apply(Picture picture, RandomGenerator random) {
        fault(picture).ifPresent(fault -> {
            throw new UnfitPictureException(fault);
        });
        int freeX = picture.width() + 2 * padding - size;
        int freeY = picture.height() + 2 * padding - size;
        int top = random.nextInt(freeY + 1) - padding;
        int left = random.nextInt(freeX + 1) - padding;
        return cut(picture, left, top);
    }

    private Picture cut(Picture picture, int left, int top) {
        byte[] out = new byte[size * size * 3];
        if (fill != 0 && padding > 0) {
            byte[] color = {(byte) (fill >> 16), (byte) (fill >> 8), (byte) fill};
            for (int i = 0; i < out.length; i++) {
                out[i] = color[i % 3];
            }
        }
        int x0 = Math.max(left, 0);
        int x1 = Math.min(left + size, picture.width());
        int y1 = Math.min(top + size, picture.height());
        for (int y = Math.max(top, 0); y < y1 && x0 < x1; y++) {
            System.arraycopy(
                    picture.rgb(),
                    (y * picture.width() + x0) * 3,
                    out,
                    ((y - top) * size + x0 - left) * 3,
                    (x1 - x0) * 3);
        }
        return new Picture(size, size, out);
    }
}
