package dev.thinkingvit.onnx;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.FileBytes;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A graph whose weights are in another file, as if it held them itself. Why: ONNX Runtime maps such a file for as long as a
 * session lives, and whoever cuts it off or writes over it meanwhile ends the process.
 *
 * <p>Field numbers are those of {@code onnx.proto}. What is not a weight is passed on as it is.
 */
final class InlinedGraph {
    private static final int MODEL_GRAPH = 7;
    private static final int GRAPH_INITIALIZER = 5;
    private static final int RAW_DATA = 9;
    private static final int EXTERNAL_DATA = 13;
    private static final int DATA_LOCATION = 14;
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int DELIMITED = 2;
    private static final int FIXED32 = 5;
    private static final int PIECE_BYTES = 1 << 20; // read at once

    private static final String NO_GRAPH = "no ONNX graph";

    private final FileBytes weights;
    private final String name;
    private final List<Part> parts = new ArrayList<>();
    private long size;

    /** Bytes of the graph's own, or, where there are none, a range of the weights. */
    private record Part(ByteBuffer own, long offset, long length) {}

    /** A field of a message: its payload, and where it is with its key. */
    private record Field(int number, ByteBuffer payload, ByteBuffer whole) {}

    private InlinedGraph(FileBytes weights, String name) {
        this.weights = weights;
        this.name = name;
    }

    /**
     * Reads a graph.
     *
     * @param graph an ONNX model
     * @param weights the file with its weights, open for as long as {@link #writeTo} has not ended
     * @param name by which the graph refers to that file; a weight elsewhere stays there
     * @throws IllegalArgumentException if it is no such graph
     * @throws CheckpointException if the file has not what the graph wants of it
     */
    static InlinedGraph of(ByteBuffer graph, FileBytes weights, String name) {
        InlinedGraph inlined = new InlinedGraph(weights, name);
        try {
            inlined.addAll(inlined.model(graph));
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException(NO_GRAPH, e);
        }
        return inlined;
    }

    /** Its length in bytes. */
    long size() {
        return size;
    }

    /**
     * Writes it.
     *
     * @throws CheckpointException if the weights cannot be read any more
     */
    void writeTo(ByteBuffer target) {
        for (Part part : parts) {
            target.put(part.own.duplicate());
            for (long done = 0; done < part.length; done += PIECE_BYTES) {
                target.put(weights.slice(part.offset + done, Math.min(PIECE_BYTES, part.length - done)));
            }
        }
    }

    private void addAll(List<Part> added) {
        parts.addAll(added);
        size += bytes(added);
    }

    private List<Part> model(ByteBuffer model) {
        List<Part> all = new ArrayList<>();
        List<Field> fields = fields(model);
        if (fields.stream().noneMatch(field -> field.number == MODEL_GRAPH)) {
            throw new IllegalArgumentException(NO_GRAPH);
        }
        for (Field field : fields) {
            all.addAll(field.number == MODEL_GRAPH ? message(MODEL_GRAPH, graph(field.payload)) : same(field));
        }
        return all;
    }

    private List<Part> graph(ByteBuffer graph) {
        List<Part> all = new ArrayList<>();
        for (Field field : fields(graph)) {
            all.addAll(
                    field.number == GRAPH_INITIALIZER
                            ? message(GRAPH_INITIALIZER, tensor(field.payload))
                            : same(field));
        }
        return all;
    }

    private List<Part> tensor(ByteBuffer tensor) {
        List<Part> all = new ArrayList<>();
        Map<String, String> where = new HashMap<>();
        for (Field field : fields(tensor)) {
            if (field.number == EXTERNAL_DATA) {
                where.putAll(entry(field.payload));
            } else if (field.number != DATA_LOCATION) {
                all.addAll(same(field));
            }
        }
        if (!name.equals(where.get("location"))) {
            return List.of(own(tensor.duplicate()));
        }
        long offset = number(where.getOrDefault("offset", "0"));
        long length = number(where.getOrDefault("length", Long.toString(weights.size() - offset)));
        if (offset < 0 || length < 0 || length > weights.size() - offset) {
            throw new CheckpointException(
                    weights.file(),
                    "of another export: its graph wants " + length + " bytes at " + offset + ", it has "
                            + weights.size());
        }
        all.add(key(RAW_DATA, length));
        all.add(new Part(ByteBuffer.allocate(0), offset, length));
        return all;
    }

    private static Map<String, String> entry(ByteBuffer message) {
        String key = "";
        String value = "";
        for (Field field : fields(message)) {
            String text =
                    StandardCharsets.UTF_8.decode(field.payload.duplicate()).toString();
            key = field.number == 1 ? text : key;
            value = field.number == 2 ? text : value;
        }
        return Map.of(key, value);
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("no place in a file: " + text, e);
        }
    }

    private static List<Part> message(int number, List<Part> content) {
        List<Part> all = new ArrayList<>();
        all.add(key(number, bytes(content)));
        all.addAll(content);
        return all;
    }

    private static long bytes(List<Part> parts) {
        return parts.stream()
                .mapToLong(part -> part.own.remaining() + part.length)
                .sum();
    }

    private static List<Part> same(Field field) {
        return List.of(own(field.whole));
    }

    private static Part own(ByteBuffer bytes) {
        return new Part(bytes, 0, 0);
    }

    /** What stands before a message, or bytes, of that length. */
    private static Part key(int number, long length) {
        ByteBuffer bytes = ByteBuffer.allocate(20);
        putVarint(bytes, ((long) number << 3) | DELIMITED);
        putVarint(bytes, length);
        return own(bytes.flip());
    }

    private static void putVarint(ByteBuffer bytes, long value) {
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            bytes.put((byte) ((rest & 0x7F) | 0x80));
            rest >>>= 7;
        }
        bytes.put((byte) rest);
    }

    private static List<Field> fields(ByteBuffer message) {
        List<Field> fields = new ArrayList<>();
        ByteBuffer in = message.duplicate();
        while (in.hasRemaining()) {
            int start = in.position();
            long key = varint(in);
            ByteBuffer payload = ByteBuffer.allocate(0);
            switch ((int) (key & 7)) {
                case VARINT -> varint(in);
                case FIXED64 -> take(in, Long.BYTES);
                case FIXED32 -> take(in, Integer.BYTES);
                case DELIMITED -> payload = take(in, varint(in));
                default -> throw new IllegalArgumentException(NO_GRAPH);
            }
            ByteBuffer whole = message.duplicate().position(start).limit(in.position());
            fields.add(new Field((int) (key >>> 3), payload, whole));
        }
        return fields;
    }

    private static ByteBuffer take(ByteBuffer in, long length) {
        if (length < 0 || length > in.remaining()) {
            throw new IllegalArgumentException(NO_GRAPH);
        }
        ByteBuffer taken = in.slice(in.position(), (int) length);
        in.position(in.position() + (int) length);
        return taken;
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
            byte next = in.get();
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException(NO_GRAPH);
    }
}
