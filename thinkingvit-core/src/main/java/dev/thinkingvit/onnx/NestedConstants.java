package dev.thinkingvit.onnx;

import static dev.thinkingvit.onnx.OnnxGraph.attribute;

import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.EightBits;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Norm;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Windows;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The constants of all stages' graphs, laid out so that each stage reads leading values of what is stored.
 *
 * <p>{@code K} stages, {@code d_k} width of stage k, {@code N} tokens, {@code C} classes. A vector of a stage is the
 * beginning of the full one. A matrix is stored transposed, (in, out) row-major, in one of two ways:
 *
 * <ul>
 *   <li>in K bands of columns: band k has the columns that stage k adds to those before. The rows that stage k reads of
 *       a band are its leading ones, so that the stage's matrix is the beginnings of bands 1 to k side by side. Nothing
 *       that several stages read is stored twice;
 *   <li>folded: each stage has its matrix whole, as quantisers and optimizers of graphs look for it.
 * </ul>
 *
 * <p>What is constant is folded in: the attention's scale into the queries, alpha into the recycling projection, class
 * token and patch bias into the positions. What is in eight bits is stored for each stage, since its scales are the
 * stage's own. Values are computed when they are asked for. A constant is there from when a
 * graph asks for it first.
 */
final class NestedConstants {
    private final Network network;
    private final Map<String, HostTensor> weights;
    private final boolean folded;
    private final @Nullable ActivationRanges ranges;
    private final Map<String, Constant> constants = new LinkedHashMap<>();
    private final Map<Rounded, Optional<EightBits>> rounded = new HashMap<>();

    private interface Values {
        float at(int row, int column);
    }

    /**
     * A constant.
     *
     * @param each bytes of a value
     */
    private record Constant(long elements, int each, Data data) {}

    /** Of a constant, its first values, little-endian. */
    private interface Data {
        ByteBuffer leading(int count);
    }

    /** A layer in eight bits, as a stage has it. */
    private record Rounded(
            Linear layer,
            @Nullable Parameter factor,
            @Nullable Parameter pattern,
            int stage,
            EightBits.Rounding rounding) {}

    /** Reads the parameter once for all values. */
    private interface Source {
        Values open();
    }

    /**
     * The constants of all stages.
     *
     * @param weights exactly the parameters of {@code network}
     * @param stages what goes in and out of each
     * @param folded whether each stage has its matrices whole
     * @param ranges of what goes into linear layers, which are then in eight bits; null if none is
     */
    static NestedConstants of(
            Network network,
            Map<String, HostTensor> weights,
            List<ExportedModel.Stage> stages,
            boolean folded,
            @Nullable ActivationRanges ranges) {
        NestedConstants constants = new NestedConstants(network, weights, folded, ranges);
        for (ExportedModel.Stage stage : stages) {
            OnnxLayers.build(network, stage, constants, new GraphConstants.Nowhere(folded));
        }
        return constants;
    }

    private NestedConstants(
            Network network, Map<String, HostTensor> weights, boolean folded, @Nullable ActivationRanges ranges) {
        this.network = network;
        this.weights = weights;
        this.folded = folded;
        this.ranges = ranges;
    }

    /** Whether linear layers are in eight bits, as far as they can. */
    boolean rounds() {
        return ranges != null;
    }

    /** A layer in eight bits; null if it is not. See {@link EightBits}. */
    @Nullable EightBits inEightBits(
            Linear layer,
            @Nullable Parameter factor,
            @Nullable Parameter pattern,
            int stage,
            EightBits.Rounding rounding) {
        ActivationRanges known = ranges;
        if (known == null) {
            return null;
        }
        return rounded.computeIfAbsent(
                        new Rounded(layer, factor, pattern, stage, rounding),
                        asked -> Optional.ofNullable(
                                EightBits.of(layer, factor, pattern, stage, weights, known, rounding)))
                .orElse(null);
    }

    /** Every name, in the order of use. */
    Set<String> names() {
        return constants.keySet();
    }

    /** Whether each stage has its matrices whole, not in bands. */
    boolean folded() {
        return folded;
    }

