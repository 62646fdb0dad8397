package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StridedViews;
import dev.thinkingvit.store.KnownNames.Manner;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Brings tensors under timm's names: transformers' and torchvision's Vision Transformers, queries, keys and values joined,
 * and Microsoft's Swin Transformers.
 */
final class TimmNames {
    private record Rule(Pattern from, String to) {
        Rule(String from, String to) {
            this(Pattern.compile(from), to);
        }
    }

    /** Where queries, keys and values wait for each other, behind the name that they will have together. */
    private static final Pattern PART = Pattern.compile("(.*blocks\\.\\d+\\.attn)\\.(query|key|value)\\.(weight|bias)");

    private static final Pattern MERGING = Pattern.compile("layers\\.(\\d+)(\\.downsample\\..+)");

    private static final String BLOCK = "encoder\\.(layers\\.\\d+\\.blocks\\.\\d+\\.)";

    private static final List<String> PARTS = List.of("query", "key", "value");

    /** An empty target is left out: it does nothing to a picture's class. */
    private static final Map<Manner, List<Rule>> RULES = Map.of(
            Manner.TRANSFORMERS,
            List.of(
                    new Rule("embeddings\\.cls_token", "cls_token"),
                    new Rule("embeddings\\.distillation_token", "dist_token"),
                    new Rule("embeddings\\.position_embeddings", "pos_embed"),
                    new Rule("embeddings\\.patch_embeddings\\.projection\\.", "patch_embed.proj."),
                    new Rule("embeddings\\.mask_token|pooler\\..*", ""),
                    new Rule("encoder\\.layer\\.(\\d+)\\.attention\\.attention\\.", "blocks.$1.attn."),
                    new Rule("encoder\\.layer\\.(\\d+)\\.attention\\.output\\.dense\\.", "blocks.$1.attn.proj."),
                    new Rule("encoder\\.layer\\.(\\d+)\\.intermediate\\.dense\\.", "blocks.$1.mlp.fc1."),
                    new Rule("encoder\\.layer\\.(\\d+)\\.output\\.dense\\.", "blocks.$1.mlp.fc2."),
                    new Rule("encoder\\.layer\\.(\\d+)\\.layernorm_before\\.", "blocks.$1.norm1."),
                    new Rule("encoder\\.layer\\.(\\d+)\\.layernorm_after\\.", "blocks.$1.norm2."),
                    // as its fifth release calls them in memory
                    new Rule("layers\\.(\\d+)\\.attention\\.q_proj\\.", "blocks.$1.attn.query."),
                    new Rule("layers\\.(\\d+)\\.attention\\.k_proj\\.", "blocks.$1.attn.key."),
                    new Rule("layers\\.(\\d+)\\.attention\\.v_proj\\.", "blocks.$1.attn.value."),
                    new Rule("layers\\.(\\d+)\\.attention\\.o_proj\\.", "blocks.$1.attn.proj."),
                    new Rule("layers\\.(\\d+)\\.mlp\\.", "blocks.$1.mlp."),
                    new Rule("layers\\.(\\d+)\\.layernorm_before\\.", "blocks.$1.norm1."),
                    new Rule("layers\\.(\\d+)\\.layernorm_after\\.", "blocks.$1.norm2."),
                    new Rule("layernorm\\.", "norm."),
                    new Rule("(cls_)?classifier\\.", "head."),
                    new Rule("distillation_classifier\\.", "head_dist.")),
            Manner.TORCHVISION,
            List.of(
                    new Rule("class_token", "cls_token"),
                    new Rule("encoder\\.pos_embedding", "pos_embed"),
                    new Rule("conv_proj\\.", "patch_embed.proj."),
                    new Rule(
                            "encoder\\.layers\\.encoder_layer_(\\d+)\\.self_attention\\.in_proj_",
                            "blocks.$1.attn.qkv."),
                    new Rule(
                            "encoder\\.layers\\.encoder_layer_(\\d+)\\.self_attention\\.out_proj\\.",
                            "blocks.$1.attn.proj."),
                    new Rule("encoder\\.layers\\.encoder_layer_(\\d+)\\.ln_([12])\\.", "blocks.$1.norm$2."),
                    new Rule("encoder\\.layers\\.encoder_layer_(\\d+)\\.mlp\\.(linear_1|0)\\.", "blocks.$1.mlp.fc1."),
                    new Rule("encoder\\.layers\\.encoder_layer_(\\d+)\\.mlp\\.(linear_2|3)\\.", "blocks.$1.mlp.fc2."),
                    new Rule("encoder\\.ln\\.", "norm."),
                    new Rule("heads\\.head\\.", "head.")),
            Manner.TRANSFORMERS_SWIN,
            List.of(
                    new Rule("embeddings\\.patch_embeddings\\.projection\\.", "patch_embed.proj."),
                    new Rule("embeddings\\.norm\\.", "patch_embed.norm."),
                    new Rule("embeddings\\.mask_token|pooler\\..*", ""),
                    new Rule("embeddings\\.position_embeddings", "absolute_pos_embed"),
                    new Rule(BLOCK + "attention\\.(self|relative_position_bias)\\.relative", "$1attn.relative"),
                    new Rule(BLOCK + "attention\\.self\\.", "$1attn."),
                    new Rule(BLOCK + "attention\\.q_proj\\.", "$1attn.query."),
                    new Rule(BLOCK + "attention\\.k_proj\\.", "$1attn.key."),
                    new Rule(BLOCK + "attention\\.v_proj\\.", "$1attn.value."),
                    new Rule(BLOCK + "attention\\.(output\\.dense|o_proj)\\.", "$1attn.proj."),
                    new Rule(BLOCK + "intermediate\\.dense\\.", "$1mlp.fc1."),
                    new Rule(BLOCK + "output\\.dense\\.", "$1mlp.fc2."),
                    new Rule(BLOCK + "layernorm_before\\.", "$1norm1."),
                    new Rule(BLOCK + "layernorm_after\\.", "$1norm2."),
                    new Rule("encoder\\.(layers\\.\\d+\\.)", "$1"),
                    new Rule("layernorm\\.", "norm."),
                    new Rule("classifier\\.", "head.fc.")));

