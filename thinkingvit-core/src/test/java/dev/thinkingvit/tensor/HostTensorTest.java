package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class HostTensorTest {
    @Test
    void halfPrecisionValuesBecomeTheFloatsTheyStandFor() {
        ByteBuffer bytes = ByteBuffer.allocate(14).order(ByteOrder.LITTLE_ENDIAN);
        for (int bits : new int[] {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x8000, 0x7C00, 0x3555}) {
            bytes.putShort((short) bits);
        }
        float[] values = new HostTensor(DType.F16, new long[] {7}, bytes.flip()).toFloats();
        assertThat(values).containsExactly(1f, -2f, 65504f, 0x1p-24f, -0f, Float.POSITIVE_INFINITY, 0.33325195f);
    }

    @Test
    void aBufferOfAnotherSizeThanTheShapeTakesIsRefused() {
        assertThatThrownBy(() -> new HostTensor(DType.F32, new long[] {2, 3}, ByteBuffer.allocate(20)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a F32 tensor of shape [2, 3] takes 24 bytes, the buffer holds 20");
    }

    @Test
    void valuesSurviveTheWayThroughTheNativeWorld() {
        HostTensor host = HostTensor.of(new float[] {1, -2.5f, 3e-9f, Float.MAX_VALUE}, 2, 2);
        try (Scope scope = new Scope()) {
            HostTensor back = Tensors.toHost(Tensors.toNative(host));
            assertThat(back.shape()).containsExactly(2, 2);
            assertThat(back.data()).isEqualTo(host.data());
        }
    }
}
