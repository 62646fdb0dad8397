package dev.thinkingvit.model;

import dev.thinkingvit.model.WarmStart.Kind;
import dev.thinkingvit.model.WarmStart.Remark;
import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A {@link WarmStart} that is being made. {@code D} the model's width, {@code w} the source's.
 */
final class Laying {
    private static final int LARGEST_WIDTH = 1 << 16;

    private final ThinkingViTConfig config;
    private final Parameters parameters;
    private final Map<String, HostTensor> drawn;
    private final ClassHead head;
    private final WarmSource prepared;
    private final Map<String, HostTensor> tensors;
    private final int width;
    private final Map<String, HostTensor> weights = new LinkedHashMap<>();
    private final Map<String, long[]> filled = new LinkedHashMap<>();
    private final Set<Remark> remarks = new LinkedHashSet<>();

    Laying(Map<String, HostTensor> source, ThinkingViTConfig config, Map<String, HostTensor> drawn, ClassHead head) {
        this.config = config;
        this.parameters = config.parameters();
        this.drawn = drawn;
        this.head = head;
        this.prepared = new WarmSource(source, config);
        this.tensors = prepared.tensors();
        this.width = prepared.width();
    }

    WarmStart done() {
        Map<String, long[]> fitting = fittingShapes();
        Set<String> explained = prepared.remarks().stream().map(Remark::name).collect(Collectors.toSet());
        drawn.forEach((name, start) -> {
            weights.put(name, start);
            HostTensor tensor = tensors.get(name);
            Role role = parameters.require(name).role();
            if (role == Role.RECYCLING || (role == Role.HEAD && !head.kept())) {
                return;
            }
            if (tensor == null) {
                if (!explained.contains(name)) {
                    remarks.add(missing(name));
                }
            } else if (fits(name, tensor, fitting.get(name))) {
                weights.put(name, laid(name, tensor, start));
            } else {
                remarks.add(new Remark(
                        Kind.SKIPPED,
                        name,
                        "tensor " + name + " stays random: expected "
                                + (fitting.isEmpty()
                                        ? "a width that the source tells"
                                        : Arrays.toString(fitting.get(name)))
                                + ", the source has " + tensor));
            }
        });
        for (String name : tensors.keySet()) {
            if (!weights.containsKey(name) && !ThinkingViTConfig.isRecycling(name)) {
                String what = orWholeBlock(weights, name);
                remarks.add(new Remark(
                        Kind.LEFT_OVER, what, what + " of the source is left over: the model computes without it"));
            }
        }
        remarks.addAll(prepared.remarks());
        remarks.add(new Remark(Kind.HEAD, "head", head.line()));
        remarkOnWidth();
        if (tensors.keySet().stream().anyMatch(ThinkingViTConfig::isRecycling)) {
            remarks.add(new Remark(
                    Kind.ADAPTED, "alpha", "alpha and proj_layer, which recycle tokens, start anew in every model"));
        }
        long values = filled.values().stream().mapToLong(Laying::product).sum();
        return new WarmStart(
                weights,
                width,
                List.copyOf(filled.keySet()),
                values,
                Math.max(shareOfSource(), shareOfStage(1)),
                List.copyOf(remarks));
    }

    /** The shapes of a plain ViT of the source's width, in the model's geometry; empty if there can be none. */
    private Map<String, long[]> fittingShapes() {
        if (width < 1 || width > LARGEST_WIDTH) {
            return Map.of();
        }
        return plain(width).parameterShapes();
    }

    private ThinkingViTConfig plain(int ofWidth) {
        return new ThinkingViTConfig(
                config.imageSize(),
                config.patchSize(),
                ofWidth,
                config.depth(),
                1,
                List.of(1),
                config.numClasses(),
                config.normEps());
    }

    /** An MLP may be of any hidden width; all else follows from the source's. */
    private boolean fits(String name, HostTensor tensor, long @Nullable [] fitting) {
        long[] shape = tensor.shape();
        if (fitting == null || !tensor.dtype().isFloating() || shape.length != fitting.length) {
            return false;
        }
        int hidden = parameters.require(name).axis(Axis.Meaning.HIDDEN).orElse(-1);
        for (int axis = 0; axis < shape.length; axis++) {
            if (axis != hidden && shape[axis] != fitting[axis]) {
                return false;
            }
        }
        return true;
    }

