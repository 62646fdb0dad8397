package dev.thinkingvit.data;

import dev.thinkingvit.picture.LabelledPicture;
import dev.thinkingvit.picture.Picture;
import java.io.IOException;
import java.util.random.RandomGenerator;

/** Brings a picture and its pixels' classes to the network's input size, together. Safe from any thread. */
@FunctionalInterface
public interface PixelSource {
    /**
     * @param sample whose annotation is read
     * @param picture as it was decoded
     * @param random what chance there is
     * @throws IOException if the annotation cannot be read
     * @throws dev.thinkingvit.picture.UnfitPictureException if picture and annotation do not fit each other
     */
    LabelledPicture apply(Sample sample, Picture picture, RandomGenerator random) throws IOException;
}
