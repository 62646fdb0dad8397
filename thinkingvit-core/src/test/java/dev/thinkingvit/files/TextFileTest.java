package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // JUnit sets the folder
class TextFileTest {
    @TempDir
    private Path folder;

    private Path file(int... bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int b : bytes) {
            out.write(b);
        }
        return Files.write(folder.resolve("labels.txt"), out.toByteArray());
    }

    private Path file(String text) throws IOException {
        return Files.writeString(folder.resolve("labels.txt"), text);
    }

    @Test
    void aByteOrderMarkIsSkipped() throws IOException {
        assertThat(TextFile.read(file("\uFEFFcat\n猫\n"))).isEqualTo("cat\n猫\n");
        assertThat(TextFile.read(file("\uFEFF"))).isEmpty();
    }

    @Test
    void linesMayEndAsOnAnySystem() throws IOException {
        assertThat(TextFile.read(file("a\r\nb\rc\n\nd"))).isEqualTo("a\nb\nc\n\nd");
    }

    @Test
    void utf16WithItsMarkIsRead() throws IOException {
        Path file = folder.resolve("labels.txt");
        Files.write(file, "\uFEFFcat\r\n犬😀".getBytes(StandardCharsets.UTF_16LE));
        assertThat(TextFile.read(file)).isEqualTo("cat\n犬😀");
        Files.write(file, "\uFEFFcat\r\n犬😀".getBytes(StandardCharsets.UTF_16BE));
        assertThat(TextFile.read(file)).isEqualTo("cat\n犬😀");
    }

    @Test
    void whatIsNoUtf8IsNamedWithItsLine() throws IOException {
        assertRefused(file('a', '\n', 'b', '\r', '\n', 'c', 0xE9, '\n'), "line 3 is not UTF-8: it holds the byte 0xE9");
        assertRefused(file('a', 0xC3), "line 1 is not UTF-8: it holds the byte 0xC3");
        assertRefused(file(0xFF, 0xFE, 'a', 0, 'b'), "line 1 is not UTF-16LE");
    }

    @Test
    void zeroBytesAndUtf32AreNoText() throws IOException {
        assertRefused(file('a', '\n', 'b', 0), "line 2 holds a zero byte", "save it as UTF-8");
        assertRefused(file(0xFF, 0xFE, 0, 0, 'a', 0, 0, 0), "UTF-32");
    }

    @Test
    void aFileMayBeAsLongAsIsAllowedAndNoLonger() throws IOException {
        assertThat(TextFile.read(file("12345"), 5)).isEqualTo("12345");
        Path file = file("123456");
        assertThatThrownBy(() -> TextFile.read(file, 5))
                .hasMessage(file + ": is longer than the 5 bytes that are read of a text file");
    }

    @ParameterizedTest
    @CsvSource({"'',is a folder", "none,none"})
    void whatIsNoFileIsRefused(String name, String reason) {
        assertThatThrownBy(() -> TextFile.read(folder.resolve(name)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(reason);
    }

    private static void assertRefused(Path file, String... parts) {
        assertThatThrownBy(() -> TextFile.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts);
    }
}
