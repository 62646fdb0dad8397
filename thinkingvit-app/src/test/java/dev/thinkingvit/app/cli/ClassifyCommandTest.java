package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.tensor.TorchDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // JUnit sets the folder
class ClassifyCommandTest {
    private static final Path MODEL = Path.of("../models/cifar10-3h-6h");
    private static final Path AIRPLANE = Path.of("../samples/airplane-0011.jpg");

    @TempDir
    private Path directory;

    @Test
    void labelsOfStrangersDoNotSteerTheTerminal() throws IOException {
        Files.copy(MODEL.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        String config = Files.readString(MODEL.resolve("config.json"));
        String label = "\\u001b[31m\\nforged\\u202e" + "x".repeat(100); // as JSON has it, and Java would
        Files.writeString(directory.resolve("config.json"), config.replace("airplane", label));

        CommandRun table = CommandRun.of("classify", "--model", directory, AIRPLANE);
        assertThat(table.code()).as(table.err()).isZero();
        assertThat(table.out())
                .contains("  \\u001b[31m\\nforged\\u202ex")
                .doesNotContain("\u001B", "\u202E", "x".repeat(40));
        assertThat(CommandRun.of("info", directory).out())
                .contains("10: \\u001b[31m\\nforged\\u202ex")
                .doesNotContain("\u001B", "\u202E", "x".repeat(40));
        assertThat(CommandRun.of("classify", "--json", "--model", directory, AIRPLANE)
                        .out())
                .as("JSON is exact")
                .contains("\u202E" + "x".repeat(100));
    }

    @Test
    void whatASmallNetworkSpentIsNotRoundedAway() {
        Path small = CommandRun.REFERENCE.resolve("swin-24x64");
        CommandRun classified = CommandRun.of("classify", "--model", small, small.resolve("picture0.png"));
        assertThat(classified.code()).as(classified.err()).isZero();
        assertThat(classified.out()).containsPattern("early: (0\\.000[1-9]\\d) of \\1 GMACs spent, 0 % of the work");
    }

    @Test
    void aDeviceThatIsNotThereIsSaidInOneLine() {
        Path picture = Path.of("../samples/airplane-0011.jpg");
        CommandRun unknown = CommandRun.of("classify", "--model", MODEL, "--device", "gpu", picture);
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err()).contains("--device: unknown device 'gpu': it must be cpu, cuda or cuda:n");
        CommandRun missing = CommandRun.of("classify", "--model", MODEL, "--device", "cuda:99", picture);
        assertThat(missing.code()).isEqualTo(1);
        assertThat(missing.err()).contains("cuda:99 is not there");
    }

    @Test
    void aCudaDeviceNamesWhatTheProcessorDoes() {
        assumeTrue(TorchDevice.cudaDevices() > 0, "a CUDA device and a libtorch for it are needed");
        List<String> printed = new ArrayList<>();
        for (String device : List.of("cpu", "cuda")) {
            CommandRun run = CommandRun.of(
                    "classify", "--model", MODEL, "--precision", "fp32", "--device", device, Path.of("../samples"));
            assertThat(run.code()).as(run.err()).isZero();
            printed.add(run.out());
        }
        assertThat(printed.get(1)).isEqualTo(printed.get(0));
    }

    @Test
    void thresholdsThatTheStagesDoNotTakeAreACommandLinesFault() {
        CommandRun run = CommandRun.of("classify", "--model", MODEL, "--threshold", "1,1,1", Path.of("../samples"));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).startsWith("thinkingvit: --threshold: ");
    }

    @Test
    void aModelAmongThePicturesIsRefused() {
        CommandRun run = CommandRun.of("classify", MODEL, Path.of("../samples"));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains(MODEL + ": is a model, and pictures are expected here; --model takes models");
    }

    @Test
    void aFolderWithoutPicturesIsNoted(@TempDir Path empty) {
        CommandRun run = CommandRun.of("classify", "--model", MODEL, empty, Path.of("../samples/airplane-0011.jpg"));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("note: " + empty + ": no JPEG");
    }

    @Test
    void aNameWithALineBreakHasItsReason() {
        assertThat(CommandRun.of("classify", "nl\nx.jpg").err().strip())
                .isEqualTo("thinkingvit: nl\\nx.jpg: no such file or folder");
    }

    @Test
    void aWrongCommandLineDoesNotSteerTheTerminal() {
        assertThat(CommandRun.of("calibrate", "--data", "data", "--target", "\u001b[31mred\nx")
                        .err())
                .startsWith("thinkingvit: --target: a target is ")
                .contains("'\\u001b[31mred\\nx'");
        assertThat(CommandRun.of("classify", "--thresh\u001b[31m", "x.jpg").err())
                .contains("'--thresh\\u001b[31m'");
    }

    @Test
    void whatIsLeftOutOfACheckpointIsSaidOnceAsByTheOtherCommands() {
        Path wide = CommandRun.REFERENCE.resolve("vit-wide");
        Object[] model = {
            "--model", wide.resolve("checkpoint.pth.tar"), "--config", wide.resolve("config.json"),
        };
        CommandRun exported =
                CommandRun.of("export", model[0], model[1], model[2], model[3], "--out", directory.resolve("out"));
        assertThat(exported.err())
                .startsWith("note: left out: alpha.1 to alpha.11")
                .hasLineCount(1);
        CommandRun classified = CommandRun.of("classify", "--json", model[0], model[1], model[2], model[3], AIRPLANE);
        assertThat(classified.code()).as(classified.err()).isZero();
        assertThat(classified.err()).isEqualTo(exported.err());
        assertThat(classified.out()).startsWith("{");
    }
}
