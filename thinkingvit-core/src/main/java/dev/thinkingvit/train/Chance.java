package dev.thinkingvit.train;

import dev.thinkingvit.data.Seeds;
import java.util.SplittableRandom;

/**
 * What is left to chance in an update. A purpose's generators have nothing to do with another's, nor with the loader's,
 * which take the seed itself.
 */
enum Chance {
    DROP(2),
    STAGES(3),
    TOKENS(4);

    private static final int PURPOSE_SHIFT = 56;

    private final long purpose;

    Chance(long purpose) {
        this.purpose = purpose;
    }

    /**
     * A generator made of nothing but its arguments, so that no state needs to be saved.
     *
     * @param item the picture or update that it decides on
     */
    SplittableRandom generator(Recipe recipe, int epoch, long item) {
        return Seeds.generator(recipe.execution().seed() + (purpose << PURPOSE_SHIFT), epoch, item);
    }
}
