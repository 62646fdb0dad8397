package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import java.util.random.RandomGenerator;

/**
 * Mirrors left and right, sometimes.
 *
 * @param probability 0 (never) to 1 (always)
 */
public record HorizontalFlip(double probability) implements PictureTransform {

    public HorizontalFlip {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("A probability lies between 0 and 1, not " + probability);
        }
    }

    @Override
    public Picture apply(Picture picture, RandomGenerator random) {
        return random.nextDouble() < probability ? flip(picture) : picture;
    }

    /** The picture with left and right exchanged. */
    public static Picture flip(Picture picture) {
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        int stride = picture.width() * 3;
        for (int row = 0; row < in.length; row += stride) {
            int from = row + stride - 3;
            for (int to = row; to < row + stride; to += 3, from -= 3) {
                out[to] = in[from];
                out[to + 1] = in[from + 1];
                out[to + 2] = in[from + 2];
            }
        }
        return new Picture(picture.width(), picture.height(), out);
    }
}
