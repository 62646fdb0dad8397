package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import java.util.Arrays;

/**
 * Reads what a Segmenter makes of a crop: the classes of its patches, from which those of its pixels are interpolated.
 *
 * @param grid patches, down and across
 * @param filledSize the crop, filled up to whole patches
 * @param size the crop
 * @param classes C
 */
public record MaskReadout(ImageSize grid, ImageSize filledSize, ImageSize size, int classes) implements Readout {
    @Override
    public MaskScores read(float[] values, int offset, int length) {
        if (length != grid.pixels() * classes) {
            throw new IllegalArgumentException(grid.pixels() + " patches of " + classes + " classes take "
                    + grid.pixels() * classes + " values, " + length + " came");
        }
        return new MaskScores(Arrays.copyOfRange(values, offset, offset + length), this);
    }

    @Override
    public boolean isOfPixels() {
        return true;
    }

    @Override
    public String place(int index) {
        int patch = index / classes;
        return "class " + index % classes + " of the patch in row " + patch / grid.width() + ", column "
                + patch % grid.width();
    }
}
