package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Scope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens to a file between its being opened and its tensors' being read. */
@NullUnmarked // a null fails the test
class FileBytesTest {
    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void write() {
        file = folder.resolve("model.safetensors");
        Safetensors.write(file, Map.of("a", HostTensor.of(new float[1 << 19], 1 << 19)), Map.of());
    }

    private HostTensor opened() {
        HostTensor tensor = Safetensors.read(file).tensors().get("a");
        assertThat(tensor.toFloats()).hasSize(1 << 19);
        return tensor;
    }

    private void assertRefused(HostTensor tensor, String reason) {
        List<ThrowingCallable> readers = List.of(tensor::toFloats, () -> {
            try (Scope scope = new Scope()) {
                NativeArray.of(tensor);
            }
        });
        for (ThrowingCallable reader : readers) {
            assertThatThrownBy(reader)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageStartingWith(file + ": ")
                    .hasMessageContaining(reason);
        }
    }

    @Test
    void partsAreReadFromWhereTheyAre() {
        float[] values = new float[1 << 19];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        Path rising = folder.resolve("rising.safetensors");
        Safetensors.write(rising, Map.of("a", HostTensor.of(values, values.length)), Map.of());
        HostTensor whole = Safetensors.read(rising).tensors().get("a");
        HostTensor inner = whole.part(DType.F32, 400, 300_000).part(DType.F32, 40, 290_000);
        try (Scope scope = new Scope()) {
            assertThat(NativeArray.of(whole).toFloats()).isEqualTo(values);
            assertThat(NativeArray.of(inner).toFloats()).isEqualTo(inner.toFloats());
        }
        assertThat(inner.toFloats()).startsWith(110, 111).hasSize(290_000);
        ByteBuffer later =
                ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).position(4);
        inner.read(8, later);
        assertThat(later.getFloat(4)).isEqualTo(112);
        assertThat(later.getFloat(8)).isEqualTo(113);
        assertThatThrownBy(() -> inner.read(inner.bytes() - 4, ByteBuffer.allocate(8)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("8 bytes at 1159996 are not within F32 [290000]");
    }

    @Test
    void oneThatIsCutOffIsRefusedByName() throws IOException {
        HostTensor tensor = opened();
        try (var channel = Files.newByteChannel(file, java.nio.file.StandardOpenOption.WRITE)) {
            channel.truncate(1000);
        }
        assertRefused(tensor, "the file shrank while it was read");
    }

    @Test
    void oneThatIsReplacedIsRefusedByName() throws IOException {
        HostTensor tensor = opened();
        Path other = Files.copy(file, folder.resolve("other"));
        Files.move(other, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        assertRefused(tensor, "was changed while it was being read");
    }

    @Test
    void oneThatIsDeletedIsRefusedByName() throws IOException {
        HostTensor tensor = opened();
        Files.delete(file);
        assertRefused(tensor, "no such file");
    }

    @Test
    void anInterruptedThreadIsToldAndStaysInterrupted() {
        HostTensor tensor = opened();
        Thread.currentThread().interrupt();
        try {
            assertRefused(tensor, "interrupted");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void nothingStaysOpenOrMapped() throws IOException {
        HostTensor tensor = opened();
        assertThat(tensor.toString()).isEqualTo("F32 [524288]");
        Path maps = Path.of("/proc/self/maps");
        if (Files.exists(maps)) {
            assertThat(Files.readString(maps)).doesNotContain(file.toString());
            try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
                List<String> targets = open.map(FileBytesTest::target).toList();
                assertThat(targets).doesNotContain(file.toString());
            }
        }
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return ""; // the listing's own
        }
    }
}
