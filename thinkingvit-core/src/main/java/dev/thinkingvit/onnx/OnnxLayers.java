package dev.thinkingvit.onnx;

import static dev.thinkingvit.onnx.OnnxGraph.attribute;

import dev.thinkingvit.checkpoint.ProtoMessage;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Norm;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Windows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Layers as nodes of one stage's ONNX graph: images and the tokens of the stage before in, logits and tokens out.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} features, {@code H} heads, {@code hd} their width. Tokens are the rows
 * of one matrix (B·N, d), so that each layer is one Gemm with its bias inside; what runtimes fuse (GELU of Erf,
 * LayerNormalization) is written as they look for it.
 */
final class OnnxLayers implements Layers<OnnxLayers.Value> {
    private final OnnxGraph graph;
    private final NestedConstants constants;
    private final int stage;
    private final Map<String, String> ports; // what a value that leaves the stage is called outside
    private final Set<String> small = new HashSet<>(); // constants of a few numbers that the graph has
    private final Set<String> named = new HashSet<>(); // what nodes give

    private OnnxLayers(OnnxGraph graph, NestedConstants constants, int stage, Map<String, String> ports) {
        this.graph = graph;
        this.constants = constants;
        this.stage = stage;
        this.ports = ports;
    }

    /** A linear layer that waits for what follows it. */
    private record Pending(Value x, Linear layer, @Nullable Parameter factor) {}

    /** How a value lies in the graph. */
    private enum Form {
        /** As the caller gives it, (B, …). */
        PORT,
        /** (B·N, d). */
        ROWS,
        /** (B, d), one row an image. */
        ROW
    }

    /** A value: a node's output, or a layer that is still to be written. Its shape is that of one image. */
    static final class Value {
        private final long[] shape;
        private final Form form;
        private @Nullable String name;
        private @Nullable Pending pending;
        private int patch;

        private Value(Form form, long... shape) {
            this.form = form;
            this.shape = shape;
        }

        private Value named(String own) {
            this.name = own;
            return this;
        }

        private long last() {
            return shape[shape.length - 1];
        }
    }

    /**
     * Writes a stage.
     *
     * @param description the graph's inputs and outputs, as the export's description has them
     * @param constants to which the stage's are added
     * @param where they are
     */
    static OnnxGraph build(
            Network network, ExportedModel.Stage description, NestedConstants constants, GraphConstants where) {
        Map<String, String> ports = new HashMap<>();
        write(network, description, constants, new GraphConstants.Nowhere(where.folded()), ports);
        return write(network, description, constants, where, ports);
    }

    /** @param names of outputs, inner to outer; empty before the stage was written once, filled then */
    private static OnnxGraph write(
            Network network,
            ExportedModel.Stage description,
            NestedConstants constants,
            GraphConstants where,
            Map<String, String> names) {
        int stage = description.stage();
        OnnxGraph graph = new OnnxGraph("stage" + stage, where);
        description.inputs().forEach(graph::input);
        description.outputs().forEach(graph::output);
        OnnxLayers layers = new OnnxLayers(graph, constants, stage, Map.copyOf(names));
        Network.Ports ports = network.ports(stage);
        Value images = input(ExportedModel.IMAGES, ports.images());
        List<Long> before = ports.previous();
        Value previous = before == null ? null : input(ExportedModel.PREVIOUS_TOKENS, before);
        Network.Output<Value> output = network.stage(layers, stage, images, previous);
        Map<String, String> leaving = new HashMap<>();
        layers.leave(ExportedModel.TOKENS, layers.whole(output.tokens()), leaving);
        layers.leave(ExportedModel.LOGITS, layers.port(output.prediction()), leaving);
        output.extras().forEach((name, extra) -> layers.leave(name, layers.port(extra), leaving));
        names.putAll(leaving);
        return graph;
    }

    /** Notes what a value is called outside; a copy of it, if it has come in, or leaves already under another name. */
    private void leave(String port, String value, Map<String, String> leaving) {
        boolean isOwn = named.contains(value) && !leaving.containsKey(value);
        leaving.put(isOwn ? value : node("Identity", port + ".copy", List.of(value)), port);
    }

    private static Value input(String name, List<Long> shape) {
        return new Value(Form.PORT, shape.stream().mapToLong(Long::longValue).toArray()).named(name);
    }

    private String node(String operator, String output, List<String> inputs, ProtoMessage... attributes) {
        String name = output;
        for (int use = 2; !named.add(name); use++) { // of a layer that is used again
            name = output + "#" + use;
        }
        graph.node(operator, outer(name), inputs.stream().map(this::outer).toList(), attributes);
        return name;
    }