    /** Number of values of a constant. */
    long elements(String name) {
        Constant constant = constant(name);
        return constant.elements();
    }

    /** Length of a constant in bytes. */
    long bytes(String name) {
        Constant constant = constant(name);
        return constant.elements() * constant.each();
    }

    /** The first {@code count} values of a constant, F32, I32 or signed bytes: little-endian. */
    ByteBuffer leading(String name, long count) {
        Constant constant = constant(name);
        if (count > elements(name)) {
            throw new IllegalArgumentException(
                    name + " has " + elements(name) + " values, " + count + " are asked for");
        }
        return constant.data().leading(Math.toIntExact(count));
    }

    private Constant constant(String name) {
        Constant constant = constants.get(name);
        if (constant == null) {
            throw new NoSuchElementException("no constant " + name);
        }
        return constant;
    }

    /**
     * The matrix (in, out) of a linear layer's weight (out, in), as a stage reads it.
     *
     * @param chunk of the weight's outputs, from 0
     * @param factor of one value, by which it is multiplied; null for none
     * @return its name in the graph
     */
    String matrix(OnnxGraph graph, Parameter weight, int chunk, @Nullable Parameter factor, int stage) {
        Axis outputs = weight.axes().get(0);
        Axis inputs = weight.axes().get(1);
        String name = named(weight, chunk, factor);
        Source source = transposed(weight, chunk, factor);
        if (outputs.leading().isEmpty() || weight.reader() != 0) {
            int columns = weight.reader() == 0 ? outputs.chunk() : outputs.read(weight.reader());
            int rows = weight.reader() == 0 ? most(inputs) : inputs.read(weight.reader());
            declare(name, rows, columns, source);
            return graph.constant(name, inputs.read(stage), columns);
        }
        return nested(graph, name, inputs::read, outputs, source, stage);
    }

    /** The leading values of a vector as a stage reads it; see {@link #matrix}. */
    String vector(OnnxGraph graph, Parameter vector, int chunk, @Nullable Parameter factor, int stage) {
        Axis axis = vector.axes().get(0);
        String name = named(vector, chunk, factor);
        int length = vector.reader() == 0 ? most(axis) : axis.read(vector.reader());
        declare(name, 1, length, () -> {
            float by = factor(vector, chunk, factor);
            float[] values = values(vector);
            int first = chunk * axis.chunk();
            return (none, column) -> by * values[first + column];
        });
        return graph.constant(name, axis.read(stage));
    }

    /**
     * The leading kernels of a convolution (out, channels, p, p).
     *
     * @param factor of one value, by which they are multiplied; null for none
     */
    String kernel(OnnxGraph graph, Parameter weight, @Nullable Parameter factor, int stage) {
        String name = named(weight, 0, factor);
        long[] shape = weight.shape(stage);
        int length = Math.toIntExact(
                weight.elements() / weight.shape()[0] * most(weight.axes().get(0)));
        declare(name, 1, length, () -> {
            float by = factor(weight, 0, factor);
            float[] values = values(weight);
            return (none, column) -> by * values[column];
        });
        return graph.constant(name, shape);
    }

    /** (N, d): the class token at its position, then what every patch at its position begins with. */
    String embedding(
            OnnxGraph graph, Parameter classToken, Parameter positions, @Nullable Parameter patchBias, int stage) {
        Axis features = positions.axes().get(2);
        int tokens = positions.axes().get(1).size();
        Source source = () -> {
            float[] places = values(positions);
            float[] first = values(classToken);
            float[] bias = patchBias == null ? new float[features.size()] : values(patchBias);
            return (token, feature) ->
                    places[token * features.size() + feature] + (token == 0 ? first[feature] : bias[feature]);
        };
        return nested(graph, positions.name() + ".embedding", any -> tokens, features, source, stage);
    }

