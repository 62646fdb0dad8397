package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureDecoderTest {

    @Test
    void aBrokenPictureIsRefusedByName(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("broken.jpg");
        Files.writeString(file, "not a picture");

        assertThatThrownBy(() -> PictureDecoder.decode(file))
                .isInstanceOf(PictureException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("JPEG, PNG, GIF, BMP or WebP")
                .hasMessageContaining("6e 6f 74");
    }
}
