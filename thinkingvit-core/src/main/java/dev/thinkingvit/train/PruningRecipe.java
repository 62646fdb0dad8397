package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.notNegative;
import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * How a network learns to leave tokens out ({@link dev.thinkingvit.network.TokenPruning}); of other networks everything
 * stays as it is by default. Keys are named after the published code's options; see {@link Recipe}.
 *
 * @param ratioWeight weight of the squared distance between the share of tokens that go on and the one that is wanted
 * @param classDistillation weight of the teacher's part in a stage that leaves tokens out, in place of
 *     {@code distillation_alpha}
 * @param tokenDistillation weight of the distance between the last stage's tokens that went on to the end and the teacher's
 * @param tokenDistillationType what that distance is
 * @param backboneLrScale the largest learning rate of all but the predictors, as a share of the peak; theirs follows the
 *     schedule where that is less
 * @param backboneFrozenEpochs epochs for which the predictors learn alone
 * @param trainEmbeddings whether class token and positions learn
 */
public record PruningRecipe(
        double ratioWeight,
        double classDistillation,
        double tokenDistillation,
        Distance tokenDistillationType,
        double backboneLrScale,
        int backboneFrozenEpochs,
        boolean trainEmbeddings) {
    /** See {@link Recipe#DEFAULT}: the published loss, and learning rates like any network's. */
    static final PruningRecipe DEFAULT = new PruningRecipe(2, 0.5, 0.5, Distance.MSE, 1, 0, true);

    /** A distance between tokens. */
    public enum Distance {
        /** The mean squared difference of their features. */
        @JsonProperty("mse")
        MSE,
        /** KL(teacher ‖ student) of their features' softmax, the mean over the tokens. */
        @JsonProperty("kl")
        KL
    }

    public PruningRecipe {
        notNegative("ratio_weight", ratioWeight);
        notNegative("class_distillation", classDistillation);
        notNegative("token_distillation", tokenDistillation);
        require(tokenDistillationType != null, "token_distillation_type must be mse or kl, got null");
        require(
                backboneLrScale >= 0 && backboneLrScale <= 1,
                "backbone_lr_scale must lie in [0, 1], got " + backboneLrScale);
        require(backboneFrozenEpochs >= 0, "backbone_frozen_epochs must not be negative, got " + backboneFrozenEpochs);
    }

    /** Whether a teacher's answers reach the loss. */
    boolean asks() {
        return classDistillation > 0 || tokenDistillation > 0;
    }

    /**
     * The learning rate of all but the predictors.
     *
     * @param epoch from 0
     * @param rate the predictors'
     * @param peak of the schedule
     */
    double backboneRate(int epoch, double rate, double peak) {
        if (epoch < backboneFrozenEpochs) {
            return 0;
        }
        return backboneLrScale == 1 ? rate : Math.min(rate, backboneLrScale * peak);
    }
}
