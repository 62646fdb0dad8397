package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a ThinkingViT: one set of full-width weights and the stages that read leading slices of it.
 *
 * <p>{@code D} embedding width, {@code H} heads of the whole model, {@code N} tokens = patches + 1, {@code C} classes,
 * {@code d_k} width of stage k = heads of stage k · headDim. Names are timm's.
 *
 * @param imageSize of the input
 * @param patchSize height and width of a patch in pixels
 * @param embedDim D; a multiple of {@code numHeads}
 * @param depth number of blocks, the same for all stages
 * @param numHeads H
 * @param thinkingStages heads of each stage, strictly growing, at least one, the last ≤ H
 * @param numClasses C
 * @param normEps epsilon of every LayerNorm
 */
public record ThinkingViTConfig(
        ImageSize imageSize,
        int patchSize,
        int embedDim,
        int depth,
        int numHeads,
        List<Integer> thinkingStages,
        int numClasses,
        double normEps)
        implements NetworkConfig {

    /** Epsilon of the published classification models. */
    public static final double DEFAULT_NORM_EPS = 1e-6;

    /** How configurations name it. */
    public static final Architecture ARCHITECTURE = new ThinkingViTArchitecture();

    private static final int MLP_RATIO = 4;
    static final int CHANNELS = 3;
    private static final int LARGEST = 1 << 16;

    public ThinkingViTConfig {
        inRange("img_size", imageSize.height(), LARGEST);
        inRange("img_size", imageSize.width(), LARGEST);
        inRange("patch_size", patchSize, Math.min(imageSize.height(), imageSize.width()));
        inRange("embed_dim", embedDim, LARGEST);
        inRange("depth", depth, 1024);
        inRange("num_heads", numHeads, embedDim);
        inRange("num_classes", numClasses, 1 << 24);
        require(
                imageSize.height() % patchSize == 0 && imageSize.width() % patchSize == 0,
                "img_size " + imageSize + " is not a multiple of patch_size " + patchSize);
        require(embedDim % numHeads == 0, "embed_dim " + embedDim + " is not a multiple of num_heads " + numHeads);
        require(normEps > 0 && normEps < 1, "norm_eps must lie between 0 and 1, got " + normEps);
        require(!thinkingStages.isEmpty(), "thinking_stages is empty: at least one stage is required");
        int before = 0;
        for (Integer heads : thinkingStages) {
            require(
                    heads != null && heads > before && heads <= numHeads,
                    "thinking_stages must grow strictly and stay within num_heads " + numHeads + ", got "
                            + thinkingStages);
            before = heads;
        }
        thinkingStages = List.copyOf(thinkingStages);
    }

    /** For square images. */
    public ThinkingViTConfig(
            int side,
            int patchSize,
            int embedDim,
            int depth,
            int numHeads,
            List<Integer> thinkingStages,
            int numClasses,
            double normEps) {
        this(square(side), patchSize, embedDim, depth, numHeads, thinkingStages, numClasses, normEps);
    }

    private static ImageSize square(int side) {
        inRange("img_size", side, LARGEST);
        return ImageSize.square(side);
    }

    /**
     * The shape that some configuration is of, for what is there for this architecture alone.
     *
     * @throws IllegalArgumentException if it is of another
     */
    public static ThinkingViTConfig of(NetworkConfig config) {
        if (config instanceof ThinkingViTConfig own) {
            return own;
        }
        throw new IllegalArgumentException("this is there for the architecture " + ARCHITECTURE.name()
                + " alone, not for " + config.architecture().name());
    }

    /** A published ImageNet-1K shape: 224 pixels, patch 16, 12 blocks, heads of 64, as wide as its last stage. */
    public static ThinkingViTConfig imagenet(Integer... stages) {
        int heads = stages[stages.length - 1];
        return new ThinkingViTConfig(224, 16, heads * 64, 12, heads, List.of(stages), 1000, DEFAULT_NORM_EPS);
    }

    /** Width of one attention head. */
    public int headDim() {
        return embedDim / numHeads;
    }

    @Override
    public int stages() {
        return thinkingStages.size();
    }

    /** Heads of {@code stage}, counted from 1. */
    public int heads(int stage) {
        checkStage(stage);
        return thinkingStages.get(stage - 1);
    }

    /** Width d of {@code stage}, counted from 1. */
    public int width(int stage) {
        return heads(stage) * headDim();
    }

    /** Hidden width of the MLP at width {@code d}. */
    public static int mlpWidth(int width) {
        return MLP_RATIO * width;
    }

    @Override
    public ImageSize grid() {
        return new ImageSize(imageSize.height() / patchSize, imageSize.width() / patchSize);
    }

    /** Patches of an image. */
    public int patches() {
        return grid().pixels();
    }

    /** N: patches and the class token. */
    public int tokens() {
        return patches() + 1;
    }

    /** Values in a patch: channels · patchSize². */
    public int patchElements() {
        return CHANNELS * patchSize * patchSize;
    }

    /** {@code "3H → 6H"}: how the paper names the model. */
    @Override
    public String shorthand() {
        StringBuilder name = new StringBuilder();
        for (int heads : thinkingStages) {
            name.append(name.isEmpty() ? "" : " → ").append(heads).append('H');
        }
        return name.toString();
    }

    /** Name of the projection that recycles tokens into {@code stage} ≥ 2, without {@code .weight}. */
    public static String projectionName(int stage) {
        return stage == 2 ? "proj_layer" : "proj_layer" + (stage - 1);
    }

    /** Name of the factor of the tokens recycled into {@code stage} ≥ 2. */
    public static String alphaName(int stage) {
        return "alpha." + (stage - 2);
    }

    @Override
    public Architecture architecture() {
        return ARCHITECTURE;
    }

    @Override
    public int numFeatures() {
        return embedDim;
    }

    @Override
    public Map<String, Object> shape() {
        Map<String, Object> shape = new LinkedHashMap<>();
        shape.put("depth", depth);
        shape.put("width", embedDim);
        shape.put("heads", numHeads);
        shape.put("head_width", headDim());
        shape.put("patch_size", patchSize);
        return shape;
    }

    @Override
    public Object stageHeads(int stage) {
        return heads(stage);
    }

    @Override
    public ThinkingViTConfig withImageSize(ImageSize size) {
        return InputSize.of(this, size);
    }

    @Override
    public Map<String, HostTensor> resized(Map<String, HostTensor> weights, NetworkConfig to) {
        return InputSize.fit(weights, this, of(to));
    }

    @Override
    public ThinkingViTConfig narrowest() {
        int heads = heads(stages());
        return heads == numHeads
                ? this
                : new ThinkingViTConfig(
                        imageSize, patchSize, width(stages()), depth, heads, thinkingStages, numClasses, normEps);
    }

    /** Of any width, and so of one head; see {@link NetworkConfig#plain}. */
    @Override
    public ThinkingViTConfig plain(int numFeatures) {
        return new ThinkingViTConfig(imageSize, patchSize, numFeatures, depth, 1, List.of(1), numClasses, normEps);
    }

    /** Of a plain ViT, a DeiT or a ThinkingViT, of other grids and patches too. */
    @Override
    public WarmSource warmSource(Map<String, HostTensor> tensors, String library, @Nullable ImageSize seen) {
        return ViTSource.of(tensors, this, seen);
    }

    @Override
    public boolean hasMimeticDraw() {
        return true;
    }

    /** See {@link MimeticInit}. */
    @Override
    public Map<String, HostTensor> drawMimetic(long seed) {
        Map<String, HostTensor> weights = parameters().draw(seed);
        MimeticInit.apply(weights, this, seed);
        return weights;
    }

    @Override
    public ThinkingViTNetwork network() {
        return new ThinkingViTNetwork(this);
    }

    @Override
    public long macs(int stage) {
        checkStage(stage);
        return NetworkConfig.super.macs(stage);
    }

    private void checkStage(int stage) {
        if (stage < 1 || stage > stages()) {
            throw new IllegalArgumentException(
                    "stage " + stage + " does not exist: the model has stages 1 to " + stages());
        }
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
