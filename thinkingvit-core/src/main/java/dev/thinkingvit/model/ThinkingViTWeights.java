package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the weights of a ThinkingViT, or of a plain Vision Transformer, say of their network. Heads are {@value #HEAD_DIM} wide
 * unless a configuration, or the file's own layout, says otherwise.
 *
 * <p>{@code D} full width, {@code N} tokens, {@code C} classes, {@code d_k} width of stage k.
 */
final class ThinkingViTWeights implements WeightsReader {
    private static final int HEAD_DIM = 64;
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d{1,4})\\..*");
    private static final String SUPPORTED = "; supported is the architecture thinkingvit";

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

    @Override
    public void requireOwn(BareWeights weights) {
        if (weights.argument("gate_scale") != null) {
            throw new IllegalArgumentException("its args (gate_scale) are of an A-ViT; the architecture avit reads it");
        }
        requireOwn(weights, ThinkingViTConfig.ARCHITECTURE, name -> false);
    }

    /**
     * @param as whose weights they are to be
     * @param beside what a network that is made of a ThinkingViT has besides
     */
    void requireOwn(BareWeights weights, Architecture as, Predicate<String> beside) {
        for (String name : weights.tensors().keySet()) {
            String network = weights.strangers().get(name);
            if (network == null && DynamicViTConfig.ARCHITECTURE.owns(name) && !beside.test(name)) {
                network = "a DynamicViT";
            }
            if (network == null && name.startsWith("encoder.")) {
                network = "a Segmenter";
            }
            if (network != null) {
                throw new IllegalArgumentException("tensor " + name + " belongs to " + network
                        + ", the file is read as " + as.name()
                        + ": a configuration must name the tensor's architecture, or none where the file is whole");
            }
        }
        VARIANTS.forEach((names, network) -> weights.tensors().keySet().stream()
                .filter(name -> names.matcher(name).matches())
                .findFirst()
                .ifPresent(name -> {
                    throw foreign(name, network);
                }));
    }

    private static IllegalArgumentException foreign(String tensor, String network) {
        return new IllegalArgumentException("tensor " + tensor + " belongs to " + network + SUPPORTED);
    }

    /** The alphas that no stage uses: the first release has one a block. */
    @Override
    public List<String> surplus(NetworkConfig network, BareWeights weights) {
        return alphas(weights).stream()
                .skip(network.stages() - 1L)
                .filter(name -> {
                    HostTensor alpha = weights.tensors().get(name);
                    return alpha != null && alpha.elements() == 1;
                })
                .toList();
    }

    /** From the layout of the file, else where a trainer says how many heads stage 1 had, and a projection how wide it was. */
    @Override
    public int headWidth(BareWeights weights) {
        HostTensor token = weights.tensors().get("cls_token"); // [1, 1, D]
        long width = token == null || token.shape().length == 0 ? 0 : token.shape()[token.shape().length - 1];
        if (weights.heads() > 0 && width % weights.heads() == 0 && width > 0) {
            return (int) (width / weights.heads());
        }
        HostTensor recycled = weights.tensors().get(projection(0)); // (D, d_1)
        List<Integer> stages = weights.integers("thinking_stages");
        if (recycled == null || recycled.shape().length != 2 || stages.isEmpty() || stages.get(0) < 1) {
            return 0;
        }
        long first = recycled.shape()[1];
        return first % stages.get(0) == 0 ? (int) (first / stages.get(0)) : 0;
    }

    @Override
    public int usualHeadWidth() {
        return HEAD_DIM;
    }

    @Override
    public void complete(Map<String, @Nullable Object> arguments, BareWeights weights, List<String> notes) {
        if (weights.argument("model_kwargs") instanceof Map<?, ?> kept && kept.get("norm_eps") instanceof Number eps) {
            arguments.putIfAbsent("norm_eps", eps); // of which no tensor tells
        }
        if (arguments.get("embed_dim") == null) {
            arguments.put("embed_dim", weights.size("cls_token", 2, 1, 1, -1));
        }
        if (arguments.get("patch_size") == null) {
            arguments.put("patch_size", patchSize(weights));
        }
        if (arguments.get("img_size") == null) {
            int patch = BareWeights.integer(arguments.get("patch_size"));
            ImageSize size = imageSize(weights, patch > 0 ? patch : patchSize(weights), notes);
            arguments.put("img_size", size.argument());
        }
        if (arguments.get("depth") == null) {
            arguments.put("depth", depth(weights));
        }
        if (arguments.get("num_classes") == null) {
            arguments.put("num_classes", weights.size("head.weight", 0, -1, -1));
        }
        completeHeads(arguments, weights);
    }

    private static void completeHeads(Map<String, @Nullable Object> arguments, BareWeights weights) {
        int width = BareWeights.integer(arguments.get("embed_dim"));
        requireHeads(weights, width, BareWeights.integer(arguments.get("num_heads")));
        if (width < 1 || (arguments.get("num_heads") != null && arguments.get("thinking_stages") != null)) {
            return;
        }
        weights.size("cls_token", 2, 1, 1, width); // before wrong widths of stages are blamed on the heads
        if (arguments.get("num_heads") == null) {
            arguments.put("num_heads", width / headDim(weights, width, integers(arguments.get("thinking_stages"))));
        }
        int heads = BareWeights.integer(arguments.get("num_heads"));
        if (arguments.get("thinking_stages") == null && heads > 0 && width % heads == 0) {
            requireProjections(weights);
            arguments.put("thinking_stages", stages(weights, width / heads, heads));
        }
    }

    private static void requireHeads(BareWeights weights, int width, int said) {
        int shown = weights.heads();
        if (shown > 0 && said > 0 && said != shown) {
            throw new IllegalArgumentException(
                    "has " + shown + " attention heads in its tensors' shapes; num_heads says " + said);
        }
        if (width > 0 && said > 0 && width % said != 0) {
            throw new IllegalArgumentException("num_heads must divide embed_dim " + width + ", got " + said);
        }
    }

    /** Width of a head, from the file's own layout, the stages that a configuration names, else the published one. */
    private static int headDim(BareWeights weights, int width, List<Integer> givenStages) {
        int shown = weights.heads();
        if (shown > 0 && width % shown == 0) {
            return width / shown;
        }
        Object timms = weights.argument("model_kwargs");
        int said = givenStages.isEmpty() && timms instanceof Map<?, ?> options
                ? BareWeights.integer(options.get("num_heads"))
                : 0;
        if (said > 0 && width % said == 0) {
            return width / said;
        }
        List<Integer> widths = recycledWidths(weights);
        int named = headDimOf(givenStages, widths, width);
        if (named > 0) {
            return named;
        }
        boolean usual = width % HEAD_DIM == 0 && widths.stream().allMatch(recycled -> recycled % HEAD_DIM == 0);
        int trained = headDimOf(weights.integers("thinking_stages"), widths, width);
        if (!usual && trained > 0) {
            return trained;
        }
        for (int i = 0; i < widths.size(); i++) {
            if (widths.get(i) % HEAD_DIM != 0) {
                throw unknownHeads("stage " + (i + 1) + " is " + widths.get(i) + " wide (" + projection(i) + ")");
            }
        }
        if (width % HEAD_DIM != 0) {
            throw unknownHeads("embed_dim is " + width + " (cls_token)");
        }
        return HEAD_DIM;
    }

    private static IllegalArgumentException unknownHeads(String what) {
        return new IllegalArgumentException("the number of heads is unknown: " + what
                + ", which is not a multiple of the usual head width " + HEAD_DIM
                + "; --config must supply num_heads, as in {\"model_args\": {\"num_heads\": …}}");
    }

    /** The head width at which {@code stages} gives exactly {@code widths}; 0 if there is none. */
    private static int headDimOf(List<Integer> stages, List<Integer> widths, int full) {
        if (widths.isEmpty() || stages.size() != widths.size() + 1 || stages.get(0) < 1) {
            return 0;
        }
        int headDim = widths.get(0) / stages.get(0);
        boolean fits = headDim > 0 && full % headDim == 0;
        for (int i = 0; fits && i < widths.size(); i++) {
            fits = stages.get(i) == widths.get(i) / headDim && widths.get(i) % headDim == 0;
        }
        return fits ? headDim : 0;
    }

    private static List<Integer> stages(BareWeights weights, int headDim, int heads) {
        List<Integer> stages = new ArrayList<>();
        List<Integer> widths = recycledWidths(weights);
        for (int i = 0; i < widths.size(); i++) {
            if (widths.get(i) % headDim != 0) {
                throw new IllegalArgumentException(
                        "tensor " + projection(i) + " has the wrong shape: expected a multiple of the head width "
                                + headDim + " (embed_dim / num_heads) as columns, came " + widths.get(i));
            }
            stages.add(widths.get(i) / headDim);
        }
        // Nothing recycles the last stage, so that no shape tells its width: all heads, unless the trainer says less.
        List<Integer> trained = weights.integers("thinking_stages");
        boolean agrees = trained.size() == stages.size() + 1
                && trained.subList(0, stages.size()).equals(stages)
                && grows(stages, trained.get(stages.size()), heads);
        if (!agrees && alphas(weights).size() > stages.size()) {
            throw new IllegalArgumentException(
                    "the last stage is unknown: it may be narrower than the file's " + heads + " heads, as in the first"
                            + " release, and "
                            + (trained.isEmpty()
                                    ? "no args name the stages"
                                    : "its args name the stages " + trained + ", which do not fit")
                            + "; --config must, as in {\"model_args\":"
                            + " {\"thinking_stages\": " + stages.toString().replace("]", ", …]") + "}}");
        }
        stages.add(agrees ? trained.get(stages.size()) : heads);
        return stages;
    }

    private static boolean grows(List<Integer> stages, int last, int heads) {
        return last > (stages.isEmpty() ? 0 : stages.get(stages.size() - 1)) && last <= heads;
    }

    private static List<Integer> integers(@Nullable Object values) {
        return values instanceof List<?> list
                ? list.stream().map(BareWeights::integer).toList()
                : List.of();
    }

    /** Names of the factors of recycled tokens, {@code alpha.0}, {@code alpha.1} and so on. */
    private static List<String> alphas(BareWeights weights) {
        List<String> names = new ArrayList<>();
        while (weights.has(ThinkingViTConfig.alphaName(names.size() + 2))) {
            names.add(ThinkingViTConfig.alphaName(names.size() + 2));
        }
        return names;
    }

    /** Side of a patch in pixels. */
    private static int patchSize(BareWeights weights) {
        int side = weights.size("patch_embed.proj.weight", 3, -1, 3, -1, -1);
        return weights.size("patch_embed.proj.weight", 2, -1, 3, side, side);
    }

    /** Positions tell the number of patches: the input is the first size of that many that somebody names, else a square. */
    private static ImageSize imageSize(BareWeights weights, int patchSize, List<String> notes) {
        int patches = weights.size("pos_embed", 1, 1, -1, -1) - 1;
        for (ImageSize size : weights.pictures()) {
            if (size.height() % patchSize == 0
                    && size.width() % patchSize == 0
                    && (long) (size.height() / patchSize) * (size.width() / patchSize) == patches) {
                return size;
            }
        }
        int side = (int) Math.round(Math.sqrt(patches));
        if (side < 1 || side * side != patches) {
            throw new IllegalArgumentException("tensor pos_embed has " + (patches + 1)
                    + " tokens: expected a class token and a square number of patches"
                    + (weights.pictures().isEmpty()
                            ? ""
                            : ", or as many as pictures of "
                                    + weights.pictures().get(0) + " pixels have")
                    + "; --config says otherwise, as in {\"model_args\": {\"img_size\": [height, width]}}");
        }
        ImageSize square = ImageSize.square(side * patchSize);
        if (side > 1 && weights.names().stream().noneMatch(name -> saysSize(name, square))) {
            notes.add((weights.pictures().isEmpty()
                            ? "nothing says how large pictures are"
                            : "no picture of " + weights.pictures().get(0) + " pixels has " + patches + " patches")
                    + ": a square of " + square + " pixels is taken, as of most models; --config says otherwise, as in"
                    + " {\"model_args\": {\"img_size\": [height, width]}}");
        }
        return square;
    }

    /** Such as {@code deit_tiny_patch16_224}. */
    private static boolean saysSize(String name, ImageSize size) {
        return Pattern.compile("_" + size.plain() + "(?!\\d)").matcher(name).find();
    }

    /** Number of blocks: one more than the highest number among the names. */
    private static int depth(BareWeights weights) {
        int depth = 0;
        for (String name : weights.tensors().keySet()) {
            Matcher block = BLOCK.matcher(name);
            if (block.matches()) {
                depth = Math.max(depth, Integer.parseInt(block.group(1)) + 1);
            }
        }
        if (depth == 0) {
            throw new IllegalArgumentException("has no tensor blocks.0.*: expected at least one block");
        }
        return depth;
    }

    /** d_1, d_2, … of every stage but the last, which nothing recycles. */
    static List<Integer> recycledWidths(BareWeights weights) {
        List<Integer> widths = new ArrayList<>();
        while (weights.has(projection(widths.size()))) {
            widths.add(weights.size(projection(widths.size()), 1, -1, -1));
        }
        return widths;
    }

    /**
     * Refuses a file without a projection that one of its factors is for: as many as there are factors, where there is not
     * one a block as in the first release, which says no more than that there is a second stage.
     *
     * @throws IllegalArgumentException that names the tensor
     */
    static void requireProjections(BareWeights weights) {
        int factors = alphas(weights).size();
        int trained = weights.integers("thinking_stages").size();
        int wanted = trained > 0 ? trained - 1 : factors == depth(weights) ? 1 : factors;
        int there = recycledWidths(weights).size();
        if (there < Math.min(wanted, factors)) {
            throw new IllegalArgumentException("tensor " + projection(there) + " is missing: "
                    + ThinkingViTConfig.alphaName(there + 2) + " is the factor of what it projects");
        }
    }

    /** Name of the projection of the tokens of stage {@code index} + 1. */
    private static String projection(int index) {
        return ThinkingViTConfig.projectionName(index + 2) + ".weight";
    }
}
