package dev.thinkingvit.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.ThinkingViTNetwork;
import dev.thinkingvit.model.WeightsException;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.Resampling;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.Routing;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@NullUnmarked // a null fails the test
class OnnxExportTest {
    private static final Drawn DRAWN = Drawn.of(Drawn.THREE_STAGES);

    @TempDir
    private Path folder;

    @Test
    void theDescriptionSaysAllThatTheModelsConfigurationDoes() {
        Preprocessing input = new Preprocessing(
                40, 0.875, Resampling.BILINEAR, new float[] {0.1f, 0.2f, 0.3f}, new float[] {0.5f, 0.6f, 0.7f});
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < 13; i++) {
            labels.add("ä \"" + i);
        }
        Routing.Calibration calibration = new Routing.Calibration(
                "val",
                100,
                "gmacs=1",
                List.of(new Routing.Point(0.5, 0.01, 70.5)),
                new Routing.Agreement(99.8, -0.02),
                null); // an export computes in F32, and its format is older than int8
        ModelConfig config = DRAWN.config()
                .withPreprocessing(input)
                .withLabels(labels)
                .withRouting(new Routing("margin", List.of(0.25, 0.5), calibration));

        ExportedModel written = OnnxExport.write(folder, config, DRAWN.weights(), OnnxExport.Layout.SHARED, "test");
        ExportedModel read = ExportedModel.read(folder);

