package dev.thinkingvit.network;

import java.util.List;

/**
 * Where and how many patches of an image are left out on the way (Rao et al., "DynamicViT: Efficient Vision Transformers with
 * Dynamic Token Sparsification", 2021, section 3), by predictors that score them. What a stage says of it goes by the names
 * {@link #keepScore} and {@link #keptTokens}.
 *
 * @param patches n of an image
 * @param blocks before which a predictor leaves patches out, from 0, growing; a predictor each
 * @param ratios share of the n patches that go on from each predictor, none larger than the one before
 * @param stages that leave patches out, from 1
 */
public record TokenPruning(int patches, List<Integer> blocks, List<Double> ratios, List<Integer> stages) {
    public TokenPruning {
        blocks = List.copyOf(blocks);
        ratios = List.copyOf(ratios);
        stages = List.copyOf(stages);
    }

    /** Predictors of a stage that leaves patches out. */
    public int predictors() {
        return blocks.size();
    }

    /** Whether a stage leaves patches out. */
    public boolean prunes(int stage) {
        return !blocks.isEmpty() && stages.contains(stage);
    }

    /** Patches that go on from a predictor, counted from 0: ⌊n · ratio⌋, and at least one. */
    public int kept(int predictor) {
        return Math.max(1, (int) (patches * ratios.get(predictor)));
    }

    /** What a stage says of each patch that was left before a predictor: the logarithm of the probability that it goes on. */
    public static String keepScore(int predictor) {
        return "keep_score." + predictor;
    }

    /** As {@link #keepScore}: which of them go on, by place. In training (B, n): 1 for those that do, else 0. */
    public static String keptTokens(int predictor) {
        return "kept." + predictor;
    }
}
