package dev.thinkingvit.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes what {@code torch.save} wrote before PyTorch 1.6, piece by piece, honest and otherwise. */
final class TestLegacyFile {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final int protocol;

    TestLegacyFile(int protocol, TestPickle content) {
        this(protocol, content, 1001, true);
    }

    TestLegacyFile(int protocol, TestPickle content, int version, boolean littleEndian) {
        this(protocol, version, littleEndian);
        pickle(content);
    }

    private TestLegacyFile(int protocol, int version, boolean littleEndian) {
        this.protocol = protocol;
        TestPickle magic = begun();
        if (protocol < 2) {
            magic.raw("L119547037146038801333356L\n");
        } else {
            magic.op(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19);
        }
        pickle(magic);
        pickle(begun().number(version));
        TestPickle machine = begun().raw("}").text("little_endian").op(littleEndian ? 0x88 : 0x89);
        pickle(machine.raw("s"));
    }

    /** What comes before the content: the magic number, the version and the machine. */
    static byte[] beginning() {
        return new TestLegacyFile(2, 1001, true).bytes();
    }

    private TestPickle begun() {
        TestPickle pickle = new TestPickle();
        if (protocol >= 2) {
            pickle.op(0x80, protocol);
        }
        if (protocol >= 4) {
            pickle.op(0x95).bytes(new byte[8]);
        }
        return pickle;
    }

    TestLegacyFile pickle(TestPickle pickle) {
        bytes.writeBytes(pickle.open());
        bytes.write('.');
        return this;
    }

    /** The list of storages that follow. */
    TestLegacyFile keys(String... keys) {
        TestPickle list = begun().raw("](");
        for (String key : keys) {
            list.text(key);
        }
        return pickle(list.raw("e"));
    }

    TestLegacyFile storage(long count, byte[] elements) {
        bytes.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(count)
                .array());
        bytes.writeBytes(elements);
        return this;
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }

    static byte[] floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }
}
