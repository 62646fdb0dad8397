package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the shapes of a ThinkingViT's tensors say about its configuration. Each question looks at one tensor, so that a
 * file is only asked for what nobody else has said.
 *
 * <p>{@code D} full width, {@code N} tokens, {@code C} classes, {@code d_k} width of stage k. All methods throw
 * {@link CheckpointException} naming the tensor, the shape expected and what came.
 */
final class WeightShapes {
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d{1,4})\\..*");

    /** Tensors of Vision Transformers that compute something else, and what. */
    private static final Map<Pattern, String> VARIANTS = Map.of(
            Pattern.compile("dist_token"), "a distilled DeiT with a second class token",
            Pattern.compile("reg_token"), "a Vision Transformer with register tokens",
            Pattern.compile("blocks\\.\\d+\\.ls[12]\\..+|blocks\\.\\d+\\.gamma_[12]"),
                    "a Vision Transformer with layer scale",
            Pattern.compile("blocks\\.\\d+\\.attn\\.[qk]_norm\\..+"),
                    "a Vision Transformer with normalised queries and keys",
            Pattern.compile("fc_norm\\..+"), "a Vision Transformer that averages its tokens",
            Pattern.compile("attn_pool\\..+"), "a Vision Transformer that pools by attention",
            Pattern.compile("norm_pre\\..+"), "a Vision Transformer that normalises its input",
            Pattern.compile("pre_logits\\..+"), "a Vision Transformer with a layer before its head");

    private final StateDict state;
    private final TensorSizes sizes;

    WeightShapes(StateDict state) {
        this.state = state;
        this.sizes = new TensorSizes(state);
    }

    /** Refuses weights of a network that is not a ThinkingViT, as far as names tell. */
    void requireThinkingViT() {
        for (String name : state.tensors().keySet()) {
            String network = KnownNames.foreignNetwork(name);
            if (network == null && name.startsWith("encoder.")) {
                network = "a Segmenter";
            }
            if (network != null) {
                throw foreign(name, network);
            }
        }
        VARIANTS.forEach((names, network) -> state.tensors().keySet().stream()
                .filter(name -> names.matcher(name).matches())
                .findFirst()
                .ifPresent(name -> {
                    throw foreign(name, network);
                }));
        if (state.facts().get("args") instanceof Map<?, ?> args && args.containsKey("gate_scale")) {
            throw new CheckpointException(
                    state.file(),
                    "its args (gate_scale) are of an A-ViT; supported is the architecture "
                            + ThinkingViTConfig.ARCHITECTURE.name());
        }
    }

    private CheckpointException foreign(String tensor, String network) {
        return new CheckpointException(
                state.file(),
                "tensor " + tensor + " belongs to " + network + "; supported is the architecture "
                        + ThinkingViTConfig.ARCHITECTURE.name());
    }

    /** Names of the factors of recycled tokens, {@code alpha.0}, {@code alpha.1} and so on. */
    List<String> alphas() {
        List<String> names = new ArrayList<>();
        while (state.tensors().containsKey(ThinkingViTConfig.alphaName(names.size() + 2))) {
            names.add(ThinkingViTConfig.alphaName(names.size() + 2));
        }
        return names;
    }

    /** D. */
    int embedDim() {
        return sizes.of("cls_token", 2, 1, 1, -1);
    }

    void requireEmbedDim(int expected) {
        sizes.of("cls_token", 2, 1, 1, expected);
    }

    /** Side of a patch in pixels. */
    int patchSize() {
        int side = sizes.of("patch_embed.proj.weight", 3, -1, 3, -1, -1);
        return sizes.of("patch_embed.proj.weight", 2, -1, 3, side, side);
    }

    /**
     * The input. Positions tell the number of patches: it is the first size of that many that somebody names, else a
     * square.
     *
     * @param said sizes that are named, of which none needs to be the weights'
     */
    ImageSize imageSize(int patchSize, List<ImageSize> said) {
        int patches = sizes.of("pos_embed", 1, 1, -1, -1) - 1;
        for (ImageSize size : said) {
            if (size.height() % patchSize == 0
                    && size.width() % patchSize == 0
                    && (long) (size.height() / patchSize) * (size.width() / patchSize) == patches) {
                return size;
            }
        }
        int side = (int) Math.round(Math.sqrt(patches));
        if (side < 1 || side * side != patches) {
            throw new CheckpointException(
                    state.file(),
                    "tensor pos_embed has " + (patches + 1)
                            + " tokens: expected a class token and a square number of patches"
                            + (said.isEmpty() ? "" : ", or as many as pictures of " + said.get(0) + " pixels have")
                            + "; --config says otherwise, as in {\"model_args\": {\"img_size\": [height, width]}}");
        }
        return ImageSize.square(side * patchSize);
    }

    /** Number of blocks: one more than the highest number among the names. */
    int depth() {
        int depth = 0;
        for (String name : state.tensors().keySet()) {
            Matcher block = BLOCK.matcher(name);
            if (block.matches()) {
                depth = Math.max(depth, Integer.parseInt(block.group(1)) + 1);
            }
        }
        if (depth == 0) {
            throw new CheckpointException(state.file(), "has no tensor blocks.0.*: expected at least one block");
        }
        return depth;
    }

    /** C. */
    int numClasses() {
        return sizes.of("head.weight", 0, -1, -1);
    }

    /** d_1, d_2, … of every stage but the last, which nothing recycles. */
    List<Integer> recycledWidths() {
        List<Integer> widths = new ArrayList<>();
        while (state.tensors().containsKey(projection(widths.size()))) {
            widths.add(sizes.of(projection(widths.size()), 1, -1, -1));
        }
        return widths;
    }

    /** Name of the projection of the tokens of stage {@code index} + 1. */
    static String projection(int index) {
        return ThinkingViTConfig.projectionName(index + 2) + ".weight";
    }
}
