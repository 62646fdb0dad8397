package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

/**
 * When a training is judged, and by what. Keys are timm's where it has them; see {@link Recipe}.
 *
 * @param evalEvery epochs from one validation to the next; the last epoch always has one
 * @param bestMetric what makes a model the best, and what a plateau is of; see {@link BestMetric}
 * @param checkpointHist how many of the best models are kept; 1 for {@code best/} alone
 */
public record ValidationRecipe(int evalEvery, String bestMetric, int checkpointHist) {
    /** See {@link Recipe#DEFAULT}. */
    static final ValidationRecipe DEFAULT = new ValidationRecipe(1, "last", 1);

    public ValidationRecipe {
        require(evalEvery >= 1, "eval_every must be at least 1, got " + evalEvery);
        require(checkpointHist >= 1, "checkpoint_hist must be at least 1, got " + checkpointHist);
        BestMetric.parse(bestMetric);
    }

    /** Whether the epoch that just ended, counted from 0, is judged. */
    public boolean isDue(int epoch, int totalEpochs) {
        return (epoch + 1) % evalEvery == 0 || epoch + 1 >= totalEpochs;
    }

    /** What makes a model the best. */
    public BestMetric metric() {
        return BestMetric.parse(bestMetric);
    }
}