    /** What the graph calls a value; names are made of inner ones, so that they do not depend on what leaves the graph. */
    private String outer(String name) {
        return ports.getOrDefault(name, name);
    }

    private String integers(long... values) {
        String name = "shape." + Arrays.stream(values).mapToObj(Long::toString).collect(Collectors.joining("x"));
        return small.add(name) ? graph.integers(name, values) : name;
    }

    private String scalar(String name, double value) {
        return small.add(name) ? graph.scalar(name, (float) value) : name;
    }

    /** The value as rows, (B·N, d) or (B, d). */
    private String rows(Value value) {
        Pending pending = value.pending;
        if (pending != null) {
            value.pending = null;
            value.name = gemm(pending);
        }
        String name = value.name;
        if (name == null) {
            throw new IllegalStateException("patches are embedded before anything else");
        }
        if (value.form != Form.PORT) {
            return name;
        }
        String rows = name + ".rows";
        return small.add(rows) ? node("Reshape", rows, List.of(name, integers(-1, value.last()))) : rows;
    }

    /** The value as (B, N, d). */
    private String whole(Value value) {
        String rows = rows(value);
        String name = value.form == Form.PORT ? value.name : rows + ".tokens";
        if (name == null) {
            throw new IllegalStateException("a value without a name");
        }
        if (value.form == Form.PORT || !small.add(name)) {
            return name;
        }
        return node("Reshape", name, List.of(rows, integers(-1, value.shape[0], value.last())));
    }

    /** The value as it leaves the graph, the batch first. */
    private String port(Value value) {
        return value.form == Form.ROWS ? whole(value) : rows(value);
    }

    private String gemm(Pending pending) {
        Linear layer = pending.layer;
        if (pending.x.patch > 0) {
            long width = layer.weight().shape(stage)[0];
            String rows = node("Reshape", name(layer) + ".rows", List.of(patches(pending, width), integers(-1, width)));
            Parameter bias = layer.bias();
            return bias == null
                    ? rows
                    : node("Add", name(layer), List.of(rows, constants.vector(graph, bias, 0, pending.factor, stage)));
        }
        String x = rows(pending.x);
        if (layer.weight().chunks() == 1) {
            return gemm(x, layer, 0, pending.factor, name(layer));
        }
        List<String> chunks = new ArrayList<>();
        for (int chunk = 0; chunk < layer.weight().chunks(); chunk++) {
            chunks.add(gemm(x, layer, chunk, pending.factor, name(layer) + "." + chunk));
        }
        return node("Concat", name(layer), chunks, attribute("axis", 1));
    }

    private String gemm(String x, Linear layer, int chunk, @Nullable Parameter factor, String name) {
        String weight = constants.matrix(graph, layer.weight(), chunk, factor, stage);
        Parameter bias = layer.bias();
        return node(
                "Gemm",
                name,
                bias == null
                        ? List.of(x, weight)
                        : List.of(x, weight, constants.vector(graph, bias, chunk, factor, stage)));
    }

    private static String name(Linear layer) {
        return stem(layer.weight().name());
    }

    /** {@code layer} of {@code layer.weight}. */
    private static String stem(String name) {
        int dot = name.lastIndexOf('.');
        return dot < 0 ? name + ".out" : name.substring(0, dot);
    }

    @Override
    public Value patches(Value images, int patch) {
        long count = images.shape[1] / patch * (images.shape[2] / patch);
        Value patches = new Value(Form.PORT, count, images.shape[0] * patch * patch);
        patches.name = images.name;
        patches.patch = patch;
        return patches;
    }

    @Override
    public Value linear(Value x, Linear layer) {
        long[] shape = x.shape.clone();
        shape[shape.length - 1] = layer.weight().shape(stage)[0];
        Value out = new Value(x.form == Form.ROW ? Form.ROW : Form.ROWS, shape);
        out.pending = new Pending(x, layer, null);
        return out;
    }

    private static Pending pending(Value value) {
        Pending pending = value.pending;
        if (pending == null) {
            throw new IllegalStateException("a linear layer is required");
        }
        return pending;
    }