    private TimmNames() {}

    /**
     * Renames and rearranges.
     *
     * @return the same weights; as they are where the names are timm's already, or nobody's
     * @throws CheckpointException if a part of a joined tensor is missing, or parts do not fit together
     */
    static NamedWeights of(Path file, NamedWeights weights) {
        Manner manner = weights.manner();
        if (manner == Manner.SWIN) {
            return ofSwin(file, weights);
        }
        List<Rule> rules = manner == null ? null : RULES.get(manner);
        if (manner == null || rules == null) {
            return weights;
        }
        Map<String, HostTensor> renamed = new LinkedHashMap<>();
        Map<String, Map<String, HostTensor>> parts = new LinkedHashMap<>();
        Map<String, String> origins = new LinkedHashMap<>();
        Map<String, String> firsts = new LinkedHashMap<>(); // of the parts of what is joined
        List<String> notes = new ArrayList<>(weights.notes());
        weights.tensors().forEach((name, tensor) -> {
            String to = renamed(rules, name);
            if (to == null) {
                to = name; // left over, under the name that the file has
            }
            if (to.isEmpty()) {
                notes.add("passed over: " + name + ", which no class depends on");
                return;
            }
            claim(file, origins, to, name);
            Matcher part = PART.matcher(to);
            if (part.matches()) {
                parts.computeIfAbsent(part.group(1) + ".qkv." + part.group(3), key -> new LinkedHashMap<>())
                        .put(part.group(2), tensor);
                firsts.putIfAbsent(part.group(1) + ".qkv." + part.group(3), name);
            } else {
                renamed.put(to, tensor);
            }
        });
        parts.forEach((name, three) -> {
            claim(file, origins, name, String.valueOf(firsts.get(name)));
            renamed.put(name, joined(file, name, three));
        });
        notes.add(manner.owner() + " names are read as timm's"
                + (parts.isEmpty() ? "" : ", queries, keys and values joined"));
        NamedWeights named = new NamedWeights(manner, renamed, List.copyOf(notes));
        return manner == Manner.TRANSFORMERS_SWIN ? ofSwin(file, named) : named;
    }

    /** Others end a level with the merging that timm begins the next one with, and Microsoft calls the classifier otherwise. */
    private static NamedWeights ofSwin(Path file, NamedWeights weights) {
        Set<String> names = weights.tensors().keySet();
        boolean merged = names.stream().anyMatch(name -> name.startsWith("layers.0.downsample."));
        boolean headed = names.contains("head.fc.weight") || !names.contains("head.weight");
        if (!merged && headed) {
            return weights;
        }
        Map<String, HostTensor> renamed = new LinkedHashMap<>();
        Map<String, String> origins = new LinkedHashMap<>();
        weights.tensors().forEach((name, tensor) -> {
            Matcher merging = MERGING.matcher(name);
            String to = name;
            if (merged && merging.matches()) {
                to = "layers." + (Integer.parseInt(merging.group(1)) + 1) + merging.group(2);
            } else if (!headed && name.startsWith("head.")) {
                to = "head.fc." + name.substring("head.".length());
            }
            claim(file, origins, to, name);
            renamed.put(to, tensor);
        });
        if (weights.manner() != Manner.SWIN) {
            return new NamedWeights(weights.manner(), renamed, weights.notes());
        }
        List<String> notes = new ArrayList<>(weights.notes());
        notes.add(Manner.MICROSOFT_SWIN.owner() + " names are read as timm's");
        return new NamedWeights(Manner.MICROSOFT_SWIN, renamed, List.copyOf(notes));
    }

    private static void claim(Path file, Map<String, String> origins, String to, String name) {
        String before = origins.put(to, name);
        if (before != null) {
            throw new CheckpointException(
                    file, "two tensors are " + to + ": '" + before + "' and '" + name + "'; one must go");
        }
    }

    private static @Nullable String renamed(List<Rule> rules, String name) {
        for (Rule rule : rules) {
            Matcher matcher = rule.from().matcher(name);
            if (matcher.lookingAt()) {
                StringBuilder to = new StringBuilder();
                matcher.appendReplacement(to, rule.to());
                matcher.appendTail(to);
                return to.toString();
            }
        }
        return null;
    }

    private static HostTensor joined(Path file, String name, Map<String, HostTensor> three) {
        List<HostTensor> parts = new ArrayList<>();
        for (String part : PARTS) {
            HostTensor tensor = three.get(part);
            if (tensor == null) {
                throw new CheckpointException(
                        file, "tensor " + name + " lacks its " + part + ": only " + three.keySet() + " are there");
            }
            parts.add(tensor);
        }
        HostTensor joined = StridedViews.concatenated(parts);
        if (joined == null) {
            throw new CheckpointException(file, "tensor " + name + " cannot be joined of " + three);
        }
        return joined;
    }
}
