package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NativeTensorTest {
    private final Scope scope = new Scope();

    @AfterEach
    void close() {
        scope.close();
    }

    private static NativeArray counted(long... shape) {
        float[] values = new float[(int) NativeTensor.elements(shape)];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        return NativeArray.of(values, shape);
    }

    private static List<NativeTensor> bothKinds(long... shape) {
        NativeArray array = counted(shape);
        Tensor other = Tensors.floats(array.toFloats(), 0, shape);
        return List.of(array, new TorchTensor(other));
    }

    @Test
    void rowsShareMemoryAndChosenOnesAreCopied() {
        for (NativeTensor tensor : bothKinds(4, 3)) {
            assertThat(tensor.rows(1, 2).toFloats()).containsExactly(3, 4, 5, 6, 7, 8);
            assertThat(tensor.rows(1, 2).array().memory().order()).isEqualTo(java.nio.ByteOrder.nativeOrder());
            assertThat(tensor.select(new long[] {0, 3}).toFloats()).containsExactly(0, 1, 2, 9, 10, 11);
            assertThat(tensor.select(new long[] {0, 1, 2, 3})).isSameAs(tensor);
            tensor.rows(3, 1).array().memory().putFloat(0, 42);
            assertThat(tensor.toFloats()[9]).isEqualTo(42);
        }
    }

    @Test
    void rowsThatAreNotThereAreRefused() {
        for (NativeTensor tensor : bothKinds(4, 3)) {
            for (long[] part : new long[][] {{-1, 1}, {3, 2}, {1, Long.MAX_VALUE}, {0, -1}}) {
                assertThatThrownBy(() -> tensor.rows(part[0], part[1]))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("are not within F32 [4, 3]");
            }
        }
    }

    @Test
    void joinedTensorsFollowEachOther() {
        for (NativeTensor tensor : bothKinds(2, 2)) {
            assertThat(NativeTensor.concat(List.of(tensor, tensor.rows(1, 1))).toFloats())
                    .containsExactly(0, 1, 2, 3, 2, 3);
        }
    }

    @Test
    void onlyWhatIsAlikeIsJoined() {
        for (NativeTensor tensor : bothKinds(2, 2)) {
            for (NativeTensor other :
                    List.of(counted(2, 3), counted(2, 2, 1), NativeArray.zeros(DType.BF16, 2, 2), counted())) {
                assertThatThrownBy(() -> NativeTensor.concat(List.of(tensor, other)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("F32 [2, 2] and " + other + " came");
            }
        }
    }

    @Test
    void whatIsKeptOutlivesItsScopeAndIsFreedByItsOwner() {
        long before = Pointer.totalBytes();
        NativeTensor owned;
        try (Scope inner = new Scope()) {
            owned = Scope.own(counted(1 << 20).rows(1, 2));
        }
        assertThat(owned.toFloats()).containsExactly(1, 2);
        assertThat(Pointer.totalBytes()).isGreaterThanOrEqualTo(before + (1L << 22));
        owned.close();
        assertThat(Pointer.totalBytes()).isEqualTo(before);
    }

    @Test
    void halfPrecisionIsReadAsFloats() {
        HostTensor half = new HostTensor(
                DType.BF16,
                new long[] {2},
                java.nio.ByteBuffer.allocate(4)
                        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                        .putShort((short) 0x3F80)
                        .putShort((short) 0xC000)
                        .flip());
        assertThat(NativeArray.of(half).toFloats()).containsExactly(1, -2);
    }

    @Test
    void memoryThatIsNotThereIsOneLine() {
        assertThatThrownBy(() -> NativeArray.allocate(DType.F32, 1L << 40))
                .isInstanceOf(TensorException.class)
                .hasMessage("memory: 4398046511104 bytes cannot be allocated");
    }
}
