package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StridedViews;
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
 * The names and layouts of Google's Vision Transformers (the JAX files of "How to train your ViT?", and Big Vision's) in
 * timm's terms, as timm itself loads them. Flax keeps kernels with their inputs first and attention's heads apart.
 *
 * <p>D: width; H: heads; hd: D / H; F: width of the MLP.
 */
final class GoogleViTNames {
    private static final List<String> PREFIXES = List.of("", "opt/target/", "params/img/", "params/");
    private static final String PATCHES = "embedding/kernel";
    private static final Pattern BLOCK = Pattern.compile("Transformer/encoderblock_(\\d{1,4})/(.+)");
    private static final Pattern ATTENTION =
            Pattern.compile("MultiHeadDotProductAttention_[01]/(query|key|value|out)/(kernel|bias)");
    private static final Pattern MLP = Pattern.compile("MlpBlock_[03]/Dense_([01])/(kernel|bias)");
    private static final Pattern NORM = Pattern.compile("LayerNorm_([012])/(scale|bias)");

    private static final Map<String, String> OUTSIDE = Map.ofEntries(
            Map.entry("cls", "cls_token"),
            Map.entry("Transformer/posembed_input/pos_embedding", "pos_embed"),
            Map.entry("pos_embedding", "pos_embed"),
            Map.entry(PATCHES, "patch_embed.proj.weight"),
            Map.entry("embedding/bias", "patch_embed.proj.bias"),
            Map.entry("Transformer/encoder_norm/scale", "norm.weight"),
            Map.entry("Transformer/encoder_norm/bias", "norm.bias"),
            Map.entry("head/kernel", "head.weight"),
            Map.entry("head/bias", "head.bias"));

    private static final List<String> PARTS = List.of("query", "key", "value");

    /** A query's, key's or value's tensor and the name that the file has for it. */
    private record Part(String name, HostTensor tensor) {
        @Override
        public String toString() {
            return name;
        }
    }

    private final Path file;
    private final Map<String, HostTensor> renamed = new LinkedHashMap<>();
    private final Map<String, String> origins = new LinkedHashMap<>();
    private final Map<String, @Nullable Part[]> joined = new LinkedHashMap<>();
    private @Nullable String firstWithHeads;
    private long heads;

    private GoogleViTNames(Path file) {
        this.file = file;
    }

    /**
     * A file's tensors in timm's terms.
     *
     * @param tensors by timm's names
     * @param heads H, which the kernels of attention show; 0 if none does
     */
    record Translated(Map<String, HostTensor> tensors, int heads) {}

    /** Whether these are the names of such a file. */
    static boolean matches(Set<String> names) {
        return prefix(names) != null;
    }

    private static @Nullable String prefix(Set<String> names) {
        return PREFIXES.stream()
                .filter(prefix -> names.contains(prefix + PATCHES)
                        && names.stream().anyMatch(name -> name.startsWith(prefix + "Transformer/encoderblock_")))
                .findFirst()
                .orElse(null);
    }

    /**
     * @param file for messages
     * @param tensors of a file whose names {@linkplain #matches match}
     * @return timm's names, in its layouts: queries, keys and values in one [3·D, D], kernels with their outputs first.
     *     {@code pre_logits}, which timm ignores, and whatever else has no place in it keep their names
     * @throws CheckpointException if two tensors claim one name, a part of a joined tensor is missing, parts do not fit
     *     together, or heads differ in number
     */
    static Translated toTimm(Path file, Map<String, HostTensor> tensors) {
        String prefix = prefix(tensors.keySet());
        GoogleViTNames names = new GoogleViTNames(file);
        tensors.forEach((name, tensor) -> {
            String plain = prefix != null && name.startsWith(prefix) ? name.substring(prefix.length()) : name;
            Matcher block = BLOCK.matcher(plain);
            if (block.matches()) {
                names.inBlock(name, "blocks." + Integer.parseInt(block.group(1)) + ".", block.group(2), tensor);
            } else {
                boolean kernel = plain.endsWith("/kernel");
                String timm = OUTSIDE.get(plain);
                names.put(timm == null ? name : timm, name, timm != null && kernel ? kernel(tensor) : tensor);
            }
        });
        names.joined.forEach(names::join);
        return new Translated(names.renamed, (int) Math.min(names.heads, Integer.MAX_VALUE));
    }

