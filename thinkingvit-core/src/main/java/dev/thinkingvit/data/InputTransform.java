package dev.thinkingvit.data;

import dev.thinkingvit.picture.ImageSize;
import java.util.random.RandomGenerator;

/**
 * A step on a picture that is normalised already (such as random erasing). Implementations are immutable values; all
 * chance comes from {@code random}.
 */
@FunctionalInterface
public interface InputTransform {

    /** Changes the {@code 3 × height × width} floats from {@code input[offset]} on, in place. */
    void apply(float[] input, int offset, ImageSize size, RandomGenerator random);
}
