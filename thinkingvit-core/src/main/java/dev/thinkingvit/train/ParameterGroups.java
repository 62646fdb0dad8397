package dev.thinkingvit.train;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Which parameters an optimizer treats alike, as timm divides a ViT's: weight decay spares tensors of at most one
 * dimension, biases, {@code pos_embed} and {@code cls_token}; a layer decay d scales the learning rate of layer i of n
 * by d^(n − i), where layer 0 is the embedding, layer i + 1 is block i, the final norm belongs to the last block, and
 * everything else (the head, what recycles tokens) is layer n.
 *
 * @param shares each a list of groups with different treatments, of about as many values as another share
 */
record ParameterGroups(List<List<Group>> shares) {
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d+)\\..*");

    /**
     * How a parameter is treated.
     *
     * @param decayed whether weight decay applies to it
     * @param lrScale factor of the learning rate
     */
    record Treatment(boolean decayed, double lrScale) {}

    /** @param parameters by name, in order */
    record Group(Treatment treatment, Map<String, Tensor> parameters) {}

    /**
     * @param layerDecay null for none
     * @param count of shares
     */
    static ParameterGroups of(Map<String, Tensor> parameters, @Nullable Double layerDecay, int count) {
        List<Map<Treatment, Group>> shares = new ArrayList<>();
        List<long[]> sizes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            shares.add(new LinkedHashMap<>());
            sizes.add(new long[] {0, i});
        }
        int depth = depth(parameters.keySet());
        parameters.forEach((name, parameter) -> {
            long[] least = Collections.min(sizes, Comparator.comparingLong((long[] size) -> size[0]));
            least[0] += parameter.numel();
            Treatment treatment = treatment(name, parameter.dim(), layerDecay, depth);
            shares.get((int) least[1])
                    .computeIfAbsent(treatment, key -> new Group(key, new LinkedHashMap<>()))
                    .parameters()
                    .put(name, parameter);
        });
        return new ParameterGroups(
                shares.stream().map(share -> List.copyOf(share.values())).toList());
    }

    /** @param depth number of blocks */
    static Treatment treatment(String name, long dimensions, @Nullable Double layerDecay, int depth) {
        double scale = layerDecay == null ? 1 : Math.pow(layerDecay, depth + 1 - layer(name, depth));
        return new Treatment(isDecayed(name, dimensions), scale);
    }

    private static boolean isDecayed(String name, long dimensions) {
        return dimensions > 1 && !name.endsWith(".bias") && !name.equals("pos_embed") && !name.equals("cls_token");
    }

    private static int layer(String name, int depth) {
        Matcher block = BLOCK.matcher(name);
        if (block.matches()) {
            return 1 + Integer.parseInt(block.group(1));
        }
        if (name.startsWith("norm.")) {
            return depth;
        }
        boolean embeds = name.equals("pos_embed") || name.equals("cls_token") || name.startsWith("patch_embed.");
        return embeds ? 0 : depth + 1;
    }

    private static int depth(Collection<String> names) {
        return names.stream()
                .map(BLOCK::matcher)
                .filter(Matcher::matches)
                .mapToInt(block -> 1 + Integer.parseInt(block.group(1)))
                .max()
                .orElse(0);
    }
}
