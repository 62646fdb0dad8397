package dev.thinkingvit.onnx;

import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.function.IntUnaryOperator;

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
 * token and patch bias into the positions. Values are computed when they are asked for. Immutable.
 */
final class NestedConstants {
    private final ThinkingViTConfig config;
    private final Map<String, HostTensor> weights;
    private final int widest; // d_K: further features of the network are read by no stage
    private final boolean folded;
    private final Map<String, Constant> constants = new LinkedHashMap<>();

    private interface Values {
        float at(int row, int column);
    }

    private record Constant(int rows, int columns, Source source) {}

    /** Reads the parameter once for all values. */
    private interface Source {
        Values open();
    }

    /**
     * @param weights exactly the parameters of {@code config}
     * @param folded whether each stage has its matrices whole
     */
    NestedConstants(ThinkingViTConfig config, Map<String, HostTensor> weights, boolean folded) {
        this.config = config;
        this.weights = weights;
        this.folded = folded;
        this.widest = config.width(config.stages());
        int hidden = ThinkingViTConfig.mlpWidth(1);
        vector("patch_embed.proj.weight", widest * config.patchElements());
        nested("embedding", width -> config.tokens(), 1, this::embedding);
        for (int i = 0; i < config.depth(); i++) {
            String block = "blocks." + i + ".";
            norm(block + "norm1");
            attentionInput(block + "attn.");
            linear(block + "attn.proj", 1, 1);
            norm(block + "norm2");
            linear(block + "mlp.fc1", 1, hidden);
            linear(block + "mlp.fc2", hidden, 1);
        }
        norm("norm");
        matrix("head.weight", widest, config.numClasses(), transposed("head.weight", 0, 1));
        vector("head.bias", config.numClasses());
        for (int stage = 2; stage <= config.stages(); stage++) {
            recycling(stage);
        }
    }

    /** Every name, in the order of use. */
    Set<String> names() {
        return constants.keySet();
    }

    /** Whether each stage has its matrices whole, not in bands. */
    boolean folded() {
        return folded;
    }

    /** Name of band {@code stage} of a matrix. */
    static String band(String matrix, int stage) {
        return matrix + ".band" + stage;
    }

    /** Name of a matrix as {@code stage} alone reads it. */
    static String whole(String matrix, int stage) {
        return matrix + ".stage" + stage;
    }

    /** Number of values of a constant. */
    long elements(String name) {
        Constant constant = constant(name);
        return (long) constant.rows() * constant.columns();
    }

    /** The first {@code count} values of a constant: F32, little-endian. */
    ByteBuffer leading(String name, long count) {
        Constant constant = constant(name);
        if (count > elements(name)) {
            throw new IllegalArgumentException(
                    name + " has " + elements(name) + " values, " + count + " are asked for");
        }
        Values values = constant.source().open();
        ByteBuffer buffer =
                ByteBuffer.allocate(Math.toIntExact(count * Float.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            buffer.putFloat(values.at(i / constant.columns(), i % constant.columns()));
        }
        return buffer.flip();
    }

    private Constant constant(String name) {
        Constant constant = constants.get(name);
        if (constant == null) {
            throw new NoSuchElementException("no constant " + name);
        }
        return constant;
    }

    private void norm(String name) {
        vector(name + ".weight", widest);
        vector(name + ".bias", widest);
    }

    /** A layer of {@code out}·d_k features from {@code in}·d_k features. */
    private void linear(String name, int in, int out) {
        nested(name + ".weight", width -> in * width, out, transposed(name + ".weight", 0, 1));
        vector(name + ".bias", out * widest);
    }

    /** Queries, keys and values; the queries carry the factor headDim^-0.5. */
    private void attentionInput(String attention) {
        int row = 0;
        for (String part : new String[] {"q", "k", "v"}) {
            int first = row;
            float factor = row == 0 ? (float) (1 / Math.sqrt(config.headDim())) : 1;
            nested(
                    attention + part + ".weight",
                    width -> width,
                    1,
                    transposed(attention + "qkv.weight", first, factor));
            matrix(attention + part + ".bias", 1, widest, () -> {
                float[] bias = values(attention + "qkv.bias");
                return (none, column) -> factor * bias[first + column];
            });
            row += config.embedDim();
        }
    }

    /** Read by one stage alone: one matrix (d_(k-1), d_k). */
    private void recycling(int stage) {
        String name = ThinkingViTConfig.projectionName(stage);
        int width = config.width(stage);
        float alpha = values(ThinkingViTConfig.alphaName(stage))[0];
        matrix(name + ".weight", config.width(stage - 1), width, transposed(name + ".weight", 0, alpha));
        matrix(name + ".bias", 1, width, () -> {
            float[] bias = values(name + ".bias");
            return (none, column) -> alpha * bias[column];
        });
    }

    /** (N, d): the class token at its position, then what every patch at its position begins with. */
    private Values embedding() {
        float[] positions = values("pos_embed");
        float[] classToken = values("cls_token");
        float[] patchBias = values("patch_embed.proj.bias");
        return (token, feature) -> positions[token * config.embedDim() + feature]
                + (token == 0 ? classToken[feature] : patchBias[feature]);
    }

    /** A parameter (out, in), from an output on, as (in, out). */
    private Source transposed(String parameter, int firstOutput, float factor) {
        return () -> {
            HostTensor tensor = tensor(parameter);
            int columns = Math.toIntExact(tensor.shape()[1]);
            float[] values = tensor.toFloats();
            return (in, out) -> factor * values[(firstOutput + out) * columns + in];
        };
    }

    private void vector(String parameter, int length) {
        matrix(parameter, 1, length, () -> {
            float[] values = values(parameter);
            return (none, column) -> values[column];
        });
    }

    /**
     * A matrix of which each stage reads a leading part.
     *
     * @param rows of a stage of a width
     * @param multiple columns of a feature
     */
    private void nested(String name, IntUnaryOperator rows, int multiple, Source source) {
        int first = 0;
        for (int stage = 1; stage <= config.stages(); stage++) {
            int width = config.width(stage);
            if (folded) {
                matrix(whole(name, stage), rows.applyAsInt(width), multiple * width, source);
                continue;
            }
            int before = first;
            int columns = multiple * width - before;
            matrix(band(name, stage), rows.applyAsInt(widest), columns, () -> {
                Values all = source.open();
                return (row, column) -> all.at(row, before + column);
            });
            first += columns;
        }
    }

    private void matrix(String name, int rows, int columns, Source source) {
        constants.put(name, new Constant(rows, columns, source));
    }

    private float[] values(String parameter) {
        return tensor(parameter).toFloats();
    }

    private HostTensor tensor(String parameter) {
        HostTensor tensor = weights.get(parameter);
        if (tensor == null) {
            throw new NoSuchElementException("no tensor " + parameter);
        }
        return tensor;
    }
}
