package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.notNegative;
import static dev.thinkingvit.train.RecipeChecks.positive;
import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * The course of the learning rate, and the length of the training. Keys are timm's; see {@link Recipe}.
 *
 * @param sched course after the warm-up
 * @param epochs of the schedule, warm-up included; 0 for nothing but the starting model
 * @param cooldownEpochs further epochs at the smallest learning rate
 * @param warmupEpochs epochs of linear warm-up
 * @param warmupPrefix whether the course begins after the warm-up, instead of running underneath it
 * @param warmupLr learning rate at the start of the warm-up
 * @param minLr smallest learning rate
 * @param schedOnUpdates change the learning rate at every update instead of once an epoch
 * @param decayEpochs epochs between two steps of a step schedule
 * @param decayRate factor of a step, or after a plateau
 * @param patienceEpochs epochs without a better validation that make a plateau
 * @param polyPower exponent of a polynomial schedule
 */
public record ScheduleRecipe(
        Kind sched,
        int epochs,
        int cooldownEpochs,
        int warmupEpochs,
        boolean warmupPrefix,
        double warmupLr,
        double minLr,
        boolean schedOnUpdates,
        int decayEpochs,
        double decayRate,
        int patienceEpochs,
        double polyPower) {
    /** See {@link Recipe#DEFAULT}. */
    static final ScheduleRecipe DEFAULT =
            new ScheduleRecipe(Kind.COSINE, 30, 0, 0, false, 1e-6, 1e-5, false, 30, 0.1, 10, 0.9);

    /** Course of the learning rate after the warm-up. */
    public enum Kind {
        @JsonProperty("cosine")
        COSINE,
        @JsonProperty("step")
        STEP,
        @JsonProperty("plateau")
        PLATEAU,
        /** (1 − t / epochs) to a power. */
        @JsonProperty("poly")
        POLY
    }

    public ScheduleRecipe {
        require(epochs >= 0, "epochs must not be negative, got " + epochs);
        require(cooldownEpochs >= 0, "cooldown_epochs must not be negative, got " + cooldownEpochs);
        require(
                warmupEpochs >= 0 && (warmupEpochs <= epochs || epochs == 0),
                "warmup_epochs must lie between 0 and epochs " + epochs + ", got " + warmupEpochs);
        notNegative("warmup_lr", warmupLr);
        notNegative("min_lr", minLr);
        require(decayEpochs >= 1, "decay_epochs must be at least 1, got " + decayEpochs);
        require(decayRate > 0 && decayRate < 1, "decay_rate must lie in (0, 1), got " + decayRate);
        require(patienceEpochs >= 0, "patience_epochs must not be negative, got " + patienceEpochs);
        positive("poly_power", polyPower);
    }

    /** Passes over the data, cool-down included; what was not trained need not cool down. */
    public int totalEpochs() {
        return epochs == 0 ? 0 : epochs + cooldownEpochs;
    }
}
