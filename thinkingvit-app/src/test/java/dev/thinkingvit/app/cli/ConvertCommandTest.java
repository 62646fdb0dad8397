package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class ConvertCommandTest {
    private static final Path MODEL = CommandRun.REFERENCE.resolve("vit-3h-6h");

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"--out", "-o"})
    void whoNamesTheDirectoryByAnOptionIsToldHowItIsNamed(String option) {
        CommandRun run = CommandRun.of("convert", MODEL, option, directory.resolve("out"));

        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err())
                .startsWith("thinkingvit: Unknown option: '" + option
                        + "'; OUT is named without an option: thinkingvit convert IN OUT");
    }

    @ParameterizedTest
    @CsvSource({
        "vit-3h-6h, ema, ema3., state_dict_ema",
        "vit-3h-6h, model, after3., state_dict",
        "vit-2h-3h-6h, ema, ema3., state_dict_ema",
        "vit-2h-3h-6h, model, after3., state_dict"
    })
    void aTrainersCheckpointBecomesAModelDirectory(String model, String weights, String recorded, String entry) {
        Path folder = CommandRun.REFERENCE.resolve(model);
        Path out = directory.resolve("deep/er/model");
        CommandRun run = CommandRun.of(
                "convert",
                folder.resolve("checkpoint.pth.tar"),
                out,
                "--config",
                folder.resolve("config.json"),
                "--weights",
                weights);

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains(": " + entry + ", epoch 3, metric 12.5").contains("wrote " + out);
        Map<String, HostTensor> written = ModelDirectory.read(out).weights();
        Safetensors.read(folder.resolve("checkpoint.safetensors")).tensors().forEach((name, tensor) -> {
            if (name.startsWith(recorded)) {
                assertThat(written.get(name.substring(recorded.length())).data())
                        .as(name)
                        .isEqualTo(tensor.data());
            }
        });
        assertThat(files(out)).containsExactly("README.md", "config.json", "model.safetensors");
        assertThat(files(directory)).containsExactly("deep");
    }

    @Test
    void headsThatNobodyNamesAreAskedForAndNothingIsLeftBehind() throws IOException {
        Path alone = Files.copy(MODEL.resolve("model.safetensors"), directory.resolve("alone.safetensors"));
        CommandRun run = CommandRun.of("convert", alone, directory.resolve("out"));

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err().lines()).singleElement().asString().contains("--config must supply num_heads");
        assertThat(files(directory)).containsExactly("alone.safetensors");
    }

    @Test
    void theFirstReleaseIsCutToItsLastStageAndComputesTheSame() {
        Path wide = CommandRun.REFERENCE.resolve("vit-wide");
        Path recording = wide.resolve("expected.safetensors");
        Path cut = directory.resolve("cut");
        CommandRun run = CommandRun.of(
                "convert", wide.resolve("checkpoint.pth.tar"), cut, "--config", wide.resolve("config.json"));

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("left out: alpha.1 to alpha.11");
        assertThat(run.out())
                .contains("cut from a width of 48 to the last stage's 24")
                .contains("89,373 parameters");
        CommandRun verified = CommandRun.of("verify", cut, "--expected", recording);
        assertThat(verified.code()).as(verified.out()).isZero();

        Path kept = directory.resolve("kept");
        assertThat(CommandRun.of("convert", wide.resolve("checkpoint.pth.tar"), kept, "--keep-width")
                        .out())
                .contains("344,613 parameters");
        assertThat(ModelDirectory.read(kept).config().network().numFeatures()).isEqualTo(48);
    }

    @Test
    void whatIsInTheWayIsNotOverwritten() throws IOException {
        Path out = Files.createDirectory(directory.resolve("out"));
        Files.writeString(out.resolve("notes.txt"), "mine");

        CommandRun refused = CommandRun.of("convert", MODEL, out);
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err()).contains("is not empty; --force");
        assertThat(files(out)).containsExactly("notes.txt");

        assertThat(CommandRun.of("convert", MODEL, out, "--force").code()).isZero();
        assertThat(files(out)).containsExactly("README.md", "config.json", "model.safetensors", "notes.txt");

        CommandRun file = CommandRun.of("convert", MODEL, out.resolve("notes.txt"), "--force");
        assertThat(file.code()).isEqualTo(1);
        assertThat(file.err()).contains("notes.txt: is a file, a folder is required");
    }

    @Test
    void aPlaceThatCannotBeWrittenToIsNamedAndNotTheDraftThere() throws IOException {
        Path file = Files.writeString(directory.resolve("notes.txt"), "mine");
        CommandRun below = CommandRun.of("convert", MODEL, file.resolve("model"));
        assertThat(below.code()).isEqualTo(1);
        assertThat(below.err().strip())
                .isEqualTo("thinkingvit: " + file.resolve("model")
                        + ": cannot be written to: a part of its path is a file, not a folder");
        assertThat(files(directory)).containsExactly("notes.txt");
    }

    @Test
    void whatInt8NeedsToKnowIsNotLeftOutWithoutAWord() {
        Path shipped = Path.of("../models/cifar10-3h-6h");
        for (Path in : List.of(shipped, shipped.resolve("model.safetensors"))) {
            CommandRun run = CommandRun.of("convert", in, directory.resolve("out"), "--force");
            assertThat(run.code()).isZero();
            assertThat(run.err()).contains("note: int8.ranges is not taken along; 'thinkingvit calibrate --save'");
        }
        assertThat(CommandRun.of("convert", MODEL, directory.resolve("other")).err())
                .doesNotContain("int8");
    }

    @Test
    void anEmptyDirectoryIsFilled() throws IOException {
        Path out = Files.createDirectory(directory.resolve("out"));

        assertThat(CommandRun.of("convert", MODEL, out).code()).isZero();
        assertThat(ModelDirectory.read(out).weights()).hasSize(47);
    }

    @Test
    void aSafetensorsFileHasNoMovingAverage() {
        CommandRun run = CommandRun.of("convert", MODEL, directory.resolve("out"), "--weights", "ema");

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("moving average");
        assertThat(files(directory)).isEmpty();
    }

    @Test
    void anUnknownSetOfWeightsIsAWrongCommandLine() {
        assertThat(CommandRun.of("convert", MODEL, directory.resolve("out"), "--weights", "best")
                        .code())
                .isEqualTo(2);
    }

    private static Stream<String> files(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void nothingIsWrittenToTheCacheOfAHub() throws IOException {
        Path shipped = Path.of("../models/cifar10-3h-6h");
        Path kept = Files.createDirectories(directory.resolve("models--owner--name/snapshots/" + "0".repeat(40)));
        Files.copy(shipped.resolve("config.json"), kept.resolve("config.json"));
        Files.copy(shipped.resolve("model.safetensors"), kept.resolve("model.safetensors"));
        for (CommandRun run : List.of(
                CommandRun.of("convert", shipped.toString(), kept.toString(), "--force"),
                CommandRun.of("export", "--model", shipped.toString(), "--out", kept.toString(), "--force"),
                CommandRun.of(
                        "calibrate", "--model", kept.toString(), "--data", "x", "--target", "gmacs=0.1", "--save"))) {
            assertThat(run.code()).isEqualTo(Main.FAILED);
            assertThat(run.err().strip())
                    .isEqualTo("thinkingvit: hf-hub:owner/name: is read from a hub, and nothing is written to it;"
                            + " 'thinkingvit convert hf-hub:owner/name DIR' makes a copy");
        }
    }

    @Test
    void anAddressIsNoFile() {
        for (String address : List.of("https://example.com/model.pth", "s3://bucket/model.pth")) {
            CommandRun run = CommandRun.of("convert", address, "out");
            assertThat(run.code()).isEqualTo(Main.USAGE);
            assertThat(run.err())
                    .contains("'" + address + "' is an address; a file or a folder is required, or a model on a hub,"
                            + " named hf-hub:owner/name");
        }
    }

    @Test
    void anEmptyNameIsNotTheWorkingFolder() {
        for (String blank : List.of("", " ")) {
            CommandRun run = CommandRun.of("convert", "x.pth", blank);
            assertThat(run.code()).isEqualTo(Main.USAGE);
            assertThat(run.err()).contains("'" + blank + "' names no file or folder");
        }
    }
}
