package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

/**
 * The moving average of the weights. Keys are timm's; see {@link Recipe}.
 *
 * @param modelEmaDecay decay of the moving average of the weights; 0 for none. The first update copies the weights
 * @param modelEmaWarmup use 1 − n^(−2/3) in update n where that is less
 */
public record EmaRecipe(double modelEmaDecay, boolean modelEmaWarmup) {
    /** See {@link Recipe#DEFAULT}. */
    static final EmaRecipe DEFAULT = new EmaRecipe(0, false);

    public EmaRecipe {
        require(modelEmaDecay >= 0 && modelEmaDecay < 1, "model_ema_decay must lie in [0, 1), got " + modelEmaDecay);
    }
}
