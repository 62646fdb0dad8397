package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What makes tokens halt, where a network's do (A-ViT, arXiv 2112.07658, section 3). Keys are the published script's; see
 * {@link Recipe}.
 *
 * @param ponderTokenScale weight of the ponder loss, the mean over the tokens of ρ; 0 for none
 * @param distrPriorAlpha weight of the distributional prior; 0 for none
 * @param distrPriorDepth the block, counted from 0, around which the prior wants tokens to halt
 * @param haltedTokens what becomes of tokens that have halted while the network trains
 */
public record HaltingRecipe(
        double ponderTokenScale, double distrPriorAlpha, int distrPriorDepth, HaltedTokens haltedTokens) {
    /** See {@link Recipe#DEFAULT}. */
    static final HaltingRecipe DEFAULT = new HaltingRecipe(0, 0, 8, HaltedTokens.MASKED);

    /** What becomes of a token that has halted. */
    public enum HaltedTokens {
        /** It stays in every product, and nobody attends to it: as published, and what the prior needs. */
        @JsonProperty("masked")
        MASKED,
        /** It is left out of all later blocks, which take as much less time. Gradients are the same. */
        @JsonProperty("removed")
        REMOVED
    }

    public HaltingRecipe {
        notInfinite("ponder_token_scale", ponderTokenScale);
        notInfinite("distr_prior_alpha", distrPriorAlpha);
        require(distrPriorDepth >= 1, "distr_prior_depth must be at least 1, got " + distrPriorDepth);
        require(haltedTokens != null, "halted_tokens must be masked or removed, got null");
        require(
                haltedTokens == HaltedTokens.MASKED || distrPriorAlpha == 0,
                "halted_tokens removed has no scores of halted tokens, which the prior counts: distr_prior_alpha must be 0, got "
                        + distrPriorAlpha + ", or halted_tokens masked");
    }

    private static void notInfinite(String key, double value) {
        require(value >= 0 && Double.isFinite(value), key + " must be a finite number, 0 or more, got " + value);
    }

    /** As published: halted tokens are masked. */
    public HaltingRecipe(double ponderTokenScale, double distrPriorAlpha, int distrPriorDepth) {
        this(ponderTokenScale, distrPriorAlpha, distrPriorDepth, HaltedTokens.MASKED);
    }

    /** Whether halted tokens are left out. */
    boolean removes() {
        return haltedTokens == HaltedTokens.REMOVED;
    }

    /** Whether anything of it reaches the loss. */
    boolean weighs() {
        return ponderTokenScale > 0 || distrPriorAlpha > 0;
    }
}
