package dev.thinkingvit.network;

import org.jspecify.annotations.Nullable;

/**
 * When tokens halt: see {@link Layers#halting}.
 *
 * <p>{@code B} images, {@code N} tokens, {@code L} blocks.
 *
 * @param blocks L, after the last of which every token has halted
 * @param gateScale what a token's first feature is multiplied by
 * @param gateCenter what is subtracted of it then, before the sigmoid
 * @param eps a token halts where its scores sum to 1 − eps or more
 */
public record Halting(int blocks, double gateScale, double gateCenter, double eps) {
    /** What a stage says of each token: the blocks that it went through, (N), from 1. */
    public static final String TOKEN_DEPTH = "token_depth";

    /** What a stage says of each token besides: its blocks and its last score, (N). */
    public static final String RHO_TOKEN = "rho_token";

    /**
     * Mean score of the tokens after each block, (L): what the distributional prior is held to. In training alone, where
     * halted tokens are there to count.
     */
    public static final String HALTING_SCORES = "halting_score_layer";

    /** The sum of scores at which a token halts. */
    public double limit() {
        return 1 - eps;
    }

    /** A block. */
    @FunctionalInterface
    public interface Body<T> {
        /**
         * @param on who executes it
         * @param x (B, N, d), or the tokens that are left, of all images
         * @param index from 0
         * @return of the shape of {@code x}
         */
        T apply(Layers<T> on, T x, int index);
    }

    /**
     * What became of the tokens.
     *
     * @param tokens (B, N, d): what the blocks left of each, weighted by its scores
     * @param depth (B, N) F32: the block, from 1, after which each token halted; NaN where its scores are no numbers
     * @param ponder (B, N) F32: the blocks that each token used, and its last score (section 3.2, ρ)
     * @param scores (B, L) F32: the mean score of an image's tokens after each block. One that has halted counts with what
     *     the block makes of an empty token, so that only an executor that computes those knows it; null elsewhere
     */
    public record Outcome<T>(
            T tokens, T depth, T ponder, @Nullable T scores) {}
}