    @Override
    public Value tokens(Value patches, Parameter classToken, Parameter positions) {
        Pending pending = pending(patches);
        Linear layer = pending.layer;
        long width = patches.last();
        String name = name(layer);
        if (pending.factor != null) {
            throw new IllegalStateException("embedded patches are not scaled before a class token is put in front");
        }
        String transposed = patches(pending, width);
        // a row of zeros in front makes room for the class token, which the embedding's first row holds
        String padded = node("Pad", name + ".padded", List.of(transposed, integers(0, 1, 0, 0, 0, 0))); // (B, N, d)
        String embedding = constants.embedding(graph, classToken, positions, layer.bias(), stage);
        String embedded = node("Add", "embedded", List.of(padded, embedding));
        String rows = node("Reshape", "embedded.rows", List.of(embedded, integers(-1, width))); // (B·N, d)
        return new Value(Form.ROWS, patches.shape[0] + 1, width).named(rows);
    }

    /** The convolution of a patch embedding, without its bias: (B, N, d). */
    private String patches(Pending pending, long width) {
        Linear layer = pending.layer;
        int patch = pending.x.patch;
        String images = pending.x.name;
        if (patch == 0 || images == null) {
            throw new IllegalStateException("a class token is put before embedded patches");
        }
        String name = name(layer);
        String kernel = constants.kernel(graph, layer.weight(), pending.factor, stage);
        if (layer.weight().axes().size() == 2) { // declared as the matrix that it is to the layer
            long channels = pending.x.last() / ((long) patch * patch);
            kernel = node("Reshape", name + ".kernel", List.of(kernel, integers(width, channels, patch, patch)));
        }
        String grid = node(
                "Conv",
                name + ".grid",
                List.of(images, kernel),
                attribute("kernel_shape", List.of(patch, patch)),
                attribute("strides", List.of(patch, patch))); // (B, d, S/p, S/p)
        String columns =
                node("Reshape", name + ".columns", List.of(grid, integers(-1, width, pending.x.shape[0]))); // (B, d, N)
        return node("Transpose", name + ".patches", List.of(columns), attribute("perm", List.of(0, 2, 1)));
    }

    @Override
    public Value norm(Value x, Norm layer) {
        String weight = constants.vector(graph, layer.weight(), 0, null, stage);
        String name = stem(weight);
        return new Value(x.form, x.shape)
                .named(node(
                        "LayerNormalization",
                        name,
                        List.of(rows(x), weight, constants.vector(graph, layer.bias(), 0, null, stage)),
                        attribute("axis", -1),
                        attribute("epsilon", (float) layer.eps())));
    }

    /** x · (1 + erf(x / √2)) / 2. */
    @Override
    public Value gelu(Value value) {
        String x = rows(value);
        String name = x + ".gelu";
        String scaled = node("Div", name + ".scaled", List.of(x, scalar("gelu.sqrt2", Math.sqrt(2))));
        String erf = node("Erf", name + ".erf", List.of(scaled));
        String shifted = node("Add", name + ".shifted", List.of(erf, scalar("gelu.one", 1)));
        String product = node("Mul", name + ".product", List.of(x, shifted));
        return new Value(value.form, value.shape).named(node("Mul", name, List.of(product, scalar("gelu.half", 0.5))));
    }

    @Override
    public Value attention(Value qkv, int heads) {
        long tokens = qkv.shape[0];
        long width = qkv.last() / 3;
        String name;
        String[] parts;
        Pending pending = qkv.pending;
        if (pending != null && pending.layer.weight().chunks() == 3) {
            name = name(pending.layer) + ".";
            parts = parts(pending, name, heads, tokens, width);
        } else {
            name = rows(qkv) + ".";
            parts = parts(qkv, name, heads);
        }
        String scores = node("MatMul", name + "scores", List.of(parts[0], parts[1])); // (B, H, N, N)
        String shares = node("Softmax", name + "shares", List.of(scores), attribute("axis", -1));
        String mixed = node("MatMul", name + "mixed", List.of(shares, parts[2])); // (B, H, N, hd)
        String joined = node("Transpose", name + "joined", List.of(mixed), attribute("perm", List.of(0, 2, 1, 3)));
        return new Value(Form.ROWS, tokens, width)
                .named(node("Reshape", name + "rows", List.of(joined, integers(-1, width)))); // (B·N, d)
    }

    /** Queries (B, H, N, hd), keys (B, H, hd, N) and values of a layer in three chunks, a product for each. */
    private String[] parts(Pending pending, String name, int heads, long tokens, long width) {
        String x = rows(pending.x);
        String split = integers(-1, tokens, heads, width / heads);
        String[] parts = new String[3];
        for (int i = 0; i < parts.length; i++) {
            String part = name + "qkv".charAt(i);
            String rows = gemm(x, pending.layer, i, pending.factor, part); // (B·N, d)
            String byHead = node("Reshape", part + ".split", List.of(rows, split)); // (B, N, H, hd)
            List<Integer> order = i == 1 ? List.of(0, 2, 3, 1) : List.of(0, 2, 1, 3);
            parts[i] = node("Transpose", part + ".heads", List.of(byHead), attribute("perm", order));
        }
        return parts;
    }

