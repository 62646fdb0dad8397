package dev.thinkingvit.picture;

import java.util.Objects;

/**
 * A picture and the classes of its pixels, of one size.
 *
 * @param picture what is seen
 * @param labels of each of its pixels
 */
public record LabelledPicture(Picture picture, PixelLabels labels) {
    /** @throws UnfitPictureException if the sizes differ */
    public LabelledPicture {
        Objects.requireNonNull(picture, "the picture is null");
        Objects.requireNonNull(labels, "the labels are null");
        if (picture.width() != labels.width() || picture.height() != labels.height()) {
            throw new UnfitPictureException("it has " + picture.width() + "x" + picture.height()
                    + " pixels, its annotation has " + labels.width() + "x" + labels.height());
        }
    }
}
