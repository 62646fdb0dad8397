package dev.thinkingvit.data;

import dev.thinkingvit.picture.ImageSize;
import java.util.random.RandomGenerator;

/**
 * A step on a whole batch while its pictures are levels still (such as mixup): mixes picture i with picture B−1−i, all
 * pairs alike. Implementations are immutable values; all chance comes from {@code random}.
 */
@FunctionalInterface
public interface BatchMixer {

    /**
     * Mixes in place.
     *
     * @param levels of B pictures from the first element on, {@code B × 3 × height × width}, unsigned
     * @param pictures B, at least 1
     * @param size of each
     * @return the share of each picture that is its own, 0–1; the rest is its partner's
     */
    double mix(byte[] levels, int pictures, ImageSize size, RandomGenerator random);
}
