package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.positive;
import static dev.thinkingvit.train.RecipeChecks.probability;

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
        positive("distillation_tau", distillationTau);
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
