package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class ProtoMessageTest {
    private static ProtoMessage message() {
        ProtoMessage inner = new ProtoMessage().integer(1, 300).bytes(9, ByteBuffer.wrap(new byte[] {7, 8}));
        return new ProtoMessage().text(2, "é").message(5, inner.float32(3, 1)).integer(6, -1);
    }

    @Test
    void largeValuesKeepTheirPlaceAmongTheOthers() throws IOException {
        byte[] expected = {
            0x12,
            2,
            (byte) 0xc3,
            (byte) 0xa9, // 2: "é"
            0x2a,
            12, // 5: 12 bytes
            0x08,
            (byte) 0xac,
            2, // 1: 300
            0x4a,
            2,
            7,
            8, // 9: two bytes
            0x1d,
            0,
            0,
            (byte) 0x80,
            0x3f, // 3: 1.0
            0x30,
            -1,
            -1,
            -1,
            -1,
            -1,
            -1,
            -1,
            -1,
            -1,
            1 // 6: -1
        };
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ProtoMessage message = message();
        message.writeTo(out);

        assertThat(message.toByteArray()).isEqualTo(expected);
        assertThat(out.toByteArray()).isEqualTo(expected);
        assertThat(message.size()).isEqualTo(expected.length);
    }

    @Test
    void sizesBeyondWhatAnArrayHoldsAreKnown() {
        ByteBuffer large = ByteBuffer.allocate(1 << 20);
        ProtoMessage message = new ProtoMessage();
        for (int i = 0; i < 3000; i++) {
            message.bytes(1, large);
        }
        assertThat(new ProtoMessage().message(1, message).size()).isGreaterThan(3000L << 20);
    }
}