    /** (H, n, n): what is added to a window's scores. */
    String windowBias(OnnxGraph graph, Parameter table, Windows how, int stage) {
        Axis heads = table.axes().get(1);
        int pairs = how.tokens() * how.tokens();
        String name = table.name() + ".pairs";
        declare(name, most(heads), pairs, () -> {
            float[] values = values(table);
            long[] rows = how.biasRows();
            return (head, pair) -> values[(int) rows[pair] * heads.size() + head];
        });
        return graph.constant(name, heads.read(stage), how.tokens(), how.tokens());
    }

    /** (windows, 1, n, n): what keeps tokens apart that a roll brought together. */
    String mask(OnnxGraph graph, String name, Windows how) {
        int pairs = how.tokens() * how.tokens();
        declare(name, how.count(), pairs, () -> {
            float[] values = how.mask();
            return (window, pair) -> values[window * pairs + pair];
        });
        return graph.constant(name, how.count(), 1, how.tokens(), how.tokens());
    }

    /** Tokens (1, n, d) of which every stage reads all. */
    String table(OnnxGraph graph, Parameter tokens) {
        int rows = Math.toIntExact(tokens.shape()[1]);
        int width = Math.toIntExact(tokens.shape()[2]);
        declare(tokens.name(), rows, width, () -> {
            float[] values = values(tokens);
            return (row, feature) -> values[row * width + feature];
        });
        return graph.constant(tokens.name(), 1, rows, width);
    }

    /** A depthwise kernel (d, 1, f, f) as (f, 1, f, d). */
    String pattern(OnnxGraph graph, Parameter kernel) {
        int width = Math.toIntExact(kernel.shape()[0]);
        int places = Math.toIntExact(kernel.shape()[2] * kernel.shape()[3]);
        declare(kernel.name(), places, width, () -> {
            float[] values = values(kernel);
            return (place, feature) -> values[feature * places + place];
        });
        return graph.constant(kernel.name(), kernel.shape()[2], 1, kernel.shape()[3], width);
    }

    /**
     * A matrix of which each stage reads a leading part: whole, or the leading rows of its bands, which runtimes join when
     * they load.
     *
     * @param rows of a stage
     */
    private String nested(OnnxGraph graph, String name, IntUnaryOperator rows, Axis columns, Source source, int stage) {
        int widest = IntStream.rangeClosed(1, network.stages()).map(rows).max().orElse(0);
        if (folded) {
            String whole = name + ".stage" + stage;
            declare(whole, rows.applyAsInt(stage), columns.read(stage), source);
            return graph.constantOf(whole, name, rows.applyAsInt(stage), columns.read(stage));
        }
        int[] widths = IntStream.rangeClosed(1, network.stages())
                .map(columns::read)
                .filter(read -> read > 0) // a stage that does not run the layer: a band of nothing is none
                .sorted()
                .distinct()
                .toArray();
        List<String> bands = IntStream.range(0, widths.length)
                .filter(k -> widths[k] <= columns.read(stage))
                .mapToObj(k -> {
                    int before = k == 0 ? 0 : widths[k - 1];
                    String band = name + ".band" + (k + 1);
                    declare(band, widest, widths[k] - before, () -> {
                        Values all = source.open();
                        return (row, column) -> all.at(row, before + column);
                    });
                    return graph.constant(band, rows.applyAsInt(stage), widths[k] - before);
                })
                .toList();
        if (bands.size() == 1) {
            return bands.get(0);
        }
        return graph.has(name) ? name : graph.node("Concat", name, bands, attribute("axis", 1));
    }

    /**
     * {@code layer.weight}, or {@code layer.i.weight} of one of several chunks; with the name of the factor, which may be another
     * one at another stage or place.
     */
    private static String named(Parameter parameter, int chunk, @Nullable Parameter factor) {
        String name = parameter.name();
        int end = name.lastIndexOf('.') < 0 ? name.length() : name.lastIndexOf('.');
        String own = parameter.chunks() == 1 ? name : name.substring(0, end) + "." + chunk + name.substring(end);
        return factor == null ? own : own + "*" + factor.name();
    }

    /** What the widest stage reads: further entries are read by none. */
    private static int most(Axis axis) {
        return axis.leading().stream().mapToInt(Integer::intValue).max().orElse(axis.chunk());
    }

