package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class PresenceTest {
    @TempDir
    Path folder;

    @Test
    void whatIsNotThereIsMissingBelowAFileToo() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        assertThat(Presence.of(file)).isTrue();
        assertThat(Presence.of(folder)).isTrue();
        assertThat(Presence.of(folder.resolve("none"))).isFalse();
        assertThat(Presence.of(folder.resolve("none/below"))).isFalse();
        assertThat(Presence.of(file.resolve("below"))).isFalse();
    }

    @Test
    void whatNobodyCanLookAtIsNotMissing() throws IOException {
        Path loop = folder.resolve("loop");
        try {
            Files.createSymbolicLink(loop, loop);
        } catch (UnsupportedOperationException | IOException e) {
            assumeTrue(false, "no symbolic links here: " + e);
        }
        assertThat(Files.exists(loop)).as("what Java says").isFalse();
        assertThatThrownBy(() -> Presence.of(loop))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining(loop.toString());
    }
}
