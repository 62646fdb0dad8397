package dev.thinkingvit.augment;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.UnfitPictureException;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * Cuts a part out at random, after adding a border on all sides: the usual augmentation of small pictures.
 *
 * @param size of the part
 * @param above pixels of the border above, and below, at least 0
 * @param beside pixels of the border at the left, and at the right, at least 0
 * @param fill colour of the border, {@code 0xRRGGBB}
 */
public record RandomCrop(ImageSize size, int above, int beside, int fill) implements PictureTransform {

    public RandomCrop {
        if (above < 0 || beside < 0) {
            throw new IllegalArgumentException(
                    "A random crop needs no negative padding, not " + above + " and " + beside);
        }
        if (fill < 0 || fill > 0xFFFFFF) {
            throw new IllegalArgumentException("A colour is 0xRRGGBB, not 0x" + Integer.toHexString(fill));
        }
    }

    /** With a black border. */
    public RandomCrop(ImageSize size, int above, int beside) {
        this(size, above, beside, 0);
    }

    /** Of a square, with a black border that is as wide everywhere. */
    public RandomCrop(int side, int padding) {
        this(ImageSize.square(side), padding, padding);
    }

    /** Why the part cannot be cut out of a picture; empty if it can. */
    public Optional<String> fault(Picture picture) {
        int columns = size.width() - 2 * beside;
        int rows = size.height() - 2 * above;
        return picture.width() >= columns && picture.height() >= rows
                ? Optional.empty()
                : Optional.of("it has " + picture.height() + " × " + picture.width()
                        + " pixels (height × width); a random crop of " + size.height() + " × " + size.width()
                        + " with padding " + (above == beside ? above : above + " and " + beside) + " needs at least "
                        + rows + " × " + columns);
    }

    /**
     * The cut-out part.
     *
     * @throws UnfitPictureException if the picture is smaller than the part even with its border
     */
    @Override
    public Picture apply(Picture picture, RandomGenerator random) {
        fault(picture).ifPresent(fault -> {
            throw new UnfitPictureException(fault);
        });
        int freeX = picture.width() + 2 * beside - size.width();
        int freeY = picture.height() + 2 * above - size.height();
        int top = random.nextInt(freeY + 1) - above;
        int left = random.nextInt(freeX + 1) - beside;
        return cut(picture, left, top);
    }

    private Picture cut(Picture picture, int left, int top) {
        int width = size.width();
        byte[] out = new byte[size.values()];
        if (fill != 0 && above + beside > 0) {
            byte[] color = {(byte) (fill >> 16), (byte) (fill >> 8), (byte) fill};
            for (int i = 0; i < out.length; i++) {
                out[i] = color[i % 3];
            }
        }
        int x0 = Math.max(left, 0);
        int x1 = Math.min(left + width, picture.width());
        int y1 = Math.min(top + size.height(), picture.height());
        for (int y = Math.max(top, 0); y < y1 && x0 < x1; y++) {
            System.arraycopy(
                    picture.rgb(),
                    (y * picture.width() + x0) * 3,
                    out,
                    ((y - top) * width + x0 - left) * 3,
                    (x1 - x0) * 3);
        }
        return new Picture(width, size.height(), out);
    }
}