    /** A parameter (out, in), from a chunk's first output on, as (in, out). */
    private Source transposed(Parameter weight, int chunk, @Nullable Parameter factor) {
        return () -> {
            float by = factor(weight, chunk, factor);
            float[] values = values(weight);
            int columns =
                    Math.toIntExact(weight.elements() / weight.axes().get(0).size());
            int first = chunk * weight.axes().get(0).chunk();
            return (in, out) -> by * values[(first + out) * columns + in];
        };
    }

    private float factor(Parameter parameter, int chunk, @Nullable Parameter factor) {
        float scale = parameter.scales().map(scales -> scales.get(chunk)).orElse(1f);
        return factor == null ? scale : scale * values(factor)[0];
    }

    private float[] values(Parameter parameter) {
        HostTensor tensor = weights.get(parameter.name());
        if (tensor == null) {
            throw new NoSuchElementException("no tensor " + parameter.name());
        }
        return tensor.toFloats();
    }

    private void declare(String name, int rows, int columns, Source source) {
        constants.putIfAbsent(name, new Constant((long) rows * columns, Float.BYTES, count -> {
            Values values = source.open();
            return floats(count, i -> values.at(i / columns, i % columns));
        }));
    }

    /** Values by their place. */
    interface Floats {
        float at(int index);
    }

    private static ByteBuffer floats(int count, Floats values) {
        ByteBuffer buffer =
                ByteBuffer.allocate(Math.multiplyExact(count, Float.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            buffer.putFloat(values.at(i));
        }
        return buffer.flip();
    }

    /** A stage's vector of so many values. */
    String own(OnnxGraph graph, String name, int stage, int length, Floats values) {
        String stored = name + ".stage" + stage;
        constants.putIfAbsent(stored, new Constant(length, Float.BYTES, count -> floats(count, values)));
        return graph.constantOf(stored, name, length);
    }

    /**
     * The matrix (in, out) of some outputs of a layer in eight bits.
     *
     * @param first of the outputs
     */
    String bytes(OnnxGraph graph, String name, int stage, EightBits bits, int first, int outputs) {
        String stored = name + ".stage" + stage;
        int inputs = bits.scale().length;
        constants.putIfAbsent(stored, new Constant((long) inputs * outputs, Byte.BYTES, count -> {
            ByteBuffer buffer = ByteBuffer.allocate(count);
            for (int i = 0; i < count; i++) {
                buffer.put(bits.weight()[(first + i % outputs) * inputs + i / outputs]);
            }
            return buffer.flip();
        }));
        return graph.bytesOf(stored, name, inputs, outputs);
    }

    /** The vector of some outputs' values. */
    String outputs(OnnxGraph graph, String name, int stage, int first, int outputs, Floats values) {
        return own(graph, name, stage, outputs, i -> values.at(first + i));
    }

    /** Whole numbers by their place. */
    interface Wholes {
        int at(int index);
    }

    /** A stage's vector of whole numbers, I32. */
    String whole(OnnxGraph graph, String name, int stage, int length, Wholes values) {
        String stored = name + ".stage" + stage;
        constants.putIfAbsent(stored, new Constant(length, Integer.BYTES, count -> {
            ByteBuffer buffer = ByteBuffer.allocate(Math.multiplyExact(count, Integer.BYTES))
                    .order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                buffer.putInt(values.at(i));
            }
            return buffer.flip();
        }));
        return graph.wholesOf(stored, name, length);
    }

    /** A norm's weight, that what it leaves may be rounded to 0 … 255 as it is. */
    String normWeight(OnnxGraph graph, Norm norm, EightBits bits, String name, int stage) {
        float[] weight = values(norm.weight());
        return own(graph, name, stage, bits.scale().length, i -> weight[i] * bits.scale()[i]);
    }

    /** The bias that goes with it. */
    String normBias(OnnxGraph graph, Norm norm, EightBits bits, String name, int stage) {
        float[] bias = values(norm.bias());
        return own(graph, name, stage, bits.scale().length, i -> bias[i] * bits.scale()[i] + bits.shift()[i]);
    }
}
