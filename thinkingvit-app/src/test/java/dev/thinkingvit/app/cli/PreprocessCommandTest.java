package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class PreprocessCommandTest {
    private static final Path IMAGES = CommandRun.REFERENCE.resolve("preprocess/images");

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"224, 0.9", "32, 1.0"})
    void aFolderGivesTheRecordedLevels(int size, String cropPct) {
        Path file = directory.resolve("levels.safetensors");
        CommandRun run = CommandRun.of("preprocess", IMAGES, "--size", size, "--crop-pct", cropPct, "--out", file);

        assertThat(run.code()).as(run.err()).isZero();
        Map<String, HostTensor> written = Safetensors.read(file).tensors();
        Map<String, HostTensor> expected = Safetensors.read(
                        CommandRun.REFERENCE.resolve("preprocess/expected.safetensors"))
                .tensors();
        assertThat(written).hasSize(expected.size() / 2);
        written.forEach((name, tensor) -> {
            assertThat(name).endsWith("@" + size);
            assertThat(expected).containsKey(name);
            assertThat(tensor).hasToString("U8 [3, " + size + ", " + size + "]");
            assertThat(tensor.data()).as(name).isEqualTo(expected.get(name).data());
        });
    }

    @Test
    void aSizeMayBeNoSquare() throws IOException {
        Path file = directory.resolve("levels.safetensors");
        Path picture = IMAGES.resolve("rgba.png");
        CommandRun run = CommandRun.of("preprocess", picture, "--size", "24x40", "--crop-pct", 0.8, "--out", file);

        assertThat(run.code()).as(run.err()).isZero();
        HostTensor written = Safetensors.read(file).tensors().get("rgba.png@24x40");
        assertThat(written).hasToString("U8 [3, 24, 40]");
        byte[] levels = new byte[written.data().remaining()];
        written.data().get(levels);
        assertThat(levels)
                .isEqualTo(Preprocessing.imagenet(new ImageSize(24, 40), 0.8).toChw(PictureDecoder.decode(picture)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"wide", "24x", "0x24", "24x9000"})
    void aSizeThatIsNoneIsRefused(String size) {
        Path file = directory.resolve("levels.safetensors");
        CommandRun run = CommandRun.of("preprocess", IMAGES, "--size", size, "--out", file);

        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--size");
        assertThat(file).doesNotExist();
    }

    @Test
    void theCropShareIsThePublishedOneUnlessSaid() {
        Path said = directory.resolve("said");
        Path unsaid = directory.resolve("unsaid");
        Path picture = IMAGES.resolve("rgba.png");
        CommandRun.of("preprocess", picture, "--size", 64, "--crop-pct", 0.9, "--out", said);
        CommandRun.of("preprocess", picture, "--size", 64, "--out", unsaid);

        assertThat(unsaid).hasSameBinaryContentAs(said);
    }

    @Test
    void twoPicturesOfOneNameAreRefusedAndBothNamed() throws IOException {
        Path other = Files.createDirectory(directory.resolve("other")).resolve("rgba.png");
        Files.copy(IMAGES.resolve("rgba.png"), other);

        CommandRun run =
                CommandRun.of("preprocess", IMAGES, other, "--size", 32, "--out", directory.resolve("out.safetensors"));

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .contains(other.toString())
                .contains(IMAGES.resolve("rgba.png").toString());
        assertThat(directory.resolve("out.safetensors")).doesNotExist();
    }

    @Test
    void aBrokenPictureIsNamedAndNothingIsWritten() throws IOException {
        Path broken = Files.writeString(directory.resolve("broken.png"), "no picture");

        CommandRun run =
                CommandRun.of("preprocess", broken, "--size", 32, "--out", directory.resolve("out.safetensors"));

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err().lines()).singleElement().asString().contains(broken.toString());
        assertThat(directory.resolve("out.safetensors")).doesNotExist();
    }

    @Test
    void aPictureIsNotOverwrittenUnderAnyOfItsNames() throws IOException {
        Path picture = Files.copy(IMAGES.resolve("rgba.png"), directory.resolve("rgba.png"));
        Path link = Files.createSymbolicLink(directory.resolve("link"), picture);

        for (Path target : List.of(picture, link)) {
            CommandRun run = CommandRun.of("preprocess", directory, "--size", 32, "--out", target);
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.err()).contains(target + ": is read as ").contains("would be lost");
        }
        assertThat(picture).hasSameBinaryContentAs(IMAGES.resolve("rgba.png"));
    }

    @Test
    void aFolderToWriteToThatDoesNotExistIsNamed() {
        CommandRun run = CommandRun.of("preprocess", IMAGES, "--size", 32, "--out", directory.resolve("none/out"));

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains(directory.resolve("none") + ": no such file or folder");
    }

    @ParameterizedTest
    @CsvSource({"0, 0.9", "32, 0", "32, 1.5"})
    void impossibleSettingsAreAWrongCommandLine(int size, double cropPct) {
        assertThat(CommandRun.of("preprocess", IMAGES, "--size", size, "--crop-pct", cropPct, "--out", "x")
                        .code())
                .isEqualTo(2);
    }
}
