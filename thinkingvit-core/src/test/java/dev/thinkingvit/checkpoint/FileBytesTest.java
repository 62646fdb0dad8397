package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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
        assertThatThrownBy(tensor::toFloats)
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(reason);
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
