package dev.thinkingvit.model;

import java.util.List;
import java.util.stream.Collectors;

/**
 * The shape of a Thinking Swin: a Swin Transformer (Liu et al., 2021) that thinks in rounds, each with heads of its own in
 * each of its levels. Names are timm's, but that timm calls levels stages: a stage here is a round of thinking.
 *
 * @param imageSize height and width of the input in pixels
 * @param patchSize height and width of a patch in pixels
 * @param embedDim width of the first level; each further one is twice as wide
 * @param depths blocks of each level
 * @param numHeads heads of each level
 * @param windowSize side of a window in tokens, of each level
 * @param headRounds heads of each level in each round
 * @param numClasses classes
 */
public record SwinConfig(
        int imageSize,
        int patchSize,
        int embedDim,
        List<Integer> depths,
        List<Integer> numHeads,
        List<Integer> windowSize,
        List<List<Integer>> headRounds,
        int numClasses)
        implements NetworkConfig {
    /** Epsilon of every LayerNorm. */
    public static final double NORM_EPS = 1e-5;

    public SwinConfig {
        depths = List.copyOf(depths);
        numHeads = List.copyOf(numHeads);
        windowSize = List.copyOf(windowSize);
        headRounds = headRounds.stream().map(List::copyOf).toList();
        require(!depths.isEmpty(), "depths is empty: at least one level is required");
        require(
                numHeads.size() == depths.size() && windowSize.size() == depths.size(),
                "depths, num_heads and window_size need a number for each level, got " + depths + ", " + numHeads
                        + " and " + windowSize);
        require(!headRounds.isEmpty(), "head_rounds is empty: at least one round is required");
        require(
                patchSize >= 1 && imageSize % (patchSize << (depths.size() - 1)) == 0,
                "img_size " + imageSize + " is not a multiple of " + (patchSize << (depths.size() - 1))
                        + ", the patch_size " + patchSize + " doubled by each level");
        for (int level = 0; level < depths.size(); level++) {
            int width = embedDim << level;
            int heads = numHeads.get(level);
            require(
                    heads >= 1 && width % heads == 0,
                    "level " + (level + 1) + ": its width " + width + " is not a multiple of its num_heads " + heads);
            require(windowSize.get(level) >= 1, "window_size must be at least 1, got " + windowSize);
            for (List<Integer> round : headRounds) {
                require(
                        round.size() == depths.size() && round.get(level) >= 1 && round.get(level) <= heads,
                        "head_rounds needs 1 to num_heads " + numHeads + " for each level, got " + round);
            }
        }
        require(numClasses >= 1, "num_classes must be at least 1, got " + numClasses);
    }

    /** Levels of the hierarchy. */
    public int levels() {
        return depths.size();
    }

    @Override
    public SwinNetwork network() {
        return new SwinNetwork(this);
    }

    /** {@code "(3,3,6,12) → (3,6,12,24)"}: heads of each level in each round. */
    @Override
    public String shorthand() {
        return headRounds.stream()
                .map(round -> round.stream().map(String::valueOf).collect(Collectors.joining(",", "(", ")")))
                .collect(Collectors.joining(" → "));
    }

    /** Rounds of thinking. */
    @Override
    public int stages() {
        return headRounds.size();
    }

    /** Heads of a level (from 0) in a round (from 1). */
    public int heads(int stage, int level) {
        return headRounds.get(stage - 1).get(level);
    }

    /** Full width of a level (from 0). */
    public int width(int level) {
        return embedDim << level;
    }

    /** Width of a level (from 0) in a round (from 1). */
    public int width(int stage, int level) {
        return heads(stage, level) * (width(level) / numHeads.get(level));
    }

    /** Side of a level's grid of tokens. */
    public int grid(int level) {
        return (imageSize / patchSize) >> level;
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
