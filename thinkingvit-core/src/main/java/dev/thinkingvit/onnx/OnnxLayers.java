package dev.thinkingvit.onnx;

import static dev.thinkingvit.onnx.OnnxGraph.attribute;

import dev.thinkingvit.checkpoint.ProtoMessage;
import dev.thinkingvit.network.EightBits;
import dev.thinkingvit.network.Halting;
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
    private static final String SPOILT = "images.spoilt";
    private static final float MOST_BIAS = 1 << 30; // half of what 32 bits hold, the other half for sums

    private final OnnxGraph graph;
    private final NestedConstants constants;
    private final int stage;
    private final Map<String, String> ports; // what a value that leaves the stage is called outside
    private final Set<String> small = new HashSet<>(); // constants of a few numbers that the graph has
    private final Set<String> named = new HashSet<>(); // what nodes give
    private @Nullable String apart; // (B, 1, 1, N) within halting blocks: what is added to scores of tokens that halted

    private OnnxLayers(OnnxGraph graph, NestedConstants constants, int stage, Map<String, String> ports) {
        this.graph = graph;
        this.constants = constants;
        this.stage = stage;
        this.ports = ports;
    }

    /** A linear layer that waits for what follows it. */
    private record Pending(Value x, Linear layer, @Nullable Parameter factor) {}

    /** A norm that waits for who reads it: what it leaves may be in eight bits. */
    private record Normed(String rows, Norm layer) {}

    /** Tokens that are spread over squares by a pattern, which the linear layer after it takes into its weight. */
    private record Spread(Value x, int rows, int columns, Parameter pattern) {
        long factor() {
            return pattern.shape()[2];
        }
    }

    /**
     * What is multiplied.
     *
     * @param rows in F32
     * @param bits how they were rounded before; null where they were not
     * @param isNormed whether a norm has left steps of each feature's own
     */
    private record Factor(String rows, @Nullable EightBits bits, boolean isNormed) {
        /** What tells a layer's constants from those of the same layer elsewhere in the graph. */
        String suffix(@Nullable Parameter factor) {
            return ".int8" + (isNormed ? ".normed" : "") + (factor == null ? "" : "*" + factor.name());
        }
    }

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
        private @Nullable Normed normed;
        private @Nullable Spread spread;
        private boolean exact; // read by what takes no product in eight bits
        private int patch;
        private @Nullable String indices; // the same as whole numbers, of a choice

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
        layers.leave(ExportedModel.LOGITS, layers.said(output.prediction()), leaving);
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
        String name = unused(output);
        graph.node(operator, outer(name), inputs.stream().map(this::outer).toList(), attributes);
        return name;
    }

    private String unused(String output) {
        String name = output;
        for (int use = 2; !named.add(name); use++) { // of a layer that is used again
            name = output + "#" + use;
        }
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
            value.name = gemm(pending, value.exact);
        }
        Normed normed = value.normed;
        if (value.name == null && normed != null) {
            Norm layer = normed.layer;
            String weight = constants.vector(graph, layer.weight(), 0, null, stage);
            String bias = constants.vector(graph, layer.bias(), 0, null, stage);
            value.name = normed(normed, stem(weight), weight, bias);
        }
        Spread spread = value.spread;
        if (value.name == null && spread != null) {
            value.name = spread(spread);
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

    /**
     * A prediction. In eight bits what is no number becomes one: then it is said that an image whose values are none
     * has no numbers to say.
     */
    private String said(Value value) {
        String said = port(value);
        if (!constants.rounds()) {
            return said;
        }
        if (small.add(SPOILT)) {
            String sum = node(
                    "ReduceSum",
                    SPOILT + ".sum",
                    List.of(ExportedModel.IMAGES, integers(1, 2, 3)),
                    attribute("keepdims", 0));
            node("Sub", SPOILT, List.of(sum, sum)); // (B): 0, or no number
        }
        long[] each = new long[value.shape.length + 1 - (value.form == Form.ROW ? value.shape.length - 1 : 0)];
        Arrays.fill(each, 1);
        each[0] = -1;
        String spoilt = node("Reshape", said + ".spoilt", List.of(SPOILT, integers(each)));
        return node("Add", said + ".said", List.of(said, spoilt));
    }

    private String gemm(Pending pending, boolean exact) {
        Linear layer = pending.layer;
        if (pending.x.patch > 0) {
            long width = layer.weight().shape(stage)[0];
            String rows = node("Reshape", name(layer) + ".rows", List.of(patches(pending, width), integers(-1, width)));
            Parameter bias = layer.bias();
            return bias == null
                    ? rows
                    : node("Add", name(layer), List.of(rows, constants.vector(graph, bias, 0, pending.factor, stage)));
        }
        Factor x = factor(pending, exact);
        if (layer.weight().chunks() == 1) {
            Spread spread = pending.x.spread;
            return spread == null || x.bits == null
                    ? product(x, layer, 0, pending.factor, name(layer))
                    : spread(product(x, layer, 0, pending.factor, name(layer) + ".squares"), spread, layer);
        }
        List<String> chunks = new ArrayList<>();
        for (int chunk = 0; chunk < layer.weight().chunks(); chunk++) {
            chunks.add(product(x, layer, chunk, pending.factor, name(layer) + "." + chunk));
        }
        return node("Concat", name(layer), chunks, attribute("axis", 1));
    }

    /** Rounds what goes into a layer, if it is known between which values it lies. */
    private Factor factor(Pending pending, boolean exact) {
        Linear layer = pending.layer;
        Spread spread = pending.x.spread;
        Value x = spread == null ? pending.x : spread.x;
        Normed normed = x.name == null ? x.normed : null;
        EightBits.Rounding rounding = normed == null ? EightBits.Rounding.EVEN : EightBits.Rounding.BY_FEATURE;
        EightBits bits = exact
                ? null
                : constants.inEightBits(layer, pending.factor, spread == null ? null : spread.pattern, stage, rounding);
        if (bits == null) {
            return new Factor(rows(pending.x), null, normed != null);
        }
        String name = name(layer) + ".input" + (pending.factor == null ? "" : "*" + pending.factor.name());
        String wide;
        String step;
        String zero;
        if (normed == null) {
            wide = rows(x);
            step = scalar(name + ".step", 1 / bits.scale()[0]);
            zero = unsigned(Math.round(bits.shift()[0]));
        } else { // the norm leaves steps
            wide = normed(
                    normed,
                    name + ".steps",
                    constants.normWeight(graph, normed.layer, bits, name + ".norm.weight", stage),
                    constants.normBias(graph, normed.layer, bits, name + ".norm.bias", stage));
            step = scalar("step.1", 1);
            zero = unsigned(0);
        }
        String whole = node("QuantizeLinear", name + ".whole", List.of(wide, step, zero));
        return new Factor(node("DequantizeLinear", name, List.of(whole, step, zero)), bits, normed != null);
    }

    private String unsigned(int value) {
        String name = "zero." + value;
        return small.add(name) ? graph.unsigned(name, value) : name;
    }

    private String product(Factor x, Linear layer, int chunk, @Nullable Parameter factor, String name) {
        EightBits bits = x.bits;
        if (bits == null) {
            return gemm(x.rows, layer, chunk, factor, name);
        }
        int outputs = bits.bias().length / layer.weight().chunks();
        int first = chunk * outputs;
        float steps = x.isNormed ? 1 : bits.scale()[0];
        String stored = name + x.suffix(factor);
        String whole = constants.bytes(graph, stored, stage, bits, first, outputs);
        String unit = constants.outputs(graph, stored + ".scale", stage, first, outputs, n -> bits.unit()[n] * steps);
        String zeros = stored + ".zeros"; // its own, since ONNX Runtime replaces it where it makes bytes unsigned
        if (small.add(zeros)) {
            graph.zeros(zeros, outputs);
        }
        String weight = node("DequantizeLinear", name + ".weight", List.of(whole, unit, zeros), attribute("axis", 1));
        return node("Gemm", name, List.of(x.rows, weight, bias(x, bits, name, stored, unit, first, outputs)));
    }

    /** In whole numbers, as sums of products are, since ONNX Runtime fuses no other; in F32 where they would be too large. */
    private String bias(Factor x, EightBits bits, String name, String stored, String unit, int first, int outputs) {
        float[] bias = new float[outputs];
        boolean fits = true;
        for (int n = 0; n < outputs; n++) {
            bias[n] = x.isNormed ? bits.bias()[first + n] : biasAround0(bits, first + n);
            fits &= Math.abs(bias[n] / bits.unit()[first + n]) < MOST_BIAS;
        }
        if (!fits) {
            return constants.own(graph, stored + ".bias", stage, outputs, n -> bias[n]);
        }
        String worth = x.isNormed
                ? unit
                : constants.outputs(graph, stored + ".unit", stage, first, outputs, n -> bits.unit()[n]);
        String whole = constants.whole(
                graph, stored + ".bias", stage, outputs, n -> Math.round(bias[n] / bits.unit()[first + n]));
        return node("DequantizeLinear", name + ".bias", List.of(whole, worth), attribute("axis", 0));
    }

    /** The bias where what is rounded has its 0 taken away. */
    private static float biasAround0(EightBits bits, int output) {
        int inputs = bits.scale().length;
        double atZero = 0;
        for (int c = 0; c < inputs; c++) {
            atZero += bits.weight()[output * inputs + c] * (double) bits.shift()[c];
        }
        return (float) (bits.bias()[output] + bits.unit()[output] * atZero);
    }

    private String gemm(String x, Linear layer, int chunk, @Nullable Parameter factor, String name) {
        String weight = constants.matrix(graph, layer.weight(), chunk, factor, stage);
        Parameter bias = layer.bias();
        if (layer.isTransposed()) {
            return node("Gemm", name, List.of(x, weight), attribute("transB", 1));
        }
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
        long rows = Layers.above(images.shape[1], patch);
        long columns = Layers.above(images.shape[2], patch);
        long below = rows * patch - images.shape[1];
        long right = columns * patch - images.shape[2];
        Value patches = new Value(Form.PORT, rows * columns, images.shape[0] * patch * patch);
        patches.name = images.name;
        if (images.name != null && (below > 0 || right > 0)) {
            List<String> inputs = List.of(images.name, integers(0, 0, 0, 0, 0, 0, below, right));
            patches.name = node("Pad", images.name + ".filled", inputs);
        }
        patches.patch = patch;
        return patches;
    }

    @Override
    public Value linear(Value x, Linear layer) {
        long[] shape = x.shape.clone();
        shape[shape.length - 1] = layer.outputs(stage);
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
        Value out = new Value(x.form == Form.PORT ? Form.ROWS : x.form, x.shape);
        out.normed = new Normed(rows(exact(x)), layer);
        if (!constants.rounds()) {
            rows(out);
        }
        return out;
    }

    private String normed(Normed norm, String name, String weight, String bias) {
        return node(
                "LayerNormalization",
                name,
                List.of(norm.rows, weight, bias),
                attribute("axis", -1),
                attribute("epsilon", (float) norm.layer.eps()));
    }

    /** What begins a residual stream, and what is summed, comes of no product in eight bits. */
    private static Value exact(Value x) {
        x.exact = true;
        return x;
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
        String among = apart == null ? scores : node("Add", name + "among", List.of(scores, apart));
        String shares = node("Softmax", name + "shares", List.of(among), attribute("axis", -1));
        String mixed = node("MatMul", name + "mixed", List.of(shares, parts[2])); // (B, H, N, hd)
        String joined = node("Transpose", name + "joined", List.of(mixed), attribute("perm", List.of(0, 2, 1, 3)));
        return new Value(Form.ROWS, tokens, width)
                .named(node("Reshape", name + "rows", List.of(joined, integers(-1, width)))); // (B·N, d)
    }

    /** Queries (B, H, N, hd), keys (B, H, hd, N) and values of a layer in three chunks, a product for each. */
    private String[] parts(Pending pending, String name, int heads, long tokens, long width) {
        Factor x = factor(pending, false);
        String split = integers(-1, tokens, heads, width / heads);
        String[] parts = new String[3];
        for (int i = 0; i < parts.length; i++) {
            String part = name + "qkv".charAt(i);
            String rows = product(x, pending.layer, i, pending.factor, part); // (B·N, d)
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
        return new Value(x.form, x.shape).named(node("Add", branch + ".added", List.of(rows(exact(x)), branch)));
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

    @Override
    public Value section(Value x, int from, int count) {
        String tokens = whole(x);
        String name = tokens + ".from" + from;
        return new Value(Form.PORT, count, x.last())
                .named(slice(tokens, name, List.of(1), List.of(from), List.of(from + count)));
    }

    /** As often as there are images, of which the graph only learns when it runs. */
    @Override
    public Value append(Value x, Parameter tokens) {
        String before = whole(exact(x));
        long behind = tokens.shape()[1];
        String name = stem(tokens.name());
        String learned = constants.table(graph, tokens);
        String shape = node("Shape", name + ".shape", List.of(before));
        String images = slice(shape, name + ".images", List.of(0), List.of(0), List.of(1));
        String each =
                node("Concat", name + ".each.shape", List.of(images, integers(behind, x.last())), attribute("axis", 0));
        String repeated = node("Expand", name + ".each", List.of(learned, each)); // (B, n, d)
        return new Value(Form.PORT, x.shape[0] + behind, x.last())
                .named(node("Concat", name + ".behind", List.of(before, repeated), attribute("axis", 1)));
    }

    @Override
    public Value unit(Value x) {
        String rows = rows(exact(x));
        String lengths = node(
                "ReduceL2", rows + ".lengths", List.of(rows), attribute("axes", List.of(-1)), attribute("keepdims", 1));
        return new Value(x.form == Form.PORT ? Form.ROWS : x.form, x.shape)
                .named(node("Div", rows + ".unit", List.of(rows, lengths)));
    }

    @Override
    public Value products(Value x, Value y) {
        String left = whole(x);
        String right = whole(y);
        String turned = node("Transpose", right + ".turned", List.of(right), attribute("perm", List.of(0, 2, 1)));
        return new Value(Form.PORT, x.shape[0], y.shape[0])
                .named(node("MatMul", left + ".products", List.of(left, turned))); // (B, N, n)
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
        long factor = kernel.shape()[2];
        Value out = new Value(Form.ROWS, rows * factor * columns * factor, x.last());
        out.spread = new Spread(x, rows, columns, kernel);
        return out;
    }

    private String spread(Spread how) {
        String name = how.pattern.name();
        long width = how.x.last();
        String split = node(
                "Reshape", name + ".split", List.of(rows(how.x), integers(-1, how.rows, 1, how.columns, 1, width)));
        String spread = node("Mul", name + ".spread", List.of(split, constants.pattern(graph, how.pattern)));
        return node("Reshape", name + ".rows", List.of(spread, integers(-1, width)));
    }

    /** Rows that have all places of the pattern side by side, as a row each. */
    private String spread(String squares, Spread how, Linear layer) {
        long factor = how.factor();
        long width = layer.outputs(stage);
        String name = name(layer);
        String split = node(
                "Reshape",
                squares + ".split",
                List.of(squares, integers(-1, how.rows, how.columns, factor, factor, width)));
        String near = node("Transpose", name + ".near", List.of(split), attribute("perm", List.of(0, 1, 3, 2, 4, 5)));
        return node("Reshape", name, List.of(near, integers(-1, width)));
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

    @Override
    public Value rest(Value x) {
        String tokens = whole(exact(x));
        long count = x.shape[0] - 1;
        String rest = slice(tokens, tokens + ".rest", List.of(1), List.of(1), List.of((int) count + 1)); // (B, n, d)
        return new Value(Form.ROWS, count, x.last())
                .named(node("Reshape", rest + ".rows", List.of(rest, integers(-1, x.last()))));
    }

    @Override
    public Value halfMean(Value x, @Nullable Value chosen) {
        String tokens = whole(exact(x));
        int width = (int) x.last();
        String own = slice(tokens, tokens + ".own", List.of(2), List.of(0), List.of(width / 2)); // (B, n, d/2)
        String others = slice(tokens, tokens + ".others", List.of(2), List.of(width / 2), List.of(width));
        String mean = node("ReduceMean", others + ".mean", List.of(others), attribute("axes", List.of(1)));
        String spread = node("Expand", others + ".spread", List.of(mean, integers(1, x.shape[0], 1)));
        String joined = node("Concat", tokens + ".joined", List.of(own, spread), attribute("axis", 2));
        return new Value(Form.ROWS, x.shape)
                .named(node("Reshape", joined + ".rows", List.of(joined, integers(-1, width))));
    }

    @Override
    public Value logSoftmax(Value x) {
        String rows = rows(exact(x));
        return new Value(x.form, x.shape)
                .named(node("LogSoftmax", rows + ".logSoftmax", List.of(rows), attribute("axis", -1)));
    }

    @Override
    public Value entry(Value x, int index) {
        String all = whole(x);
        return new Value(Form.ROW, x.shape[0])
                .named(node("Gather", all + "." + index, List.of(all, index(index)), attribute("axis", 2))); // (B, n)
    }

    /** Of two equal ones TopK takes the earlier. */
    @Override
    public Value choose(Value scores, int count, @Nullable Value before) {
        String first = rows(entry(scores, 0)); // (B, n)
        String name = unused(first + ".order");
        graph.node(
                "TopK",
                List.of(unused(first + ".largest"), name),
                List.of(outer(first), integers(count)),
                attribute("axis", 1)); // (B, count)
        Value order = new Value(Form.ROW, count).named(node("Cast", name + ".f32", List.of(name), attribute("to", 1)));
        order.indices = name;
        return order;
    }

    /** (B, 1 + count, 1) I64: places among all tokens, the class token's first. */
    private String places(Value chosen) {
        String order = chosen.indices;
        if (order == null) {
            throw new IllegalStateException("a choice is required");
        }
        String name = order + ".places";
        if (!small.add(name)) {
            return name;
        }
        String patches = node("Add", name + ".patches", List.of(order, integers(1)));
        String all = node("Pad", name + ".all", List.of(patches, integers(0, 1, 0, 0)));
        return node("Unsqueeze", name, List.of(all, integers(2)));
    }

    @Override
    public Value chosen(Value x, Value chosen) {
        String places = places(chosen);
        String rows = node(
                "GatherND",
                places + ".chosen",
                List.of(whole(exact(x)), places),
                attribute("batch_dims", 1)); // (B, 1 + count, d)
        return new Value(Form.ROWS, 1 + chosen.last(), x.last())
                .named(node("Reshape", rows + ".rows", List.of(rows, integers(-1, x.last()))));
    }

    @Override
    public Value restored(Value x, Value chosen, Value changed) {
        String places = places(chosen);
        String spread = node("Expand", places + ".spread", List.of(places, integers(1, 1, x.last())));
        String rows = node(
                "ScatterElements",
                places + ".restored",
                List.of(whole(exact(x)), spread, whole(exact(changed))),
                attribute("axis", 1)); // (B, 1 + n, d)
        return new Value(Form.ROWS, x.shape)
                .named(node("Reshape", rows + ".rows", List.of(rows, integers(-1, x.last()))));
    }

    /** By masks: a graph computes every token, and nobody attends to one that has halted. */
    @Override
    public Halting.Outcome<Value> halting(Value x, Halting how, Halting.Body<Value> body) {
        return new Halter(how, x.shape[0]).run(x, body);
    }

    /** Nodes of halting tokens; what is of a token is (B·N, 1). */
    private final class Halter {
        private static final double FAR = -1000; // its exponential is 0

        private final Halting how;
        private final long tokens;
        private final String one = scalar("halting.one", 1);

        Halter(Halting how, long tokens) {
            this.how = how;
            this.tokens = tokens;
        }

        private String node(int block, String what, String operator, String... inputs) {
            return OnnxLayers.this.node(operator, "halting." + block + "." + what, List.of(inputs));
        }

        Halting.Outcome<Value> run(Value x, Halting.Body<Value> body) {
            String going = one;
            String left = one;
            String sum = "";
            String depth = one;
            String ponder = "";
            String output = "";
            Value out = x;
            for (int i = 0; i < how.blocks(); i++) {
                boolean first = i == 0;
                boolean last = i == how.blocks() - 1;
                out = body.apply(OnnxLayers.this, out, i);
                String score = score(i, rows(out));
                if (last) { // 1, if it is a number
                    score = node(i, "all", "Add", node(i, "none", "Sub", score, score), one);
                }
                sum = first ? score : node(i, "sum", "Add", sum, score);
                String on = OnnxLayers.this.node(
                        "Cast",
                        "halting." + i + ".on",
                        List.of(node(i, "below", "Less", sum, scalar("halting.limit", how.limit()))),
                        attribute("to", 1));
                String halts = node(i, "halts", "Sub", going, on);
                String rest = node(i, "rest", "Mul", halts, left);
                String scored = node(i, "scored", "Mul", on, score);
                String number = node(i, "number", "Sub", sum, sum); // 0, or NaN where there is none
                String used = node(i, "used", "Add", node(i, "spent", "Add", going, number), rest);
                ponder = first ? used : node(i, "ponder", "Add", ponder, used);
                String weighed = node(i, "weighed", "Mul", rows(out), node(i, "weight", "Add", scored, rest));
                output = first ? weighed : node(i, "output", "Add", output, weighed);
                left = node(i, "left", "Sub", left, scored);
                String deeper =
                        node(i, "deeper", "Add", on, node(i, "number", "Sub", sum, sum)); // NaN where there is none
                depth = node(i, "depth", "Add", depth, deeper);
                going = on;
                if (!last) {
                    String gone = node(i, "gone", "Sub", one, going);
                    String far = node(i, "far", "Mul", gone, scalar("halting.far", FAR));
                    apart = node(i, "apart", "Reshape", far, integers(-1, 1, 1, tokens));
                }
            }
            apart = null;
            return new Halting.Outcome<>(
                    new Value(Form.ROWS, x.shape).named(output), each("depths", depth), each("ponders", ponder), null);
        }

        private String score(int block, String rows) {
            String first = slice(rows, "halting." + block + ".first", List.of(1), List.of(0), List.of(1));
            String scaled = node(block, "scaled", "Mul", first, scalar("halting.scale", how.gateScale()));
            String centred = node(block, "centred", "Sub", scaled, scalar("halting.center", how.gateCenter()));
            return node(block, "score", "Sigmoid", centred);
        }

        private Value each(String name, String values) {
            return new Value(Form.ROW, tokens)
                    .named(OnnxLayers.this.node("Reshape", "halting." + name, List.of(values, integers(-1, tokens))));
        }
    }
}
