package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the weights of a Thinking Swin, or of a plain Swin Transformer, say of their network: everything but the size of its
 * pictures and, where it thinks in rounds, their heads.
 *
 * <p>{@code D} width of the first level, {@code w} side of a window.
 */
final class SwinWeights implements WeightsReader {
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

    @Override
    public void requireOwn(BareWeights weights) {
        for (String name : weights.tensors().keySet()) {
            VARIANTS.forEach((names, network) -> {
                if (names.matcher(name).matches()) {
                    throw new IllegalArgumentException(
                            "tensor " + name + " belongs to " + network + ", which is not supported");
                }
            });
        }
        if (weights.tensors().keySet().stream().noneMatch(SwinConfig.ARCHITECTURE::owns)) {
            throw new IllegalArgumentException(
                    "holds no Swin Transformer: a tensor layers.0.blocks.0" + TABLE + " is required, it has "
                            + weights.tensors().keySet().stream().limit(3).toList() + " and others");
        }
    }

    @Override
    public void complete(Map<String, @Nullable Object> args, BareWeights weights, List<String> notes) {
        if (args.get("patch_size") == null) {
            int side = weights.size("patch_embed.proj.weight", 3, -1, 3, -1, -1);
            args.put("patch_size", weights.size("patch_embed.proj.weight", 2, -1, 3, side, side));
        }
        if (args.get("embed_dim") == null) {
            args.put("embed_dim", weights.size("patch_embed.proj.weight", 0, -1, 3, -1, -1));
        }
        List<Integer> depths = depths(weights);
        if (args.get("depths") == null) {
            args.put("depths", depths);
        }
        if (args.get("num_heads") == null) {
            args.put("num_heads", levels(weights, level -> table(weights, level, 1)));
        }
        if (args.get("window_size") == null) {
            args.put("window_size", levels(weights, level -> window(weights, level)));
        }
        if (args.get("num_classes") == null) {
            args.put("num_classes", weights.size("head.fc.weight", 0, -1, -1));
        }
        if (args.get("img_size") == null) {
            args.put("img_size", imageSize(weights, notes).argument());
        }
        if (args.get("head_rounds") == null) {
            args.put("head_rounds", rounds(weights, notes));
        }
    }

    /** Blocks of each level. */
    private static List<Integer> depths(BareWeights weights) {
        List<Integer> depths = new ArrayList<>();
        for (String name : weights.tensors().keySet()) {
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

    private static List<Integer> levels(BareWeights weights, IntUnaryOperator of) {
        return IntStream.range(0, depths(weights).size()).map(of).boxed().toList();
    }

    /** A size of a level's table of biases, ((2w − 1)², heads). */
    private static int table(BareWeights weights, int level, int axis) {
        return weights.size("layers." + level + ".blocks.0" + TABLE, axis, -1, -1);
    }

    private static int window(BareWeights weights, int level) {
        int side = (int) Math.round(Math.sqrt(table(weights, level, 0)));
        if (side * side != table(weights, level, 0) || side % 2 == 0) {
            throw new IllegalArgumentException("tensor layers." + level + ".blocks.0" + TABLE
                    + " has the wrong shape: expected the square of an odd number as rows, came "
                    + table(weights, level, 0));
        }
        return (side + 1) / 2;
    }

    /** No tensor tells it: what is said of its pictures, a name such as {@code swin_tiny_patch4_window7_224}, else 224. */
    private static ImageSize imageSize(BareWeights weights, List<String> notes) {
        if (!weights.pictures().isEmpty()) {
            return weights.pictures().get(0);
        }
        for (String name : weights.names()) {
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
    private static List<List<Integer>> rounds(BareWeights weights, List<String> notes) {
        List<Integer> heads = levels(weights, level -> table(weights, level, 1));
        int rounds = 1;
        while (weights.tensors().containsKey(projector(rounds) + UPSAMPLING)) {
            rounds++;
        }
        if (rounds == 1) {
            return List.of(heads);
        }
        List<Integer> flat = weights.integers("head_rounds");
        for (int round = 1; round <= rounds && flat.size() < rounds * heads.size(); round++) {
            flat = round == 1 ? new ArrayList<>() : flat;
            flat.addAll(weights.integers("head_round_" + round));
        }
        List<List<Integer>> said = split(flat, rounds, heads.size());
        if (fits(weights, said, heads)) {
            return said;
        }
        if (heads.equals(PUBLISHED.get(1)) && fits(weights, PUBLISHED, heads)) {
            notes.add("nothing names the heads of its rounds: those of the published model are taken, " + PUBLISHED);
            return PUBLISHED;
        }
        throw new IllegalArgumentException("the heads of its " + rounds + " rounds are unknown: "
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
    private static boolean fits(BareWeights weights, List<List<Integer>> said, List<Integer> heads) {
        int last = heads.size() - 1;
        int width = weights.size("patch_embed.proj.weight", 0, -1, 3, -1, -1);
        for (int round = 1; round < said.size(); round++) {
            int from = said.get(round - 1).get(last) * (width << last) / heads.get(last);
            int to = said.get(round).get(0) * width / heads.get(0);
            if (weights.size(projector(round) + UPSAMPLING, 0, -1, 1, -1, -1) != from
                    || weights.size(projector(round) + ".proj.weight", 0, -1, -1, 1, 1) != to) {
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
