package dev.thinkingvit.model;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * First weights of a ThinkingViT from a trained plain ViT or DeiT of another width: every tensor is cut to the leading
 * slice of the shape that is needed, queries, keys and values each for themselves. What the source lacks, or has
 * smaller, stays random.
 *
 * @param weights exactly the parameters of {@link ThinkingViTConfig#parameterShapes()}, F32
 * @param copied names of the tensors that come from the source
 * @param warnings one for every tensor that was skipped, is missing, is left over, or lost more than width
 */
public record WarmStart(Map<String, HostTensor> weights, List<String> copied, List<Warning> warnings) {
    /** The share of the parameters' values below which a start is no warm one. */
    public static final double LEAST_SHARE = 0.1;

    private static final String QKV = ".attn.qkv.";
    private static final int WARNINGS_IN_FULL = 8;
    private static final int NAMES = 3;

    /** What happened to a tensor. */
    public enum Kind {
        MISSING("tensors or whole blocks are missing in the source and stay random"),
        SKIPPED("tensors are skipped and stay random, too small or of another kind in the source"),
        CUT("tensors are cut by more than width"),
        LEFT_OVER("tensors of the source are left over");

        private final String words;

        Kind(String words) {
            this.words = words;
        }
    }

    /**
     * @param kind what happened
     * @param name of the tensor; {@code blocks.i.*} for a whole block
     * @param line all there is to say
     */
    public record Warning(Kind kind, String name, String line) {}

    public WarmStart {
        copied = List.copyOf(copied);
        warnings = List.copyOf(warnings);
    }

    /**
     * @param source tensors under timm's names, of any float type; not changed
     * @param config the model to start
     * @param seed of the random weights
     */
    public static WarmStart of(Map<String, HostTensor> source, ThinkingViTConfig config, long seed) {
        Map<String, HostTensor> weights = new LinkedHashMap<>(Initialisation.draw(config, seed));
        List<String> copied = new ArrayList<>();
        Set<Warning> warnings = new LinkedHashSet<>();
        config.parameterShapes().forEach((name, shape) -> {
            HostTensor tensor = source.get(name);
            if (tensor == null) {
                // A plain ViT recycles nothing: what only a ThinkingViT has is not worth a warning.
                if (!isRecycling(name)) {
                    warnings.add(missing(name, source));
                }
            } else if (fits(name, tensor, shape)) {
                warnings.addAll(lost(name, tensor.shape(), shape));
                weights.put(name, cut(name, tensor, shape));
                copied.add(name);
            } else {
                warnings.add(new Warning(
                        Kind.SKIPPED,
                        name,
                        "tensor " + name + " is skipped and stays random: at least " + Arrays.toString(shape)
                                + " is needed, the source has " + tensor));
            }
        });
        for (String name : source.keySet()) {
            if (!weights.containsKey(name)) {
                warnings.add(new Warning(
                        Kind.LEFT_OVER,
                        name,
                        "tensor " + name + " of the source is left over: the model has no such parameter"));
            }
        }
        return new WarmStart(weights, copied, List.copyOf(warnings));
    }

    /** Values that come from the source, of all values of the parameters; from 0 to 1. */
    public double share() {
        long fromSource = 0;
        long all = 0;
        for (Map.Entry<String, HostTensor> weight : weights.entrySet()) {
            long elements = weight.getValue().elements();
            all += elements;
            fromSource += copied.contains(weight.getKey()) ? elements : 0;
        }
        return (double) fromSource / all;
    }

    /** The warnings a line each; if there are many, a line for each kind of them, with how many and the first names. */
    public List<String> summary() {
        if (warnings.size() <= WARNINGS_IN_FULL) {
            return warnings.stream().map(Warning::line).toList();
        }
        List<String> lines = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            List<Warning> those =
                    warnings.stream().filter(warning -> warning.kind() == kind).toList();
            if (those.size() == 1) {
                lines.add(those.get(0).line());
            } else if (!those.isEmpty()) {
                String names = those.stream().limit(NAMES).map(Warning::name).collect(Collectors.joining(", "));
                lines.add(those.size() + " " + kind.words + ": " + names + (those.size() > NAMES ? ", …" : ""));
            }
        }
        return lines;
    }

    private static boolean isRecycling(String name) {
        return name.startsWith("alpha.") || name.startsWith("proj_layer");
    }

    /** One line for a whole block: a shallower source lacks twelve tensors of each. */
    private static Warning missing(String name, Map<String, HostTensor> source) {
        if (name.startsWith("blocks.")) {
            String block = name.substring(0, name.indexOf('.', "blocks.".length()) + 1);
            if (source.keySet().stream().noneMatch(other -> other.startsWith(block))) {
                return new Warning(
                        Kind.MISSING, block + "*", block + "* is missing in the source: the block stays random");
            }
        }
        return new Warning(Kind.MISSING, name, "tensor " + name + " is missing in the source and stays random");
    }

    private static boolean fits(String name, HostTensor tensor, long[] shape) {
        long[] from = tensor.shape();
        boolean fits = tensor.dtype().isFloating() && from.length == shape.length;
        fits = fits && !(name.contains(QKV) && from[0] % 3 != 0);
        for (int i = 0; fits && i < shape.length; i++) {
            fits = from[i] >= shape[i];
        }
        return fits;
    }

    /** Cutting width is the purpose; cutting classes, positions or pixels is something else. */
    private static List<Warning> lost(String name, long[] from, long[] shape) {
        String what =
                switch (name) {
                    case "head.weight", "head.bias" -> from[0] == shape[0] ? "" : "classes";
                    case "pos_embed" -> from[1] == shape[1] ? "" : "tokens";
                    case "patch_embed.proj.weight" ->
                        from[2] == shape[2] && from[3] == shape[3] ? "" : "pixels of a patch";
                    default -> "";
                };
        return what.isEmpty()
                ? List.of()
                : List.of(new Warning(
                        Kind.CUT,
                        name,
                        "tensor " + name + " is cut from " + Arrays.toString(from) + " to " + Arrays.toString(shape)
                                + ": only its first " + what + " are kept"));
    }

    private static HostTensor cut(String name, HostTensor tensor, long[] shape) {
        int chunks = name.contains(QKV) ? 3 : 1;
        float[] values = tensor.toFloats();
        ByteBuffer target = ByteBuffer.allocate(Math.toIntExact(elements(shape, 0) * Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        long[] from = tensor.shape();
        long[] chunk = shape.clone();
        chunk[0] = shape[0] / chunks;
        for (int i = 0; i < chunks; i++) {
            copy(values, i * (values.length / chunks), from, chunk, 0, target);
        }
        return new HostTensor(DType.F32, shape, target.flip());
    }

    /** Copies the leading slice along {@code axis} and all further axes, row-major. */
    private static void copy(float[] source, int offset, long[] from, long[] shape, int axis, ByteBuffer target) {
        if (axis == shape.length) {
            target.putFloat(source[offset]);
            return;
        }
        int stride = Math.toIntExact(elements(from, axis + 1));
        for (int i = 0; i < shape[axis]; i++) {
            copy(source, offset + i * stride, from, shape, axis + 1, target);
        }
    }

    private static long elements(long[] shape, int axis) {
        long count = 1;
        for (int i = axis; i < shape.length; i++) {
            count *= shape[i];
        }
        return count;
    }
}
