package dev.thinkingvit.model;

import dev.thinkingvit.model.SegmenterConfig.Decoder;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the weights of a Thinking Segmenter say of their network, and what its trainer wrote beside them, which is the fact
 * {@value #VARIANT}. Heads are {@value #HEAD_DIM} wide unless something says otherwise.
 *
 * <p>{@code D} full width, {@code d_k} width of stage k, {@code C} classes.
 */
final class SegmenterWeights implements WeightsReader {
    private static final String VARIANT = "variant.yml";
    private static final int HEAD_DIM = 64;
    private static final String ENCODER = SegmenterNetwork.ENCODER;
    private static final String RECYCLING = ENCODER + "_thinking_proj_layers.";
    private static final String HEAD = SegmenterNetwork.LINEAR_HEAD + ".weight";
    private static final String PATCHES = ENCODER + "patch_embed.proj.weight";

    @Override
    public void requireOwn(BareWeights weights) {
        if (!weights.has(HEAD) && !weights.has(SegmenterNetwork.CLASS_TOKENS)) {
            throw new IllegalArgumentException(
                    "holds no Segmenter: a tensor " + HEAD + " or " + SegmenterNetwork.CLASS_TOKENS
                            + " is required, it has "
                            + weights.tensors().keySet().stream().limit(3).toList() + " and others");
        }
    }

    /** The classifier of the network that the encoder was made of. */
    @Override
    public List<String> surplus(NetworkConfig network, BareWeights weights) {
        return weights.tensors().keySet().stream()
                .filter(name -> name.startsWith(ENCODER + "head."))
                .toList();
    }

    @Override
    public String companion() {
        return VARIANT;
    }

    /** Of 255 levels, rounded to two digits. */
    @Override
    public @Nullable Normalisation normalisation(BareWeights weights) {
        String said = String.valueOf(said(weights, "normalization"));
        List<Double> mean = List.of(127.5, 127.5, 127.5);
        List<Double> std = mean;
        if (said.equals("deit")) {
            mean = List.of(123.68, 116.28, 103.53);
            std = List.of(58.40, 57.12, 57.38);
        } else if (!said.equals("vit")) {
            return null;
        }
        return new Normalisation(shares(mean), shares(std), VARIANT + " says: " + said);
    }

    private static List<Double> shares(List<Double> levels) {
        return levels.stream().map(level -> level / 255).toList();
    }

    @Override
    public int usualHeadWidth() {
        return HEAD_DIM;
    }

    @Override
    public void complete(Map<String, @Nullable Object> args, BareWeights weights, List<String> notes) {
        boolean mask = weights.has(SegmenterNetwork.CLASS_TOKENS);
        int width = weights.size(ENCODER + "cls_token", 2, 1, 1, -1);
        int side = weights.size(PATCHES, 3, -1, 3, -1, -1);
        contradictions(weights, mask, notes);
        put(args, "embed_dim", width);
        put(args, "patch_size", weights.size(PATCHES, 2, -1, 3, side, side));
        put(args, "depth", count(weights, ENCODER + "blocks."));
        put(args, "decoder", (mask ? Decoder.MASK : Decoder.LINEAR).id());
        if (mask) {
            put(args, "decoder_depth", count(weights, "decoder.blocks."));
        }
        if (args.get("num_classes") == null) {
            args.put(
                    "num_classes",
                    mask ? weights.size(SegmenterNetwork.CLASS_TOKENS, 1, 1, -1, -1) : weights.size(HEAD, 0, -1, -1));
        }
        if (args.get("img_size") == null) {
            args.put("img_size", imageSize(weights, side, notes).argument());
        }
        heads(args, weights, width, notes);
        if (said(weights, "normalization") != null && normalisation(weights) == null) {
            notes.add(VARIANT + " names a normalization that is not known: deit and vit are, it has "
                    + said(weights, "normalization"));
        }
    }

    /** A variant of another training tells nothing of these weights, whose shapes are what is taken. */
    private static void contradictions(BareWeights weights, boolean mask, List<String> notes) {
        Map<String, Integer> sizes = new LinkedHashMap<>();
        sizes.put("d_model", weights.size(ENCODER + "cls_token", 2, 1, 1, -1));
        sizes.put("patch_size", weights.size(PATCHES, 3, -1, 3, -1, -1));
        sizes.put("n_layers", count(weights, ENCODER + "blocks."));
        sizes.put(
                "n_cls",
                mask ? weights.size(SegmenterNetwork.CLASS_TOKENS, 1, 1, -1, -1) : weights.size(HEAD, 0, -1, -1));
        sizes.forEach((key, size) -> contradiction(key, said(weights, key), size, notes));
        if (said(weights, "decoder") instanceof Map<?, ?> decoder) {
            if (decoder.get("name") instanceof String name && name.startsWith("mask") != mask) {
                notes.add(contradiction("decoder", name, (mask ? Decoder.MASK : Decoder.LINEAR).id()));
            }
            if (mask) {
                contradiction("decoder.n_layers", decoder.get("n_layers"), count(weights, "decoder.blocks."), notes);
            }
        }
    }

    private static void contradiction(String key, @Nullable Object said, int is, List<String> notes) {
        if (said instanceof Number number && number.doubleValue() != is) {
            notes.add(contradiction(key, number, is));
        }
    }

    private static String contradiction(String key, Object said, Object is) {
        return VARIANT + " says " + key + " " + said + ", the weights are of " + is
                + ", which is taken; it may be that of" + " another training";
    }

    private static void put(Map<String, @Nullable Object> args, String key, Object value) {
        if (args.get(key) == null) {
            args.put(key, value);
        }
    }

    /** How many blocks are numbered from 0 on. */
    private static int count(BareWeights weights, String prefix) {
        int count = 0;
        while (weights.has(prefix + count + ".norm1.weight")) {
            count++;
        }
        return count;
    }

    private static @Nullable Object said(BareWeights weights, String key) {
        return weights.facts().get(VARIANT) instanceof Map<?, ?> variant
                        && variant.get("net_kwargs") instanceof Map<?, ?> network
                ? network.get(key)
                : null;
    }

    /** What is said of its crops if their grid is that of the positions, else a square of them. */
    private static ImageSize imageSize(BareWeights weights, int patch, List<String> notes) {
        int patches = weights.size(SegmenterConfig.POSITIONS, 1, 1, -1, -1) - 1;
        List<ImageSize> named = new ArrayList<>(weights.pictures());
        if (said(weights, "image_size") instanceof List<?> sides && sides.size() == 2) {
            int height = BareWeights.integer(sides.get(0));
            int width = BareWeights.integer(sides.get(1));
            if (height > 0 && width > 0) {
                named.add(new ImageSize(height, width));
            }
        }
        for (ImageSize size : named) {
            long grid = (long) ((size.height() + patch - 1) / patch) * ((size.width() + patch - 1) / patch);
            if (grid == patches) {
                return size;
            }
        }
        int side = (int) Math.round(Math.sqrt(patches));
        if (side * side != patches || patches < 1) {
            throw new IllegalArgumentException("tensor " + SegmenterConfig.POSITIONS + " has places for " + patches
                    + " patches, which are no square; --config must supply img_size, as in"
                    + " {\"model_args\": {\"img_size\": [height, width]}}");
        }
        ImageSize square = ImageSize.square(side * patch);
        if (!named.isEmpty()) {
            notes.add("crops are taken to be of " + square + ", as the positions say; "
                    + named.stream().map(ImageSize::toString).collect(Collectors.joining(", "))
                    + ", as is said beside them, has another grid");
        }
        return square;
    }

    /** What recycles says how wide all stages are; without it there is one. */
    private static void heads(Map<String, @Nullable Object> args, BareWeights weights, int width, List<String> notes) {
        if (args.get("num_heads") == null) {
            int named = BareWeights.integer(said(weights, "n_heads"));
            if (named > 0 && width % named != 0) {
                throw new IllegalArgumentException(VARIANT + " names " + named
                        + " heads (n_heads), among which the file's "
                        + width + " features (embed_dim) cannot be divided; --config must supply num_heads, as in"
                        + " {\"model_args\": {\"num_heads\": …}}");
            }
            if (named < 1 && width % HEAD_DIM != 0) {
                throw new IllegalArgumentException("the number of heads is unknown: embed_dim is " + width
                        + ", which is not a multiple of the usual head width " + HEAD_DIM
                        + "; --config must supply num_heads, as in {\"model_args\": {\"num_heads\": …}}");
            }
            args.put("num_heads", named > 0 ? named : width / HEAD_DIM);
        }
        int heads = BareWeights.integer(args.get("num_heads"));
        if (args.get("thinking_stages") != null || heads < 1 || width % heads != 0) {
            return; // the reader of configurations refuses what is none
        }
        List<Integer> stages = new ArrayList<>();
        for (int k = 0; weights.has(RECYCLING + k + ".weight"); k++) {
            if (k == 0) {
                stages.add(heads(weights, RECYCLING + k + ".weight", 1, width / heads));
            }
            stages.add(heads(weights, RECYCLING + k + ".weight", 0, width / heads));
        }
        List<?> named = said(weights, "thinking_stages") instanceof List<?> list ? list : List.of();
        if (stages.isEmpty()) {
            stages.add(heads);
            if (named.size() > 1) {
                notes.add("its variant names the stages " + named
                        + ", but nothing recycles tokens in the file: it is taken as one stage");
            }
        } else if (!named.isEmpty()
                && !named.stream().map(BareWeights::integer).toList().equals(stages)) {
            throw new IllegalArgumentException(VARIANT + " names the stages " + named
                    + ", but what recycles tokens in the"
                    + " file makes them " + stages + ", with " + heads + " heads in all; --config must supply what is"
                    + " right, as in {\"model_args\": {\"num_heads\": …, \"thinking_stages\": […]}}");
        }
        args.put("thinking_stages", stages);
    }

    private static int heads(BareWeights weights, String name, int axis, int headDim) {
        int width = weights.size(name, axis, -1, -1);
        if (width % headDim != 0) {
            throw new IllegalArgumentException(
                    "tensor " + name + " has the wrong shape: expected multiples of the head width " + headDim
                            + " (embed_dim / num_heads), came " + width);
        }
        return width / headDim;
    }
}
