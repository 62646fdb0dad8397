package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryRetryTest {
    private final List<Integer> told = new ArrayList<>();

    @Test
    void batchesAreHalvedUntilTheyFit() throws IOException {
        int fits = MemoryRetry.halving(
                65,
                size -> {
                    if (size > 5) {
                        throw new OutOfMemoryError("Java heap space");
                    }
                    return size;
                },
                told::add);

        assertThat(fits).isEqualTo(4);
        assertThat(told).containsExactly(32, 16, 8, 4);
    }

    @Test
    void aBatchOfOneIsNotTriedAgain() {
        assertThatThrownBy(() -> MemoryRetry.halving(
                        2,
                        size -> {
                            throw new IllegalStateException("failed", new OutOfMemoryError("heap"));
                        },
                        told::add))
                .isInstanceOf(IllegalStateException.class);
        assertThat(told).containsExactly(1);
    }

    @Test
    void otherFailuresAreNotTriedAgain() {
        assertThatThrownBy(() -> MemoryRetry.halving(
                        64,
                        size -> {
                            throw new IOException("val: permission denied");
                        },
                        told::add))
                .hasMessageContaining("permission denied");
        assertThat(told).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "libtorch: [enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you"
                        + " tried to allocate 999 bytes. Error code 12 (Cannot allocate memory)",
                "CUDA out of memory. Tried to allocate 2.00 GiB",
                "oneDNN: could not create a memory object: out_of_memory",
                "std::bad_alloc",
                "Error code - ORT_RUNTIME_EXCEPTION - message: bad allocation"
            })
    void nativeMemoryIsToldByWhatLibrariesSay(String message) {
        assertThat(MemoryRetry.isOutOfMemory(new IllegalStateException("x", new RuntimeException(message))))
                .isTrue();
    }

    @Test
    void whatLibtorchThrowsIsUnderstood() throws IOException {
        long more = 1L << 50; // than any machine's addresses

        assertThatThrownBy(() -> torch.zeros(more).close()).matches(MemoryRetry::isOutOfMemory);
        assertThat(MemoryRetry.<String>halving(
                        2,
                        size -> {
                            torch.zeros(size == 1 ? 1 : more).close();
                            return "done";
                        },
                        told::add))
                .isEqualTo("done");
    }
}