    private HostTensor laid(String name, HostTensor tensor, HostTensor start) {
        float[] source = tensor.toFloats();
        float[] target = start.toFloats();
        long[] from = tensor.shape();
        long[] to = start.shape();
        int chunks = parameters.require(name).chunks();
        boolean classes = parameters.require(name).role() == Role.HEAD;
        long[] part = to.clone();
        for (int axis = 0; axis < to.length; axis++) {
            part[axis] = Math.min(from[axis], to[axis]);
        }
        filled.put(name, part.clone());
        part[0] /= chunks;
        for (int chunk = 0; chunk < chunks; chunk++) {
            for (int row = 0; row < part[0]; row++) {
                int sourceRow = classes ? head.rows().get(row) : row;
                lay(
                        source,
                        chunk * (source.length / chunks) + sourceRow * stride(from, 0),
                        from,
                        target,
                        chunk * (target.length / chunks) + row * stride(to, 0),
                        to,
                        1);
            }
        }
        return HostTensor.of(target, to);
    }

    /** Lays what both have along {@code axis} and all further ones; row-major. */
    private static void lay(
            float[] source, int sourceAt, long[] from, float[] target, int targetAt, long[] to, int axis) {
        if (axis >= to.length) {
            target[targetAt] = source[sourceAt];
            return;
        }
        int count = (int) Math.min(from[axis], to[axis]);
        if (axis == to.length - 1) {
            System.arraycopy(source, sourceAt, target, targetAt, count);
            return;
        }
        for (int i = 0; i < count; i++) {
            lay(source, sourceAt + i * stride(from, axis), from, target, targetAt + i * stride(to, axis), to, axis + 1);
        }
    }

    private static int stride(long[] shape, int axis) {
        return (int) product(Arrays.copyOfRange(shape, axis + 1, shape.length));
    }

    private static long product(long[] shape) {
        long count = 1;
        for (long size : shape) {
            count *= size;
        }
        return count;
    }

    private double shareOfSource() {
        long used = 0;
        long all = 0;
        for (Map.Entry<String, HostTensor> entry : tensors.entrySet()) {
            if (counts(entry.getKey())) {
                all += entry.getValue().elements();
                used += product(filled.getOrDefault(entry.getKey(), new long[] {0}));
            }
        }
        return all == 0 ? 0 : (double) used / all;
    }

    /** Share of what a stage reads that comes from the source. */
    private double shareOfStage(int stage) {
        long covered = 0;
        long all = 0;
        for (Map.Entry<String, long[]> entry :
                plain(config.width(stage)).parameterShapes().entrySet()) {
            if (counts(entry.getKey())) {
                long[] read = entry.getValue();
                all += product(read);
                long[] part = filled.getOrDefault(entry.getKey(), new long[read.length]);
                for (int axis = 0; axis < read.length; axis++) {
                    read[axis] = Math.min(read[axis], part[axis]);
                }
                covered += product(read);
            }
        }
        return (double) covered / all;
    }

    /** Heads, which every task has of its own, and what recycles tokens do not count. */
    private boolean counts(String name) {
        Parameter parameter = parameters.get(name);
        return parameter == null ? !ThinkingViTConfig.isRecycling(name) : parameter.role() == Role.BODY;
    }

    private void remarkOnWidth() {
        if (width == 0) {
            return;
        }
        String line = null;
        for (int stage = 1; stage <= config.stages(); stage++) {
            boolean whole = remarks.stream().noneMatch(remark -> remark.kind() == Kind.LEFT_OVER);
            if (config.width(stage) == width && shareOfStage(stage) == 1 && whole) {
                line = "stage " + stage + ", as wide as the source (" + width + "), starts with all its weights";
            }
        }
        if (line == null && width < config.width(1)) {
            line = String.format(
                    "the source is %d wide, stage 1 already %d: each stage starts partly at random",
                    width, config.width(1));
        } else if (line == null && width != config.embedDim()) {
            line = String.format(
                    "the source is %d wide, the model %d: %s",
                    width,
                    config.embedDim(),
                    width < config.embedDim() ? "it goes to the leading slices" : "its leading slices are taken");
        }
        if (line != null) {
            remarks.add(new Remark(Kind.WIDTH, "width", line));
        }
    }

    private Remark missing(String name) {
        String what = orWholeBlock(tensors, name);
        return new Remark(Kind.MISSING, what, what + " is missing in the source and stays random");
    }

    /** The tensor's name, or that of its whole block if the others have none of it: a block has twelve tensors. */
    private static String orWholeBlock(Map<String, HostTensor> others, String name) {
        if (name.startsWith("blocks.")) {
            int end = name.indexOf('.', "blocks.".length()) + 1;
            String block = name.substring(0, end);
            if (end > 0 && others.keySet().stream().noneMatch(other -> other.startsWith(block))) {
                return block + "*";
            }
        }
        return "tensor " + name;
    }
}
