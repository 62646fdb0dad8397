package dev.thinkingvit.onnx;

import dev.thinkingvit.checkpoint.ProtoMessage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Builds an ONNX model of one graph, in the order in which it computes. A value's name is given where it is made and is
 * returned, so that code reads as the computation does. Field numbers are those of {@code onnx.proto}. Not thread-safe.
 */
final class OnnxGraph {
    /** The first set of operators that has LayerNormalization. */
    static final int OPSET = 17;

    private static final int IR_VERSION = 8; // of the release that brought the operators
    private static final int FLOAT = 1; // TensorProto.DataType
    private static final int UINT8 = 2;
    private static final int INT8 = 3;
    private static final int INT32 = 6;
    private static final int INT64 = 7;

    private final ProtoMessage graph = new ProtoMessage();
    private final GraphConstants constants;
    private final Set<String> named = new HashSet<>();

    OnnxGraph(String name, GraphConstants constants) {
        this.constants = constants;
        graph.text(2, name);
    }

    /** An attribute of a node. */
    static ProtoMessage attribute(String name, long value) {
        return new ProtoMessage().text(1, name).integer(3, value).integer(20, 2);
    }

    /** An attribute of a node. */
    static ProtoMessage attribute(String name, float value) {
        return new ProtoMessage().text(1, name).float32(2, value).integer(20, 1);
    }

    /** An attribute of a node. */
    static ProtoMessage attribute(String name, List<Integer> values) {
        ProtoMessage attribute = new ProtoMessage().text(1, name);
        values.forEach(value -> attribute.integer(8, value));
        return attribute.integer(20, 7);
    }

    /**
     * Computes a value.
     *
     * @return {@code output}
     */
    String node(String operator, String output, List<String> inputs, ProtoMessage... attributes) {
        node(operator, List.of(output), inputs, attributes);
        return output;
    }

    /** Computes several values at once. */
    void node(String operator, List<String> outputs, List<String> inputs, ProtoMessage... attributes) {
        outputs.forEach(this::requireNew);
        ProtoMessage node = new ProtoMessage();
        inputs.forEach(input -> node.text(1, input));
        outputs.forEach(output -> node.text(2, output));
        node.text(3, outputs.get(outputs.size() - 1)).text(4, operator);
        for (ProtoMessage attribute : attributes) {
            node.message(5, attribute);
        }
        graph.message(1, node);
    }

    /** Whether matrices are stored as this graph reads them, not in bands. */
    boolean folded() {
        return constants.folded();
    }

    /**
     * The first values of the stored constant of that name, F32; once, however often it is asked for.
     *
     * @return {@code name}
     */
    String constant(String name, long... shape) {
        return constantOf(name, name, shape);
    }

    /**
     * The first values of a stored constant, F32.
     *
     * @param name in the graph
     * @return {@code name}
     */
    String constantOf(String stored, String name, long... shape) {
        return constant(stored, name, FLOAT, Float.BYTES, shape);
    }

    /**
     * As {@link #constantOf}, of signed bytes.
     *
     * @return {@code name}
     */
    String bytesOf(String stored, String name, long... shape) {
        return constant(stored, name, INT8, Byte.BYTES, shape);
    }

    /**
     * As {@link #constantOf}, I32.
     *
     * @return {@code name}
     */
    String wholesOf(String stored, String name, long... shape) {
        return constant(stored, name, INT32, Integer.BYTES, shape);
    }

    private String constant(String stored, String name, int type, int bytes, long... shape) {
        if (has(name)) { // a layer that is used again
            return name;
        }
        long count = 1;
        for (long size : shape) {
            count *= size;
        }
        ProtoMessage tensor = tensor(name, type, shape);
        constants.locate(tensor, stored, count, bytes);
        graph.message(5, tensor);
        return name;
    }

    /** A scalar of 0 … 255. */
    String unsigned(String name, int value) {
        graph.message(5, tensor(name, UINT8).bytes(9, ByteBuffer.wrap(new byte[] {(byte) value})));
        return name;
    }

    /** A vector of signed bytes, all of them 0. */
    String zeros(String name, int count) {
        graph.message(5, tensor(name, INT8, count).bytes(9, ByteBuffer.allocate(count)));
        return name;
    }

    /** A scalar, F32. */
    String scalar(String name, float value) {
        ByteBuffer data = ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        graph.message(5, tensor(name, FLOAT).bytes(9, data.putFloat(value).flip()));
        return name;
    }

    /** A vector, I64. */
    String integers(String name, long... values) {
        ByteBuffer data = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            data.putLong(value);
        }
        graph.message(5, tensor(name, INT64, values.length).bytes(9, data.flip()));
        return name;
    }

    /** An index, I64 of no dimensions. */
    String index(String name, long value) {
        ByteBuffer data = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        graph.message(5, tensor(name, INT64).bytes(9, data.putLong(value).flip()));
        return name;
    }

    /** Declares what the caller gives. */
    String input(ExportedModel.Port port) {
        requireNew(port.name());
        graph.message(11, valueInfo(port));
        return port.name();
    }

    /** Declares what the caller gets: a value that a node computed. */
    void output(ExportedModel.Port port) {
        graph.message(12, valueInfo(port));
    }

    /** The whole model. */
    ProtoMessage model(String producer, String version) {
        return new ProtoMessage()
                .integer(1, IR_VERSION)
                .text(2, producer)
                .text(3, version)
                .message(8, new ProtoMessage().text(1, "").integer(2, OPSET))
                .message(7, graph);
    }

    private ProtoMessage tensor(String name, int type, long... shape) {
        requireNew(name);
        ProtoMessage tensor = new ProtoMessage();
        for (long size : shape) {
            tensor.integer(1, size);
        }
        return tensor.integer(2, type).text(8, name);
    }

    private static ProtoMessage valueInfo(ExportedModel.Port port) {
        ProtoMessage shape = new ProtoMessage();
        for (Object size : port.shape()) {
            ProtoMessage dimension = new ProtoMessage();
            shape.message(
                    1,
                    size instanceof Number number
                            ? dimension.integer(1, number.longValue())
                            : dimension.text(2, size.toString()));
        }
        ProtoMessage tensor = new ProtoMessage().integer(1, FLOAT).message(2, shape);
        return new ProtoMessage().text(1, port.name()).message(2, new ProtoMessage().message(1, tensor));
    }

    /** Whether a value of that name is there. */
    boolean has(String name) {
        return named.contains(name);
    }

    private void requireNew(String name) {
        if (!named.add(name)) {
            throw new IllegalStateException("the graph has two values named " + name);
        }
    }
}
