package dev.thinkingvit.onnx;

import dev.thinkingvit.checkpoint.ProtoMessage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.util.LinkedHashMap;
import java.util.Map;

/** Where a graph's weights are: in the graph, or in one file that the graphs of all stages share. */
sealed interface GraphConstants {
    /**
     * Adds to a {@code TensorProto} where its values are: the first {@code count} of a constant.
     *
     * @param each bytes of a value
     */
    void locate(ProtoMessage tensor, String name, long count, int each);

    /** Whether each stage has its matrices whole, not in bands that it shares with others. */
    boolean folded();

    /** Nowhere yet: to find out what a graph asks for. */
    record Nowhere(boolean folded) implements GraphConstants {
        @Override
        public void locate(ProtoMessage tensor, String name, long count, int each) {}
    }

    /** In the graph itself, matrices whole. */
    record Embedded(NestedConstants constants) implements GraphConstants {
        private static final int RAW_DATA = 9;

        @Override
        public void locate(ProtoMessage tensor, String name, long count, int each) {
            tensor.bytes(RAW_DATA, constants.leading(name, count));
        }

        @Override
        public boolean folded() {
            return constants.folded();
        }
    }

    /**
     * In a file beside the graph.
     *
     * @param file its name
     * @param offsets where each constant begins, in bytes
     * @param bytes length of the file
     * @param folded see {@link #folded()}
     */
    record Shared(String file, Map<String, Long> offsets, long bytes, boolean folded) implements GraphConstants {
        private static final int EXTERNAL_DATA = 13;
        private static final int DATA_LOCATION = 14;
        private static final int EXTERNAL = 1;

        // Whole pages can be mapped, as the format's specification wishes; small values need not have one each.
        private static final int PAGE_BYTES = 4096;
        private static final int LARGE_BYTES = 1 << 16;
        private static final int SMALL_ALIGNMENT = 64;

        /** Lays all constants out one after the other. */
        static Shared layOut(String file, NestedConstants constants) {
            Map<String, Long> offsets = new LinkedHashMap<>();
            long end = 0;
            for (String name : constants.names()) {
                long bytes = constants.bytes(name);
                int alignment = bytes >= LARGE_BYTES ? PAGE_BYTES : SMALL_ALIGNMENT;
                long offset = (end + alignment - 1) / alignment * alignment;
                offsets.put(name, offset);
                end = offset + bytes;
            }
            return new Shared(file, offsets, end, constants.folded());
        }

        /** Writes the file. */
        void writeTo(OutputStream out, NestedConstants constants) throws IOException {
            WritableByteChannel channel = Channels.newChannel(out);
            long position = 0;
            for (Map.Entry<String, Long> entry : offsets.entrySet()) {
                out.write(new byte[Math.toIntExact(entry.getValue() - position)]);
                ByteBuffer values = constants.leading(entry.getKey(), constants.elements(entry.getKey()));
                position = entry.getValue() + values.remaining();
                while (values.hasRemaining()) {
                    channel.write(values);
                }
            }
        }

        @Override
        public void locate(ProtoMessage tensor, String name, long count, int each) {
            Long offset = offsets.get(name);
            if (offset == null) {
                throw new IllegalArgumentException("no constant " + name);
            }
            tensor.message(EXTERNAL_DATA, entry("location", file))
                    .message(EXTERNAL_DATA, entry("offset", Long.toString(offset)))
                    .message(EXTERNAL_DATA, entry("length", Long.toString(count * each)))
                    .integer(DATA_LOCATION, EXTERNAL);
        }

        private static ProtoMessage entry(String key, String value) {
            return new ProtoMessage().text(1, key).text(2, value);
        }
    }
}
