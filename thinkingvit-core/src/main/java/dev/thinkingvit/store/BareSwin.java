package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the weights of a Thinking Swin, or of a plain Swin Transformer, say of their network: everything but the size of its
 * pictures and, where it thinks in rounds, their heads.
 *
 * <p>{@code D} width of the first level, {@code w} side of a window.
 */
final class BareSwin implements BareWeights {
    private static final String TABLE = ".attn.relative_position_bias_table";
    private static final Pattern OWN =
            Pattern.compile("layers\\.(\\d{1,2})\\.blocks\\.(\\d{1,3})" + TABLE.replace(".", "\\."));
    private static final String UPSAMPLING = ".upsample.weight";
    private static final Pattern SIZE = Pattern.compile("_(\\d{3})(?!\\d)");
    private static final int USUAL_SIZE = 224;

    /** Tensors of Swin Transformers that compute something else, and what. */
    private static final Map<Pattern, String> VARIANTS = Map.of(
            Pattern.compile("layers\\.\\d+\\.blocks\\.\\d+\\.attn\\.(logit_scale|cpb_mlp\\..+|[qv]_bias)"),
                    "a Swin Transformer V2",
            Pattern.compile("absolute_pos_embed"), "a Swin Transformer with absolute position embeddings");

    /** Heads of the one model that is published in rounds, whose shapes leave open those between first and last level. */
    private static final List<List<Integer>> PUBLISHED = List.of(List.of(3, 3, 6, 12), List.of(3, 6, 12, 24));

    private final StateDict state;
    private final TensorSizes sizes;
    private final TrainerArguments trained;

    BareSwin(StateDict state) {
        this.state = state;
        this.sizes = new TensorSizes(state);
        this.trained = new TrainerArguments(state);
    }

    @Override
    public void requireOwn() {
        for (String name : state.tensors().keySet()) {
            VARIANTS.forEach((names, network) -> {
                if (names.matcher(name).matches()) {
                    throw new CheckpointException(
                            state.file(), "tensor " + name + " belongs to " + network + ", which is not supported");
                }
            });
        }
        if (state.tensors().keySet().stream().noneMatch(SwinConfig.ARCHITECTURE::owns)) {
            throw new CheckpointException(
                    state.file(),
                    "holds no Swin Transformer: a tensor layers.0.blocks.0" + TABLE + " is required, it has "
                            + state.tensors().keySet().stream().limit(3).toList() + " and others");
        }
    }

    @Override
    public List<String> surplus(NetworkConfig network) {
        return List.of();
    }

    @Override
    public void complete(ObjectNode root, List<String> notes) {
        ObjectNode args = root.withObject("model_args");
        if (!args.hasNonNull("patch_size")) {
            int side = sizes.of("patch_embed.proj.weight", 3, -1, 3, -1, -1);
            args.put("patch_size", sizes.of("patch_embed.proj.weight", 2, -1, 3, side, side));
        }
        if (!args.hasNonNull("embed_dim")) {
            args.put("embed_dim", sizes.of("patch_embed.proj.weight", 0, -1, 3, -1, -1));
        }
        List<Integer> depths = depths();
        if (!args.hasNonNull("depths")) {
            args.set("depths", ModelConfigJson.MAPPER.valueToTree(depths));
        }
        if (!args.hasNonNull("num_heads")) {
            args.set("num_heads", ModelConfigJson.MAPPER.valueToTree(levels(level -> table(level, 1))));
        }
        if (!args.hasNonNull("window_size")) {
            args.set("window_size", ModelConfigJson.MAPPER.valueToTree(levels(this::window)));
        }
        if (!args.hasNonNull("num_classes") && !root.hasNonNull("num_classes")) {
            root.put("num_classes", sizes.of("head.fc.weight", 0, -1, -1));
        }
        if (!args.hasNonNull("img_size")) {
            args.set("img_size", ModelConfigJson.MAPPER.valueToTree(imageSize(root, notes)));
        }
        if (!args.hasNonNull("head_rounds")) {
            args.set("head_rounds", ModelConfigJson.MAPPER.valueToTree(rounds(notes)));
        }
    }

    /** Blocks of each level. */
    private List<Integer> depths() {
        List<Integer> depths = new ArrayList<>();
        for (String name : state.tensors().keySet()) {
            Matcher block = OWN.matcher(name);
            if (block.matches()) {
                int level = Integer.parseInt(block.group(1));
                while (depths.size() <= level) {
                    depths.add(0);
                }
                depths.set(level, Math.max(depths.get(level), Integer.parseInt(block.group(2)) + 1));
            }
        }
        return depths;
    }

