package dev.thinkingvit.inference;

import dev.thinkingvit.picture.ImageSize;
import java.util.Objects;

/**
 * A picture as a network looks at it: scaled, perhaps mirrored, normalised.
 *
 * @param values 3·h·w, channel by channel; not copied
 * @param size h and w
 * @param mirrored whether left and right are exchanged, which is undone when what was seen is put together
 */
@SuppressWarnings("ArrayRecordComponent") // large, and nobody's map key
public record PictureView(float[] values, ImageSize size, boolean mirrored) {
    /** @throws IllegalArgumentException if there are not as many values as the size has */
    public PictureView {
        Objects.requireNonNull(values, "the view's values are null");
        Objects.requireNonNull(size, "the view's size is null");
        if (values.length != size.values()) {
            throw new IllegalArgumentException("a view of 3 x " + size.height() + " x " + size.width() + " takes "
                    + size.values() + " values, " + values.length + " came");
        }
    }
}
