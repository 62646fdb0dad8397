package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.probability;
import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What is learnt from a {@link Teacher}, at every stage: its loss is (1 − α) times that of the labels plus α times
 * {@link Distillation}'s. Keys are DeiT's; see {@link Recipe}.
 *
 * @param distillationType how; {@code NONE} needs no teacher
 * @param distillationAlpha α, the share of the teacher's part; at 0 the teacher is not asked
 * @param distillationTau T, the temperature of soft distillation
 */
public record DistillationRecipe(Type distillationType, double distillationAlpha, double distillationTau) {
    /** See {@link Recipe#DEFAULT}. */
    static final DistillationRecipe DEFAULT = new DistillationRecipe(Type.NONE, 0.5, 1);

    // beyond, single precision has nothing left of the answers, or of their differences
    private static final double SMALLEST_TAU = 0.01;
    private static final double LARGEST_TAU = 1000;

    /** What of a teacher's answer is learnt. */
    public enum Type {
        /** Nothing. */
        @JsonProperty("none")
        NONE,
        /** Its distribution over the classes (Hinton et al., 2015). */
        @JsonProperty("soft")
        SOFT,
        /** Its most probable class, as if that were the label (Touvron et al., 2021). */
        @JsonProperty("hard")
        HARD
    }

    public DistillationRecipe {
        probability("distillation_alpha", distillationAlpha);
        require(
                distillationTau >= SMALLEST_TAU && distillationTau <= LARGEST_TAU,
                "distillation_tau must lie in [" + SMALLEST_TAU + ", " + LARGEST_TAU + "], got " + distillationTau);
    }

    /** Whether a teacher belongs to the training. */
    public boolean hasTeacher() {
        return distillationType != Type.NONE;
    }

    /** Whether the teacher's answers reach the loss. */
    boolean asks() {
        return hasTeacher() && distillationAlpha > 0;
    }
}