        assertThat(read).isEqualTo(written);
        assertThat(read.config()).isEqualTo(config);
        assertThat(read.stages().get(1).inputs())
                .containsExactly(
                        new ExportedModel.Port("images", List.of("batch", 3, 40, 40)),
                        new ExportedModel.Port("previous_tokens", List.of("batch", 26, 12)));
        assertThat(read.stages().get(1).outputs())
                .containsExactly(
                        new ExportedModel.Port("logits", List.of("batch", 13)),
                        new ExportedModel.Port("tokens", List.of("batch", 26, 24)));
    }

    @Test
    void noWeightIsStoredTwice() throws IOException {
        DRAWN.export(folder, OnnxExport.Layout.SHARED);

        // what the last stage reads, once; projections into stages 2 and 3 beside it
        ThinkingViTConfig last = new ThinkingViTConfig(40, 8, 48, 2, 4, List.of(4), 13, 1e-5);
        long recycling = 12 * 24 + 24 + 24 * 48 + 48;
        long folded = 48 + 48; // class token and patch bias are in the positions
        long values = last.parameterCount() - folded + recycling;
        long constants = constants(ThinkingViTConfig.of(DRAWN.config().network()), DRAWN.weights(), false)
                .names()
                .size();
        assertThat(Files.size(folder.resolve("weights.bin"))).isBetween(values * 4, values * 4 + constants * 64);
        for (int stage = 1; stage <= 3; stage++) {
            assertThat(Files.size(folder.resolve("stage" + stage + ".onnx"))).isLessThan(40_000);
        }
    }

    @Test
    void largeConstantsBeginAtPages() {
        Map<String, Long> offsets = GraphConstants.Shared.layOut(
                        "weights.bin", constants(ThinkingViTConfig.imagenet(3, 6), Map.of("alpha.0", one()), false))
                .offsets();
        assertThat(offsets.get("blocks.3.mlp.fc1.weight.band2") % 4096).isZero();
        assertThat(offsets.values()).allMatch(offset -> offset % 64 == 0);
    }

    private static NestedConstants constants(
            ThinkingViTConfig network, Map<String, HostTensor> weights, boolean folded) {
        return NestedConstants.of(
                new ThinkingViTNetwork(network),
                weights,
                IntStream.rangeClosed(1, network.stages())
                        .mapToObj(stage -> ExportedModel.Stage.of(network, stage))
                        .toList(),
                folded,
                null);
    }

    private static HostTensor one() {
        return HostTensor.of(new float[] {1}, 1);
    }

    @Test
    void aStagesMatrixIsTheBeginningsOfItsBands() {
        NestedConstants constants =
                constants(ThinkingViTConfig.of(DRAWN.config().network()), DRAWN.weights(), false);
        float[] full = DRAWN.weights().get("blocks.1.mlp.fc2.weight").toFloats(); // (60, 240)

        ByteBuffer second = constants.leading("blocks.1.mlp.fc2.weight.band2", 4L * 24 * 12); // stage 2 at width 24

        for (int in = 0; in < 96; in++) {
            for (int out = 12; out < 24; out++) {
                assertThat(second.getFloat()).isEqualTo(full[out * 240 + in]);
            }
        }
        assertThat(second.hasRemaining()).isFalse();
    }

    @Test
    void aFoldedMatrixIsWholeForEachStage() {
        NestedConstants constants =
                constants(ThinkingViTConfig.of(DRAWN.config().network()), DRAWN.weights(), true);
        float[] full = DRAWN.weights().get("blocks.1.mlp.fc2.weight").toFloats(); // (60, 240)

        assertThat(constants.elements("blocks.1.mlp.fc2.weight.stage2")).isEqualTo(4L * 24 * 24);
        ByteBuffer second = constants.leading("blocks.1.mlp.fc2.weight.stage2", 4L * 24 * 24);
        for (int in = 0; in < 96; in++) {
            for (int out = 0; out < 24; out++) {
                assertThat(second.getFloat()).isEqualTo(full[out * 240 + in]);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"SHARED, true", "FOLDED, false", "EMBEDDED, false"})
    void onlySharedWeightsAreJoinedInTheGraphs(OnnxExport.Layout layout, boolean joined) throws IOException {
        ExportedModel exported = DRAWN.export(folder, layout);

        String last = Files.readString(exported.graph(3), StandardCharsets.ISO_8859_1);
        assertThat(last.contains("Concat")).isEqualTo(joined);
        assertThat(last).contains("blocks.1.attn.qkv.0.weight");
    }

    @ParameterizedTest
    @EnumSource(OnnxExport.Layout.class)
    void onnxsOwnCheckerFindsNothingWrong(OnnxExport.Layout layout) throws Exception {
        ExportedModel exported = DRAWN.export(folder, layout);
        String asked = System.getenv("THINKINGVIT_PYTHON");
        String python = asked == null ? "python3" : asked;
        assumeTrue(run(python, "import onnx") == 0, python + " has no onnx; name one that has with THINKINGVIT_PYTHON");

        for (ExportedModel.Stage stage : exported.stages()) {
            String check = "import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True)";
            assertThat(run(python, check, exported.graph(stage.stage()).toString()))
                    .as(stage.file())
                    .isZero();
        }
    }

    private int run(String python, String program, String... arguments) throws InterruptedException {
        List<String> command = new ArrayList<>(List.of(python, "-c", program));
        command.addAll(List.of(arguments));
        try {
            Process process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!process.waitFor(2, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                return -1;
            }
            return process.exitValue();
        } catch (IOException e) {
            return -1; // there is no such program
        }
    }

    @Test
    void anExportOverAnotherLeavesNothingOfIt() throws IOException {
        DRAWN.export(folder, OnnxExport.Layout.SHARED);
        Files.writeString(folder.resolve("notes.txt"), "mine");
        Path killed = Files.createDirectory(folder.resolve(".thinkingvit-export1"));
        Files.writeString(killed.resolve("stage1.onnx"), "half");

        Drawn.of(new ThinkingViTConfig(32, 4, 48, 1, 6, List.of(3, 6), 10, 1e-6))
                .export(folder, OnnxExport.Layout.EMBEDDED);

        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            ".lock", "notes.txt", "stage1-2.onnx", "stage2-2.onnx", "thinkingvit.json");
        }
        assertThat(ExportedModel.read(folder).config().network().stages()).isEqualTo(2);
    }

    @Test
    void whatFailsLeavesTheLastExportAsItWas() throws IOException {
        ExportedModel before = DRAWN.export(folder, OnnxExport.Layout.SHARED);
        Map<String, HostTensor> damaged = new LinkedHashMap<>(DRAWN.weights());
        damaged.remove("norm.bias");

        assertThatThrownBy(() -> OnnxExport.write(folder, DRAWN.config(), damaged, OnnxExport.Layout.SHARED, "test"))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining("norm.bias is missing");
        assertThat(ExportedModel.read(folder)).isEqualTo(before);
    }

    @Test
    void aGraphThatNoReaderWouldTakeIsRefusedBeforeTheWork() {
        ThinkingViTConfig huge = ThinkingViTConfig.imagenet(12, 48);
        assertThatThrownBy(() -> OnnxExport.requireEmbeddable(folder, huge, Precision.FP32))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(folder.resolve("stage2.onnx") + ": would take 5")
                .hasMessageEndingWith(" bytes with its weights inside, ONNX files hold at most 2147483647; without"
                        + " --embed the weights go into a file of their own");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "router" :               | "rooter" :                  | router: is missing
            "version" : 1            | "version" : 2               | thinkingvit-onnx of version 2 came
            "thinkingvit-onnx"       | "onnx"                      | format thinkingvit-onnx of version 1 is required
            "labels" : [ ]           | "labels" : [ ], "more" : 1  | more: the key is unknown; known are
            "crop_pct"               | "crop"                      | preprocessing.crop
            "heads" : 2              | "heads" : 3                 | stages[1] does not fit the network
            "file" : "stage2.onnx"   | "file" : "../stage2.onnx"   | must be the name of a file in the folder
            "weights.bin"            | "/etc/passwd"               | must be the name of a file in the folder
            "router" : "entropy"     | "router" : null             | router must be a name, got null
            "thresholds" : [ 1.9 ]   | "thresholds" : [ 1, 2, 3 ]  | takes 1 or 2, got 3
            "thresholds" : [ 1.9 ]   | "thresholds" : [ null ]     | thresholds[0] must be a value, got null
            "labels" : [ ]           | "labels" : [ null ]         | labels[0] must be a value, got null
            "bicubic"                | "nearest"                   | interpolation must be bicubic or bilinear
            "depth" : 2              | "depth" : 2.5               | depth must be a whole number
            "depth" : 2              | "depth" : "2"               | depth must be a whole number
            "depth" : 2              | "depth" : 2, "depth" : 3    | Duplicate
            "stage" : 2              | "stage" : 1                 | stages[1] does not fit the network
            "calibration" : null     | "calibration" : {"data": "d", "images": 1, "target": "t", "curve": null, "bf16": null} | calibration: null is where a value is needed
            "calibration" : null     | "calibration" : {"data": "d", "images": 1, "target": "t", "curve": [null], "bf16": null} | calibration: null is where a value is needed
            {                        | [                           | thinkingvit.json
            """)
    void whatADescriptionMustNotSayIsNamed(String original, String changed, String message) throws IOException {
        DRAWN.export(folder, OnnxExport.Layout.SHARED);
        Path file = folder.resolve("thinkingvit.json");
        String text = Files.readString(file);
        assertThat(text).contains(original);
        int at = text.indexOf(original);
        Files.writeString(file, text.substring(0, at) + changed + text.substring(at + original.length()));

        assertThatThrownBy(() -> ExportedModel.read(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n", "java", "Cannot invoke");
    }

    @Test
    void aDescriptionThatIsNullIsNoDescription() throws IOException {
        Path file = Files.writeString(folder.resolve("thinkingvit.json"), "null");
        assertThatThrownBy(() -> ExportedModel.read(folder)).hasMessage(file + ": an object is needed, null came");
        DRAWN.export(folder, OnnxExport.Layout.SHARED);
        String text = Files.readString(file);
        Files.writeString(file, text.replaceAll("(\"thinking_stages\" : )\\[[^]]*]", "$1null"));
        assertThatThrownBy(() -> ExportedModel.read(folder)).hasMessageEndingWith("thinking_stages is missing");
    }

    @Test
    void missingAndTruncatedFilesAreNamed() throws IOException {
        assertThatThrownBy(() -> ExportedModel.read(folder))
                .hasMessage(folder.resolve("thinkingvit.json")
                        + ": is missing: 'export' writes it last, so that a folder with one is complete");
        DRAWN.export(folder, OnnxExport.Layout.SHARED);
        Path weights = folder.resolve("weights.bin");
        long bytes = Files.size(weights);
        try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.setLength(bytes - 1);
        }
        assertThatThrownBy(() -> ExportedModel.read(folder))
                .hasMessage(weights + ": truncated or of another export: " + bytes + " bytes are required, it has "
                        + (bytes - 1));
        Files.delete(weights);
        assertThatThrownBy(() -> ExportedModel.read(folder))
                .hasMessage(weights + ": is missing: the graphs of all stages read their weights from it");
        Files.delete(folder.resolve("stage3.onnx"));
        assertThatThrownBy(() -> ExportedModel.read(folder))
                .hasMessage(folder.resolve("stage3.onnx") + ": is missing: thinkingvit.json names it for stage 3");
    }
}
