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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A {@link WarmStart} that is being made. {@code D} the model's width, {@code w} the source's.
 */
final class Laying {
    private static final Pattern BLOCK = Pattern.compile("(.*\\.\\d+\\.).+");

    private final NetworkConfig config;
    private final Parameters parameters;
    private final Map<String, HostTensor> drawn;
    private final ClassHead head;
    private final WarmSource source;
    private final Map<String, HostTensor> tensors;
    private final int width;
    private final Map<String, HostTensor> weights = new LinkedHashMap<>();
    private final Map<String, long[]> filled = new LinkedHashMap<>();
    private final Set<Remark> remarks = new LinkedHashSet<>();

    Laying(WarmSource source, NetworkConfig config, Map<String, HostTensor> drawn, ClassHead head) {
        this.config = config;
        this.parameters = config.parameters();
        this.drawn = drawn;
        this.head = head;
        this.source = source;
        this.tensors = source.tensors();
        this.width = source.width();
    }

    WarmStart done() {
        NetworkConfig shape = source.shape();
        Map<String, long[]> fitting = new LinkedHashMap<>();
        if (shape != null) {
            fitting.putAll(parameters.shapes()); // of what a later stage alone reads, which no plain network has
            fitting.putAll(shape.parameterShapes());
        }
        Set<String> explained = source.remarks().stream().map(Remark::name).collect(Collectors.toSet());
        drawn.forEach((name, start) -> {
            weights.put(name, start);
            HostTensor tensor = tensors.get(name);
            Role role = parameters.require(name).role();
            if (role == Role.HEAD && !head.kept()) {
                return;
            }
            if (tensor == null) {
                boolean optional = role == Role.PREDICTOR || role == Role.RECYCLING || role == Role.KEPT_RECYCLING;
                if (!optional && !explained.contains(name)) {
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
            if (!weights.containsKey(name)) {
                String what = orWholeBlock(weights, name);
                remarks.add(new Remark(
                        Kind.LEFT_OVER, what, what + " of the source is left over: the model computes without it"));
            }
        }
        remarks.addAll(source.remarks());
        remarks.add(new Remark(Kind.HEAD, "head", head.line()));
        remarkOnWidth();
        long values = filled.values().stream().mapToLong(Laying::product).sum();
        return new WarmStart(
                weights,
                width,
                List.copyOf(filled.keySet()),
                values,
                Math.max(shareOfSource(), shareOfStage(1)),
                List.copyOf(remarks));
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
        float[] trained = tensor.toFloats();
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
                        trained,
                        chunk * (trained.length / chunks) + sourceRow * stride(from, 0),
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
        for (Parameter parameter : parameters.all()) {
            if (parameter.role() == Role.BODY && parameter.isReadBy(stage)) {
                long[] read = parameter.shape(stage);
                all += product(read);
                long[] part = filled.getOrDefault(parameter.name(), new long[read.length]);
                for (int axis = 0; axis < read.length; axis++) {
                    read[axis] = Math.min(read[axis], part[axis]);
                }
                covered += product(read);
            }
        }
        return (double) covered / all;
    }

    /** Heads, which every task has of its own, do not count. */
    private boolean counts(String name) {
        Parameter parameter = parameters.get(name);
        return parameter == null || parameter.role() == Role.BODY;
    }

    private void remarkOnWidth() {
        if (width == 0) {
            return;
        }
        String line = null;
        for (int stage = 1; stage <= config.stages(); stage++) {
            boolean whole = remarks.stream().noneMatch(remark -> remark.kind() == Kind.LEFT_OVER);
            if (config.stageWidth(stage) == width && shareOfStage(stage) == 1 && whole) {
                line = "stage " + stage + ", as wide as the source (" + width + "), starts with all its weights";
            }
        }
        if (line == null && width < config.stageWidth(1)) {
            line = String.format(
                    "the source is %d wide, stage 1 already %d: each stage starts partly at random",
                    width, config.stageWidth(1));
        } else if (line == null && width != config.numFeatures()) {
            line = String.format(
                    "the source is %d wide, the model %d: %s",
                    width,
                    config.numFeatures(),
                    width < config.numFeatures() ? "it goes to the leading slices" : "its leading slices are taken");
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
        Matcher block = BLOCK.matcher(name);
        if (block.matches() && others.keySet().stream().noneMatch(other -> other.startsWith(block.group(1)))) {
            return block.group(1) + "*";
        }
        return "tensor " + name;
    }
}