    private void join(String name, @Nullable Part[] parts) {
        List<HostTensor> tensors = new ArrayList<>();
        List<String> there = new ArrayList<>();
        for (Part part : parts) {
            if (part != null) {
                tensors.add(part.tensor());
                there.add("'" + part.name() + "' " + part.tensor());
            }
        }
        for (int i = 0; i < parts.length; i++) {
            if (parts[i] == null) {
                throw new CheckpointException(
                        file,
                        "tensor " + name + " lacks its " + PARTS.get(i) + ": there is only "
                                + String.join(", ", there));
            }
        }
        HostTensor whole = StridedViews.concatenated(tensors);
        if (whole == null || tensors.stream().anyMatch(tensor -> tensor.elements() == 0)) {
            throw new CheckpointException(
                    file,
                    "tensor " + name + " cannot be joined of " + String.join(", ", there)
                            + ": query, key and value must have one type and shape");
        }
        put(name, String.valueOf(parts[0]), whole);
    }

    private void inBlock(String name, String block, String rest, HostTensor tensor) {
        Matcher attention = ATTENTION.matcher(rest);
        Matcher mlp = MLP.matcher(rest);
        Matcher norm = NORM.matcher(rest);
        boolean kernel = rest.endsWith("/kernel");
        String ending = rest.endsWith("/bias") ? ".bias" : ".weight";
        if (attention.matches() && attention.group(1).equals("out")) {
            if (kernel && tensor.shape().length == 3) {
                requireHeads(name, tensor.shape()[0]);
            }
            put(block + "attn.proj" + ending, name, kernel ? outKernel(tensor) : tensor);
        } else if (attention.matches()) {
            String timm = block + "attn.qkv" + ending;
            @Nullable Part[] parts = joined.computeIfAbsent(timm, key -> new Part[PARTS.size()]);
            int place = PARTS.indexOf(attention.group(1));
            Part before = parts[place];
            if (before != null) {
                throw twice(timm, before.name(), name);
            }
            if (tensor.shape().length == (kernel ? 3 : 2)) {
                requireHeads(name, tensor.shape()[kernel ? 1 : 0]);
            }
            parts[place] = new Part(name, kernel ? headsKernel(tensor) : reshaped(tensor, tensor.elements()));
        } else if (mlp.matches()) {
            String layer = "mlp.fc" + (Integer.parseInt(mlp.group(1)) + 1);
            put(block + layer + ending, name, kernel ? kernel(tensor) : tensor);
        } else if (norm.matches()) {
            put(block + (norm.group(1).equals("0") ? "norm1" : "norm2") + ending, name, tensor);
        } else {
            put(name, name, tensor);
        }
    }

    private void put(String timm, String name, HostTensor tensor) {
        String before = origins.put(timm, name);
        if (before != null) {
            throw twice(timm, before, name);
        }
        renamed.put(timm, tensor);
    }

    private CheckpointException twice(String timm, String one, String other) {
        return new CheckpointException(
                file, "two tensors are " + timm + ": '" + one + "' and '" + other + "'; one must go");
    }

    private void requireHeads(String name, long came) {
        if (firstWithHeads == null) {
            firstWithHeads = name;
            heads = came;
        } else if (came != heads) {
            throw new CheckpointException(
                    file,
                    "tensor '" + name + "' has " + came + " heads, '" + firstWithHeads + "' has " + heads
                            + "; all of a network have one number");
        }
    }

    /** A dense layer's [inputs, outputs] or a convolution's [height, width, inputs, outputs], outputs first. */
    private static HostTensor kernel(HostTensor tensor) {
        return switch (tensor.shape().length) {
            case 2 -> StridedViews.permuted(tensor, 1, 0); // [outputs, inputs]
            case 4 -> StridedViews.permuted(tensor, 3, 2, 0, 1); // [outputs, inputs, height, width]
            default -> tensor;
        };
    }

    /** A query's, key's or value's [D, H, hd] as [H·hd, D]. */
    private static HostTensor headsKernel(HostTensor tensor) {
        long[] shape = tensor.shape();
        if (shape.length != 3) {
            return kernel(tensor);
        }
        return reshaped(StridedViews.permuted(tensor, 1, 2, 0), shape[1] * shape[2], shape[0]);
    }

    /** The output projection's [H, hd, D] as [D, H·hd]. */
    private static HostTensor outKernel(HostTensor tensor) {
        long[] shape = tensor.shape();
        if (shape.length != 3) {
            return kernel(tensor);
        }
        return reshaped(StridedViews.permuted(tensor, 2, 0, 1), shape[2], shape[0] * shape[1]);
    }

    private static HostTensor reshaped(HostTensor tensor, long... shape) {
        return tensor.part(tensor.dtype(), 0, shape);
    }
}
