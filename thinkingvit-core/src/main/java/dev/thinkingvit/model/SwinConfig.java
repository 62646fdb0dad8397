package dev.thinkingvit.model;

import dev.thinkingvit.network.Windows;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a Thinking Swin: a Swin Transformer (Liu et al., 2021) that thinks in rounds, each with heads of its own in
 * each of its levels. Names are timm's, but that timm calls levels stages: a stage here is a round of thinking.
 *
 * @param imageSize of the input; its sides are multiples of the patch's, and with several rounds of a token's of the last
 *     level, since recycling spreads each of these over as many of the first
 * @param patchSize height and width of a patch in pixels
 * @param embedDim width of the first level; each further one is twice as wide
 * @param depths blocks of each level
 * @param numHeads heads of each level
 * @param windowSize side of a window in tokens, of each level
 * @param headRounds heads of each level in each round
 * @param numClasses classes
 */
public record SwinConfig(
        ImageSize imageSize,
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

    /** How configurations name it. */
    public static final Architecture ARCHITECTURE = new SwinArchitecture();

    private static final int LARGEST = 1 << 16;
    private static final int MAX_LEVELS = 12;
    private static final int MAX_DEPTH = 1024;
    private static final int MAX_CLASSES = 1 << 24;

    /** Attention within a window is quadratic in its tokens, and so is a table of which two of them read which bias. */
    static final int MAX_WINDOW = 64;

    public SwinConfig {
        depths = List.copyOf(depths);
        numHeads = List.copyOf(numHeads);
        windowSize = List.copyOf(windowSize);
        headRounds = headRounds.stream().map(List::copyOf).toList();
        require(!depths.isEmpty(), "depths is empty: at least one level is required");
        require(
                depths.size() <= MAX_LEVELS,
                "depths: at most " + MAX_LEVELS + " levels are possible, got " + depths.size());
        inRange("img_size", Math.max(imageSize.height(), imageSize.width()), LARGEST);
        inRange("patch_size", patchSize, Math.min(imageSize.height(), imageSize.width()));
        inRange("embed_dim", embedDim, LARGEST);
        inRange("num_classes", numClasses, MAX_CLASSES);
        depths.forEach(depth -> inRange("each of depths", depth, MAX_DEPTH));
        require(
                numHeads.size() == depths.size() && windowSize.size() == depths.size(),
                "depths, num_heads and window_size need a number for each level, got " + depths + ", " + numHeads
                        + " and " + windowSize);
        require(!headRounds.isEmpty(), "head_rounds is empty: at least one round is required");
        requireMultiple(imageSize, patchSize, "the patch_size");
        if (headRounds.size() > 1) {
            requireMultiple(
                    imageSize,
                    patchSize << (depths.size() - 1),
                    "the patch_size " + patchSize + " doubled by each level, as more than one round requires");
        }
        for (int level = 0; level < depths.size(); level++) {
            int width = embedDim << level;
            int heads = numHeads.get(level);
            require(
                    heads >= 1 && width % heads == 0,
                    "level " + (level + 1) + ": its width " + width + " is not a multiple of its num_heads " + heads);
            int side = above(Math.max(imageSize.height(), imageSize.width()), patchSize << level);
            inRange("each of window_size", windowSize.get(level), side > MAX_WINDOW ? MAX_WINDOW : LARGEST);
            for (List<Integer> round : headRounds) {
                require(
                        round.size() == depths.size() && round.get(level) >= 1 && round.get(level) <= heads,
                        "head_rounds needs 1 to num_heads " + numHeads + " for each level, got " + round);
            }
        }
    }

    /** For square images. */
    public SwinConfig(
            int side,
            int patchSize,
            int embedDim,
            List<Integer> depths,
            List<Integer> numHeads,
            List<Integer> windowSize,
            List<List<Integer>> headRounds,
            int numClasses) {
        this(ImageSize.square(side), patchSize, embedDim, depths, numHeads, windowSize, headRounds, numClasses);
    }

    /** Levels of the hierarchy. */
    public int levels() {
        return depths.size();
    }

    @Override
    public Architecture architecture() {
        return ARCHITECTURE;
    }

    @Override
    public int numFeatures() {
        return width(levels() - 1);
    }

    @Override
    public Map<String, Object> shape() {
        List<Integer> headWidths = IntStream.range(0, levels())
                .mapToObj(level -> width(level) / numHeads.get(level))
                .toList();
        Map<String, Object> shape = new LinkedHashMap<>();
        shape.put("depth", depths);
        shape.put("width", embedDim);
        shape.put("heads", numHeads);
        shape.put("head_width", oneForAll(headWidths));
        shape.put("patch_size", patchSize);
        shape.put("window_size", oneForAll(windowSize));
        return shape;
    }

    static Object oneForAll(List<Integer> values) {
        return values.stream().distinct().count() == 1 ? values.get(0) : values;
    }

    @Override
    public Object stageHeads(int stage) {
        return headRounds.get(stage - 1);
    }

    /** With windows as large as before, but no larger than the grids: as timm's {@code img_size}. */
    @Override
    public SwinConfig withImageSize(ImageSize size) {
        return new SwinConfig(size, patchSize, embedDim, depths, numHeads, windowSize, headRounds, numClasses);
    }

    /** Where a window is no longer as large, its biases are resized as timm does. */
    @Override
    public Map<String, HostTensor> resized(Map<String, HostTensor> weights, NetworkConfig to) {
        if (!(to instanceof SwinConfig other)) {
            throw new IllegalArgumentException(to.architecture().name() + " is not " + ARCHITECTURE.name());
        }
        Map<String, HostTensor> resized = new LinkedHashMap<>(weights);
        for (int level = 0; level < levels(); level++) {
            ImageSize from = window(level);
            ImageSize wanted = other.window(level);
            for (int block = 0; block < depths.get(level) && !from.equals(wanted); block++) {
                int heads = numHeads.get(level);
                resized.computeIfPresent(biasTable(level, block), (name, table) -> {
                    float[] fitted = BiasTables.resized(table.toFloats(), from, wanted, heads, BiasTables.Manner.TIMM);
                    return HostTensor.of(fitted, fitted.length / heads, heads);
                });
            }
        }
        return resized.equals(weights) ? weights : resized;
    }

    /** Of a plain Swin Transformer or a Thinking Swin, of other windows and patches too, but no wider. */
    @Override
    public WarmSource warmSource(Map<String, HostTensor> tensors, String library, @Nullable ImageSize seen) {
        return SwinSource.of(tensors, library, this);
    }

    /** Its heads are as wide as this one's. */
    @Override
    public SwinConfig plain(int numFeatures) {
        int first = numFeatures >> (levels() - 1);
        require(
                first << (levels() - 1) == numFeatures,
                "no first level is " + numFeatures + " wide after " + (levels() - 1) + " doublings");
        List<Integer> heads = IntStream.range(0, levels())
                .map(level -> Math.max(1, (first << level) / (width(level) / numHeads.get(level))))
                .boxed()
                .toList();
        return new SwinConfig(imageSize, patchSize, first, depths, heads, windowSize, List.of(heads), numClasses);
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

    @Override
    public ImageSize grid() {
        return grid(0);
    }

    /** A level's grid of tokens, down and across. */
    public ImageSize grid(int level) {
        int side = patchSize << level;
        return new ImageSize(above(imageSize.height(), side), above(imageSize.width(), side));
    }

    /** Merging fills an odd grid up. */
    private static int above(int pixels, int side) {
        return (pixels + side - 1) / side;
    }

    /** A level's windows (from 0), down and across: no larger than its grid. */
    public ImageSize window(int level) {
        Windows windows = windows(level, false);
        return new ImageSize(windows.windowRows(), windows.windowColumns());
    }

    /** How a level's grid is cut (from 0). */
    Windows windows(int level, boolean shifted) {
        ImageSize grid = grid(level);
        return Windows.of(grid.height(), grid.width(), windowSize.get(level), shifted);
    }

    /** The biases of a block of a level, both from 0: (distances, heads). */
    static String biasTable(int level, int block) {
        return "layers." + level + ".blocks." + block + ".attn.relative_position_bias_table";
    }

    private static void requireMultiple(ImageSize image, int unit, String what) {
        require(
                image.height() % unit == 0 && image.width() % unit == 0,
                "img_size " + image + " is not a multiple of " + unit + ", " + what + ": "
                        + new ImageSize(multiple(image.height(), unit), multiple(image.width(), unit)) + " is");
    }

    /** The largest multiple that is no larger, or the first. */
    private static int multiple(int pixels, int unit) {
        return Math.max(1, pixels / unit) * unit;
    }

    private static void inRange(String name, int value, int largest) {
        require(value >= 1 && value <= largest, name + " must lie between 1 and " + largest + ", got " + value);
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