    /** The same of rows (B·N, 3d), cut apart. */
    private String[] parts(Value qkv, String name, int heads) {
        long headDim = qkv.last() / 3 / heads;
        String split =
                node("Reshape", name + "split", List.of(rows(qkv), integers(-1, qkv.shape[0], 3, heads, headDim)));
        String byPart = node("Transpose", name + "parts", List.of(split), attribute("perm", List.of(2, 0, 3, 1, 4)));
        String[] parts = new String[3];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = node("Gather", name + "qkv".charAt(i), List.of(byPart, index(i)), attribute("axis", 0));
        }
        parts[1] = node("Transpose", name + "keys", List.of(parts[1]), attribute("perm", List.of(0, 1, 3, 2)));
        return parts;
    }

    /** In the layer's weights, since it is constant. */
    @Override
    public Value scale(Value x, Parameter factor) {
        Pending pending = pending(x);
        Value out = new Value(x.form, x.shape);
        out.pending = new Pending(pending.x, pending.layer, factor);
        return out;
    }

    @Override
    public Value add(Value x, Value y) {
        String branch = rows(y);
        return new Value(x.form, x.shape).named(node("Add", branch + ".added", List.of(rows(x), branch)));
    }

    @Override
    public Value residual(Value x, Value branch) {
        return add(x, branch);
    }

    @Override
    public Value token(Value x, int index) {
        String name = "token." + index;
        String tokens = whole(x);
        String at = index(index);
        return new Value(Form.ROW, x.last())
                .named(node("Gather", name, List.of(tokens, at), attribute("axis", 1))); // (B, d)
    }

    private String index(long index) {
        String name = "index." + index;
        return small.add(name) ? graph.index(name, index) : name;
    }

    @Override
    public Value block(Value x, int index, UnaryOperator<Value> body) {
        return body.apply(x);
    }

    @Override
    public Value windows(Value x, Windows how) {
        String name = rows(x) + ".windows";
        long width = x.last();
        String cut = cut(x, how, name);
        String apart = node("Transpose", name + ".apart", List.of(cut), attribute("perm", List.of(0, 1, 3, 2, 4, 5)));
        return new Value(Form.ROWS, how.tokens(), width)
                .named(node("Reshape", name, List.of(apart, integers(-1, width))));
    }

    /** The grid, rolled and filled up: (B, down, w, across, w, d). */
    private String cut(Value x, Windows how, String name) {
        long width = x.last();
        String grid = node("Reshape", name + ".grid", List.of(rows(x), integers(-1, how.rows(), how.columns(), width)));
        String rolled = rolled(grid, how.up(), how.left(), how, name);
        long below = (long) how.down() * how.windowRows() - how.rows();
        long right = (long) how.across() * how.windowColumns() - how.columns();
        String filled = below == 0 && right == 0
                ? rolled
                : node("Pad", name + ".filled", List.of(rolled, integers(0, 0, 0, 0, 0, below, right, 0)));
        return node(
                "Reshape",
                name + ".cut",
                List.of(filled, integers(-1, how.down(), how.windowRows(), how.across(), how.windowColumns(), width)));
    }

    @Override
    public Value unwindow(Value x, Windows how) {
        String name = rows(x) + ".joined";
        long width = x.last();
        String cut = node(
                "Reshape",
                name + ".cut",
                List.of(rows(x), integers(-1, how.down(), how.across(), how.windowRows(), how.windowColumns(), width)));
        String near = node("Transpose", name + ".near", List.of(cut), attribute("perm", List.of(0, 1, 3, 2, 4, 5)));
        long below = (long) how.down() * how.windowRows();
        long right = (long) how.across() * how.windowColumns();
        String grid = node("Reshape", name + ".grid", List.of(near, integers(-1, below, right, width)));
        if (below > how.rows() || right > how.columns()) {
            grid = slice(grid, name + ".cropped", List.of(1, 2), List.of(0, 0), List.of(how.rows(), how.columns()));
        }
        String rolled = rolled(grid, -how.up(), -how.left(), how, name);
        return new Value(Form.ROWS, (long) how.rows() * how.columns(), width)
                .named(node("Reshape", name, List.of(rolled, integers(-1, width))));
    }

    /** A grid (B, rows, columns, d) rolled up and left. */
    private String rolled(String grid, int up, int left, Windows how, String name) {
        String rolled = grid;
        for (int axis = 1; axis <= 2; axis++) {
            int size = axis == 1 ? how.rows() : how.columns();
            int shift = axis == 1 ? up : left;
            if (shift == 0) {
                continue;
            }
            int from = Math.floorMod(shift, size);
            String part = name + ".roll" + axis;
            String first = slice(rolled, part + ".first", List.of(axis), List.of(0), List.of(from));
            String rest = slice(rolled, part + ".rest", List.of(axis), List.of(from), List.of(size));
            rolled = node("Concat", part, List.of(rest, first), attribute("axis", axis));
        }
        return rolled;
    }

    private String slice(String x, String name, List<Integer> axes, List<Integer> from, List<Integer> to) {
        return node("Slice", name, List.of(x, integers(longs(from)), integers(longs(to)), integers(longs(axes))));
    }

    private static long[] longs(List<Integer> values) {
        return values.stream().mapToLong(Integer::longValue).toArray();
    }

    @Override
    public Value windowAttention(Value qkv, int heads, Parameter bias, Windows how) {
        String rows = rows(qkv);
        String name = rows + ".";
        long n = how.tokens();
        long width = qkv.last() / 3;
        String[] parts = parts(qkv, name, heads); // (B·windows, H, n, hd), keys (B·windows, H, hd, n)
        double scale = 1 / Math.sqrt((double) width / heads);
        String queries = node("Mul", name + "queries", List.of(parts[0], scalar("scale." + width / heads, scale)));
        String scores = node("MatMul", name + "scores", List.of(queries, parts[1])); // (B·windows, H, n, n)
        String biased = node("Add", name + "biased", List.of(scores, constants.windowBias(graph, bias, how, stage)));
        if (how.isShifted()) {
            long count = how.count();
            String byImage = node("Reshape", name + "byImage", List.of(biased, integers(-1, count, heads, n, n)));
            String mask = Stream.of(
                            how.rows(), how.columns(), how.windowRows(), how.windowColumns(), how.up(), how.left())
                    .map(String::valueOf)
                    .collect(Collectors.joining(".", "mask.", ""));
            if (small.add(mask)) {
                constants.mask(graph, mask, how);
            }
            String masked = node("Add", name + "masked", List.of(byImage, mask));
            biased = node("Reshape", name + "masked.rows", List.of(masked, integers(-1, heads, n, n)));
        }
        String shares = node("Softmax", name + "shares", List.of(biased), attribute("axis", -1));
        String mixed = node("MatMul", name + "mixed", List.of(shares, parts[2])); // (B·windows, H, n, hd)
        String joined = node("Transpose", name + "joined", List.of(mixed), attribute("perm", List.of(0, 2, 1, 3)));
        return new Value(Form.ROWS, n, width)
                .named(node("Reshape", name + "rows", List.of(joined, integers(-1, width))));
    }

    @Override
    public Value merge(Value x, int rows, int columns) {
        String name = rows(x) + ".merged";
        long width = x.last();
        Windows neighbours = Windows.neighbours(rows, columns);
        String cut = cut(x, neighbours, name);
        String joined = node("Transpose", name + ".joined", List.of(cut), attribute("perm", List.of(0, 1, 3, 4, 2, 5)));
        return new Value(Form.ROWS, neighbours.count(), 4 * width)
                .named(node("Reshape", name, List.of(joined, integers(-1, 4 * width))));
    }

    @Override
    public Value upsample(Value x, int rows, int columns, Parameter kernel) {
        String name = kernel.name();
        long width = x.last();
        long factor = kernel.shape()[2];
        String split = node("Reshape", name + ".split", List.of(rows(x), integers(-1, rows, 1, columns, 1, width)));
        String spread = node("Mul", name + ".spread", List.of(split, constants.pattern(graph, kernel)));
        return new Value(Form.ROWS, rows * factor * columns * factor, width)
                .named(node("Reshape", name + ".rows", List.of(spread, integers(-1, width))));
    }

    @Override
    public Value leading(Value x, int features) {
        if (features == x.last()) {
            return x;
        }
        return new Value(x.form, x.shape[0], features)
                .named(slice(rows(x), rows(x) + ".leading", List.of(1), List.of(0), List.of(features)));
    }

    @Override
    public Value mean(Value x) {
        String tokens = whole(x);
        return new Value(Form.ROW, x.last())
                .named(node(
                        "ReduceMean",
                        tokens + ".mean",
                        List.of(tokens),
                        attribute("axes", List.of(1)),
                        attribute("keepdims", 0)));
    }
}
