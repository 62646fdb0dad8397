package dev.thinkingvit.run;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AppendedFileTest {
    @Test
    void aFileGoesOnWhereItEnds(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("log"), "one,");

        try (AppendedFile log = new AppendedFile(file)) {
            log.append("two,".getBytes(US_ASCII));
            log.append("three".getBytes(US_ASCII));
            log.sync();
        }

        assertThat(file).hasContent("one,two,three");
    }

    @Test
    void aFullDiskIsSaidInOneLineThatNamesTheFile() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "only Linux has a disk that is always full");

        try (AppendedFile log = new AppendedFile(full)) {
            assertThatThrownBy(() -> log.append(new byte[10]))
                    .isInstanceOf(IOException.class)
                    .hasMessageMatching("/dev/full: cannot be written: .*space.*");
        }
    }
}
