package dev.thinkingvit.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes pickles opcode by opcode. */
public final class TestPickle {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    public TestPickle op(int... opcodes) {
        for (int opcode : opcodes) {
            bytes.write(opcode);
        }
        return this;
    }

    /** Opcodes and arguments as text, such as {@code "(I1\nt"}. */
    public TestPickle raw(String latin1) {
        bytes.writeBytes(latin1.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    TestPickle global(String module, String name) {
        return raw("c" + module + "\n" + name + "\n");
    }

    TestPickle text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return raw("X").int32(utf8.length).bytes(utf8);
    }

    TestPickle number(int number) {
        return raw("J").int32(number);
    }

    /** A number of 64 bits. */
    TestPickle number64(long number) {
        return op(0x8a, 8)
                .bytes(ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(number)
                        .array());
    }

    TestPickle tuple(long... numbers) {
        raw("(");
        for (long number : numbers) {
            number64(number);
        }
        return raw("t");
    }

    TestPickle int32(int value) {
        return bytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
    }

    public TestPickle bytes(byte[] raw) {
        bytes.writeBytes(raw);
        return this;
    }

    TestPickle storage(String type, String key, long elements) {
        raw("(").text("storage").global("torch", type).text(key).text("cpu").number64(elements);
        return raw("tQ");
    }

    /** A tensor over the storage {@code 0}. */
    TestPickle tensor(String type, long elements, long offset, long[] sizes, long[] strides) {
        global("torch._utils", "_rebuild_tensor_v2").raw("(").storage(type, "0", elements);
        number64(offset)
                .tuple(sizes)
                .tuple(strides)
                .raw("\u0089")
                .global("collections", "OrderedDict")
                .raw(")RtR");
        return this;
    }

    /** What was written so far, to be part of another pickle. */
    byte[] open() {
        return bytes.toByteArray();
    }

    public byte[] stop() {
        bytes.write('.');
        return bytes.toByteArray();
    }
}