    private List<Integer> levels(IntUnaryOperator of) {
        return IntStream.range(0, depths().size()).map(of).boxed().toList();
    }

    /** A size of a level's table of biases, ((2w − 1)², heads). */
    private int table(int level, int axis) {
        return sizes.of("layers." + level + ".blocks.0" + TABLE, axis, -1, -1);
    }

    private int window(int level) {
        int side = (int) Math.round(Math.sqrt(table(level, 0)));
        if (side * side != table(level, 0) || side % 2 == 0) {
            throw new CheckpointException(
                    state.file(),
                    "tensor layers." + level + ".blocks.0" + TABLE
                            + " has the wrong shape: expected the square of an odd number as rows, came "
                            + table(level, 0));
        }
        return (side + 1) / 2;
    }

    /** No tensor tells it: what is said of its pictures, a name such as {@code swin_tiny_patch4_window7_224}, else 224. */
    private ImageSize imageSize(ObjectNode root, List<String> notes) {
        List<ImageSize> said = trained.imageSizes(root);
        if (!said.isEmpty()) {
            return said.get(0);
        }
        for (String name : List.of(
                root.path("architecture").asString(""),
                trained.get("model").asString(""),
                String.valueOf(state.facts().get("arch")),
                String.valueOf(state.file().getFileName()))) {
            Matcher size = SIZE.matcher(name);
            if (name.contains("swin") && size.find()) {
                return ImageSize.square(Integer.parseInt(size.group(1)));
            }
        }
        notes.add("nothing says how large pictures are: " + USUAL_SIZE
                + " pixels are taken; --config says otherwise, as in {\"model_args\": {\"img_size\": …}}");
        return ImageSize.square(USUAL_SIZE);
    }

    /** One round with all heads for a plain Swin; for one that recycles, what the training script was told. */
    private List<List<Integer>> rounds(List<String> notes) {
        List<Integer> heads = levels(level -> table(level, 1));
        int rounds = 1;
        while (state.tensors().containsKey(projector(rounds) + UPSAMPLING)) {
            rounds++;
        }
        if (rounds == 1) {
            return List.of(heads);
        }
        List<Integer> flat = trained.integers("head_rounds");
        for (int round = 1; round <= rounds && flat.size() < rounds * heads.size(); round++) {
            flat = round == 1 ? new ArrayList<>() : flat;
            flat.addAll(trained.integers("head_round_" + round));
        }
        List<List<Integer>> said = split(flat, rounds, heads.size());
        if (fits(said, heads)) {
            return said;
        }
        if (heads.equals(PUBLISHED.get(1)) && fits(PUBLISHED, heads)) {
            notes.add("nothing names the heads of its rounds: those of the published model are taken, " + PUBLISHED);
            return PUBLISHED;
        }
        throw new CheckpointException(
                state.file(),
                "the heads of its " + rounds + " rounds are unknown: "
                        + (said.isEmpty() ? "no args name them" : "its args name " + said + ", which do not fit")
                        + "; --config must, as in {\"model_args\": {\"head_rounds\": [[…], " + heads + "]}}");
    }

    private static List<List<Integer>> split(List<Integer> flat, int rounds, int levels) {
        return flat.size() != rounds * levels
                ? List.of()
                : IntStream.range(0, rounds)
                        .mapToObj(round -> List.copyOf(flat.subList(round * levels, (round + 1) * levels)))
                        .toList();
    }

    /** Whether what recycles into each round is as wide as the round before ends and this one begins. */
    private boolean fits(List<List<Integer>> said, List<Integer> heads) {
        int last = heads.size() - 1;
        int width = sizes.of("patch_embed.proj.weight", 0, -1, 3, -1, -1);
        for (int round = 1; round < said.size(); round++) {
            int from = said.get(round - 1).get(last) * (width << last) / heads.get(last);
            int to = said.get(round).get(0) * width / heads.get(0);
            if (sizes.of(projector(round) + UPSAMPLING, 0, -1, 1, -1, -1) != from
                    || sizes.of(projector(round) + ".proj.weight", 0, -1, -1, 1, 1) != to) {
                return false;
            }
        }
        return !said.isEmpty();
    }

    /** What recycles the tokens of a round, from 1. */
    private static String projector(int round) {
        return round == 1 ? "proj_layer" : "proj_layer" + round;
    }
}
