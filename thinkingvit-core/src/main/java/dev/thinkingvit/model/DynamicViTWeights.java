package dev.thinkingvit.model;

import static dev.thinkingvit.model.BareWeights.integer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the weights of a DynamicViT, in a ThinkingViT's last stage or in a plain Vision Transformer, say of their network. How
 * many tokens go on is in no shape: a trainer's arguments say it, or the file's name.
 */
final class DynamicViTWeights implements WeightsReader {
    private static final Pattern RATE = Pattern.compile("_r(0\\.\\d{1,3})(?!\\d)");
    private static final String LOC = "pruning_loc";
    private static final String RATIO = "token_ratio";
    private static final String BASE = "base_rate";
    private static final String PRUNED = "pruned_stages";
    private static final String STAGES = "thinking_stages";

    private final ThinkingViTWeights vit = new ThinkingViTWeights();

    @Override
    public void requireOwn(BareWeights weights) {
        vit.requireOwn(weights, DynamicViTConfig.ARCHITECTURE, DynamicViTConfig.ARCHITECTURE::owns);
    }

    @Override
    public List<String> surplus(NetworkConfig network, BareWeights weights) {
        return vit.surplus(network, weights);
    }

    @Override
    public int headWidth(BareWeights weights) {
        return vit.headWidth(weights);
    }

    @Override
    public int usualHeadWidth() {
        return vit.usualHeadWidth();
    }

    /** Pictures are resized to 256 pixels, of which 224 are seen; images stop by their whole entropy, at the threshold too. */
    @Override
    public Evaluation evaluation() {
        return new Evaluation(0.875, "entropy_inclusive");
    }

    @Override
    public void complete(Map<String, @Nullable Object> arguments, BareWeights weights, List<String> notes) {
        if (weights.argument("model_kwargs") instanceof Map<?, ?> kept) { // of a training of this library
            for (String key : List.of(STAGES, "num_heads", LOC, RATIO, BASE, PRUNED)) {
                boolean rates = List.of(RATIO, BASE).contains(key);
                boolean said = rates && (arguments.get(RATIO) != null || arguments.get(BASE) != null);
                if (!said && kept.get(key) != null) {
                    arguments.putIfAbsent(key, kept.get(key));
                }
            }
        }
        completeStages(arguments, weights);
        vit.complete(arguments, weights, notes);
        if (arguments.get(LOC) == null) {
            completeBlocks(arguments, weights, notes);
        }
        if (arguments.get(RATIO) == null && arguments.get(BASE) == null) {
            arguments.put(BASE, baseRate(weights));
        }
    }

    /** A predictor is as wide as the stage that leaves tokens out, which is the last: published files are wider. */
    private void completeStages(Map<String, @Nullable Object> arguments, BareWeights weights) {
        if (arguments.get(STAGES) != null || arguments.get(PRUNED) != null) {
            return;
        }
        ThinkingViTWeights.requireProjections(weights);
        int width = integer(arguments.get("embed_dim"));
        int full = width > 0 ? width : weights.size("cls_token", 2, 1, 1, -1);
        int heads = integer(arguments.get("num_heads"));
        int headDim = heads > 0 && full % heads == 0 ? full / heads : usualHeadWidth();
        List<Integer> widths = new ArrayList<>(ThinkingViTWeights.recycledWidths(weights));
        widths.add(weights.size(DynamicViTConfig.PREDICTOR + "0.in_conv.1.weight", 0, -1, -1));
        if (widths.stream().allMatch(each -> each % headDim == 0)) {
            arguments.put(STAGES, widths.stream().map(each -> each / headDim).toList());
        }
    }

    private static void completeBlocks(
            Map<String, @Nullable Object> arguments, BareWeights weights, List<String> notes) {
        int predictors = 0;
        while (weights.has(DynamicViTConfig.PREDICTOR + predictors + ".in_conv.0.weight")) {
            predictors++;
        }
        int depth = integer(arguments.get("depth"));
        int parts = predictors + 1;
        if (predictors == 0 || depth % parts != 0) {
            throw new IllegalArgumentException("the blocks before which tokens are left out are unknown: " + predictors
                    + " predictors do not part " + depth + " blocks evenly; --config must supply pruning_loc, as in"
                    + " {\"model_args\": {\"pruning_loc\": [3, 6, 9]}}");
        }
        List<Integer> blocks = IntStream.range(1, parts)
                .mapToObj(part -> part * (depth / parts))
                .toList();
        arguments.put(LOC, blocks);
        notes.add("nothing says before which blocks tokens are left out: " + blocks + ", as published, is taken");
    }

    private static double baseRate(BareWeights weights) {
        if (weights.argument(BASE) instanceof Number said) {
            return said.doubleValue();
        }
        for (String name : weights.names()) {
            Matcher named = RATE.matcher(name);
            if (named.find()) {
                return Double.parseDouble(named.group(1));
            }
        }
        throw new IllegalArgumentException("the share of tokens that go on is unknown: neither args nor the file's name"
                + " (…_r0.7.pth) say it; --config must supply base_rate, as in {\"model_args\": {\"base_rate\": 0.7}}");
    }
}
