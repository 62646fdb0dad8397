package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.store.Routing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Exporting, and the commands that run what was exported. */
@NullUnmarked // a null fails the test
class ExportCommandTest {
    private static final Path MODEL = CommandRun.REFERENCE.resolve("vit-3h-6h");
    private static final Path SHIPPED = Path.of("../models/cifar10-3h-6h");
    private static final Path SAMPLES = Path.of("../samples");

    @TempDir
    private Path directory;

    private Path exported;

    @BeforeEach
    void name() {
        exported = directory.resolve("new/exported");
    }

    @Test
    void anExportAgreesWithTheModelsRecording() {
        CommandRun run = CommandRun.of("export", "--format", "onnx", "--model", MODEL, "--out", exported);
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).matches("wrote .*: 3H → 6H, 2 graphs and their weights, [0-9.]+ MB\n");

        CommandRun verify = CommandRun.of("verify", exported, "--expected", MODEL.resolve("expected.safetensors"));
        assertThat(verify.code()).as(verify.out() + verify.err()).isZero();
        assertThat(verify.out()).contains("all 14 tensors agree within 1.0E-4");
    }

    @Test
    void aFileSystemWithoutLocksIsGoneOnWithoutIfToldSo() throws Exception {
        Path source = Files.writeString(directory.resolve("enolck.c"), """
                #include <errno.h>
                #include <stdarg.h>
                #include <fcntl.h>
                extern int __fcntl(int, int, ...);
                static int call(int fd, int command, void *argument) {
                    if (command == F_SETLK || command == F_SETLKW) { errno = ENOLCK; return -1; }
                    return __fcntl(fd, command, argument);
                }
                int fcntl(int fd, int command, ...) {
                    va_list all; va_start(all, command); void *argument = va_arg(all, void *); va_end(all);
                    return call(fd, command, argument);
                }
                int fcntl64(int fd, int command, ...) {
                    va_list all; va_start(all, command); void *argument = va_arg(all, void *); va_end(all);
                    return call(fd, command, argument);
                }
                """);
        Path library = directory.resolve("enolck.so");
        assumeTrue(compiled(source, library), "no C compiler here that could take the locks away");
        String refused = exportWith(library, Main.FAILED);
        assertThat(refused.lines())
                .singleElement()
                .asString()
                .contains(exported + ": ", "no locks available", "--no-lock");
        assertThat(exportWith(library, 0, "--no-lock")).contains("wrote " + exported);
    }

    private String exportWith(Path library, int code, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "export",
                "--model=" + MODEL,
                "--out=" + exported));
        command.addAll(List.of(more));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LD_PRELOAD", library.toString());
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isEqualTo(code);
        return said;
    }

    private static boolean compiled(Path source, Path library) throws InterruptedException {
        try {
            return new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false; // there is no such command
        }
    }

    @Test
    void picturesAreClassifiedAsByTheModelItself() {
        assertThat(CommandRun.of("export", "--model", SHIPPED, "--out", exported, "--embed")
                        .code())
                .isZero();

        CommandRun torch = CommandRun.of("classify", "--model", SHIPPED, "--precision", "fp32", SAMPLES);
        for (String backend : new String[] {"auto", "onnx"}) {
            CommandRun onnx = CommandRun.of("classify", "--model", exported, "--backend", backend, SAMPLES);
            assertThat(onnx.code()).as(onnx.err()).isZero();
            assertThat(onnx.out()).isEqualTo(torch.out());
        }
    }

    @Test
    void foldedWeightsClassifyTheSameAndTakeMoreRoom() throws IOException {
        Path folded = directory.resolve("folded");
        assertThat(CommandRun.of("export", "--model", SHIPPED, "--out", exported)
                        .code())
                .isZero();
        assertThat(CommandRun.of("export", "--model", SHIPPED, "--out", folded, "--fold")
                        .code())
                .isZero();

        assertThat(Files.size(folded.resolve("weights.bin")))
                .isGreaterThan(Files.size(exported.resolve("weights.bin")));
        assertThat(CommandRun.of("classify", "--model", folded, SAMPLES).out())
                .isEqualTo(
                        CommandRun.of("classify", "--model", exported, SAMPLES).out());

        CommandRun both = CommandRun.of("export", "--model", SHIPPED, "--out", folded, "--fold", "--embed");
        assertThat(both.code()).isEqualTo(2);
        assertThat(both.err()).contains("--fold is for weights in a file of their own");
    }

    @Test
    void aCalibrationIsSavedWithTheExport() throws IOException {
        assertThat(CommandRun.of("export", "--model", SHIPPED, "--out", exported)
                        .code())
                .isZero();
        Path data = directory.resolve("data");
        for (String label : new String[] {"airplane", "cat", "ship"}) {
            Files.createDirectories(data.resolve(label));
            String picture = label + "-0011.jpg";
            Files.copy(SAMPLES.resolve(picture), data.resolve(label).resolve(picture));
        }

        CommandRun run = CommandRun.of(
                "calibrate", "--data", data, "--model", exported, "--target", "stage2=50%", "--save", "--json");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("saved to " + exported.resolve("thinkingvit.json"));
        JsonNode printed = JsonMapper.shared().readTree(run.out());
        Routing saved = ExportedModel.read(exported).config().routing();
        assertThat(saved.thresholds()).containsExactly(printed.get("threshold").asDouble());
        assertThat(saved.calibration().images()).isEqualTo(3);

        CommandRun evaluated = CommandRun.of("evaluate", "--data", data, "--model", exported, "--json");
        assertThat(evaluated.code()).as(evaluated.err()).isZero();
        assertThat(JsonMapper.shared().readTree(evaluated.out()).get("backend").asString())
                .isEqualTo("onnx");
    }

    @Test
    void infoDescribesAnExport() {
        assertThat(CommandRun.of("export", "--model", MODEL, "--out", exported).code())
                .isZero();

        CommandRun text = CommandRun.of("info", exported);
        assertThat(text.code()).as(text.err()).isZero();
        assertThat(text.out()).contains("3H → 6H", "MB, ONNX in fp32: stage1.onnx, stage2.onnx, weights.bin");

        JsonNode info = JsonMapper.shared()
                .readTree(CommandRun.of("info", exported, "--json").out());
        JsonNode model = JsonMapper.shared()
                .readTree(CommandRun.of("info", MODEL, "--json").out());
        assertThat(info.get("stages")).isEqualTo(model.get("stages"));
        assertThat(info.get("onnx_files")).hasSize(3);
    }

    @Test
    void aFolderThatHoldsSomethingIsNotReplacedUnasked() {
        assertThat(CommandRun.of("export", "--model", MODEL, "--out", exported).code())
                .isZero();
        CommandRun again = CommandRun.of("export", "--model", MODEL, "--out", exported);
        assertThat(again.code()).isEqualTo(Main.FAILED);
        assertThat(again.err())
                .isEqualTo("thinkingvit: " + exported + ": is not empty; --force replaces the model in it\n");
        assertThat(CommandRun.of("export", "--model", MODEL, "--out", exported, "--force")
                        .code())
                .isZero();
    }

    @Test
    void aFolderInWhichNothingButALockWasLeftIsNotAskedAbout() throws IOException {
        Files.createDirectories(exported);
        Files.createFile(exported.resolve(".lock"));
        assertThat(CommandRun.of("export", "--model", MODEL, "--out", exported).code())
                .isZero();
    }

    @Test
    void filesOfSomebodyElseStayWhereAnExportIsForcedIn() throws IOException {
        Files.createDirectories(exported);
        for (String name : new String[] {"weights.bin", "stage1.onnx"}) {
            Files.writeString(exported.resolve(name), "foreign");
        }

        CommandRun run = CommandRun.of("export", "--model", SHIPPED, "--out", exported, "--force");

        assertThat(run.code()).as(run.err()).isZero();
        for (String name : new String[] {"weights.bin", "stage1.onnx"}) {
            assertThat(exported.resolve(name)).hasContent("foreign");
        }
        CommandRun classified = CommandRun.of("classify", "--model", exported, SAMPLES.resolve("cat-0011.jpg"));
        assertThat(classified.code()).as(classified.err()).isZero();
    }

    @Test
    void aBackendThatTheFolderIsNotForIsRefusedInOneLine() {
        assertThat(CommandRun.of("export", "--model", SHIPPED, "--out", exported)
                        .code())
                .isZero();

        CommandRun onnx = CommandRun.of("classify", "--model", SHIPPED, "--backend", "onnx", SAMPLES);
        assertThat(onnx.code()).isEqualTo(Main.FAILED);
        assertThat(onnx.err())
                .isEqualTo("thinkingvit: " + SHIPPED + ": is a model directory, --backend onnx runs exports:"
                        + " 'thinkingvit export --format onnx --model " + SHIPPED + " --out DIR' makes one\n");
        CommandRun torch = CommandRun.of("classify", "--model", exported, "--backend", "torch", SAMPLES);
        assertThat(torch.code()).isEqualTo(Main.FAILED);
        assertThat(torch.err())
                .isEqualTo("thinkingvit: " + exported
                        + ": is an exported model, which --backend onnx runs; torch runs model directories\n");
        CommandRun bf16 = CommandRun.of("classify", "--model", exported, "--precision", "bf16", SAMPLES);
        assertThat(bf16.err())
                .isEqualTo("thinkingvit: " + exported
                        + ": was exported in fp32, in which alone it computes; bf16 was asked for\n");
    }
}
