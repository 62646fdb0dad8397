package dev.thinkingvit.picture;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * One step from a decoded picture to what a network is shown. Implementations are immutable values (mostly records)
 * whose only state between calls is none: all chance comes from {@code random}, so that the same generator gives the
 * same result on any thread.
 */
@FunctionalInterface
public interface PictureTransform {

    /** The transformed picture; the same instance if nothing changed. Never writes to {@code picture}. */
    Picture apply(Picture picture, RandomGenerator random);

    /** One after the other, in the order given. */
    static PictureTransform chain(PictureTransform... steps) {
        return new Chain(List.of(steps));
    }

    /** Transforms applied in order. */
    record Chain(List<PictureTransform> steps) implements PictureTransform {

        public Chain {
            steps = List.copyOf(steps);
        }

        @Override
        public Picture apply(Picture picture, RandomGenerator random) {
            Picture result = picture;
            for (PictureTransform step : steps) {
                result = step.apply(result, random);
            }
            return result;
        }
    }
}
