package dev.thinkingvit.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.inference.RandomModel;
import dev.thinkingvit.inference.TrainingView;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.DynamicBackbone;
import dev.thinkingvit.model.DynamicViTConfig;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.onnx.OnnxRuntime;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class VerificationTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final Path MODEL = REFERENCE.resolve("vit-3h-6h");

    @TempDir
    Path directory;

    private Map<String, HostTensor> tensors;
    private Map<String, String> metadata;

    @BeforeEach
    void readTheRecording() {
        Safetensors.Contents contents = Safetensors.read(MODEL.resolve("expected.safetensors"));
        tensors = new LinkedHashMap<>(contents.tensors());
        metadata = new LinkedHashMap<>(contents.metadata());
    }

    @ParameterizedTest
    @CsvSource({"vit-3h-6h, 14", "vit-2h-3h-6h, 18"})
    void theTrainingViewComputesTheRecordedActivations(String model, int count) {
        try (Backbone view = TrainingView.of(ModelDirectory.read(REFERENCE.resolve(model)))) {
            assertAgrees(verify(view, REFERENCE.resolve(model).resolve("expected.safetensors")), count);
        }
    }

    @ParameterizedTest
    @CsvSource({"vit-3h-6h, 14", "vit-2h-3h-6h, 18"})
    void thePackedViewComputesTheRecordedActivations(String model, int count) {
        try (Backbone view = packed(REFERENCE.resolve(model))) {
            assertAgrees(verify(view, REFERENCE.resolve(model).resolve("expected.safetensors")), count);
        }
    }

    @ParameterizedTest
    @CsvSource({"dynamicvit, 9", "dynamicvit-wide, 12", "dynamicvit-plain, 6"})
    void everyExecutorLeavesOutTheTokensThatTheRecordingLeavesOut(String model, int count) {
        Path folder = REFERENCE.resolve(model);
        ModelDirectory.Model read = ModelImport.read(folder, null, Weights.AUTO).model();
        DynamicViTConfig pruned = DynamicViTConfig.of(read.config().network());
        ExportedModel export = OnnxExport.write(
                directory.resolve("export"), read.config(), read.weights(), OnnxExport.Layout.SHARED, "test");
        Map<String, HostTensor> body = pruned.vit().ownOf(read.weights());
        try (Backbone packed = PackedBackbone.of(pruned, read.weights(), Precision.FP32);
                Backbone training = NestedBackbone.of(pruned, read.weights(), Precision.FP32, TorchDevice.CPU);
                Backbone exported = OnnxRuntime.open(export, 1);
                Backbone whole = PackedBackbone.of(pruned.vit(), body, Precision.FP32)) {
            for (Backbone each : List.of(packed, training, exported)) {
                Verification verdict = Verification.of(
                        each,
                        null,
                        folder.resolve("expected.safetensors"),
                        Verification.DEFAULT_TOLERANCE,
                        false,
                        whole);
                assertThat(verdict.lines())
                        .as("%s", each)
                        .allMatch(Verification.Line::ok)
                        .hasSize(count);
            }
            assertThat(verify(packed, folder.resolve("expected.safetensors")).lines().stream()
                            .filter(line -> !line.ok()))
                    .singleElement()
                    .satisfies(line -> assertThat(line.note()).contains("no model that leaves tokens out"));
        }
    }

    /** Of crops that are larger than those it was trained on, and filled up; one recording a decoder. */
    @ParameterizedTest
    @ValueSource(strings = {"segmenter-linear", "segmenter-mask"})
    void aSegmenterComputesTheRecordedMasks(String model) {
        ModelDirectory.Model read = ModelDirectory.read(REFERENCE.resolve(model));
        for (DynamicBackbone.Packer packer : List.<DynamicBackbone.Packer>of(
                (sized, weights) -> PackedBackbone.of(sized, weights, Precision.FP32),
                (sized, weights) -> NestedBackbone.of(sized, weights, Precision.FP32, TorchDevice.CPU))) {
            try (Backbone view = DynamicBackbone.of(read.config().network(), read.weights(), packer)) {
                assertAgrees(verify(view, REFERENCE.resolve(model).resolve("expected.safetensors")), 8);
            }
        }
    }

    @Test
    void windowsEndWhereTheRecordedOnesDoAndMergeToTheSamePicture() {
        Path folder = REFERENCE.resolve("segmenter-window");
        ModelDirectory.Model read = ModelDirectory.read(folder);
        try (Backbone view = PackedBackbone.of(read.config().network(), read.weights(), Precision.FP32)) {
            assertAgrees(verify(view, folder.resolve("expected.safetensors")), 20);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "windows.anchor, 1 of 12 coordinates differ",
        "routed@1.5345.windows.stage, 1 of 6 windows end at another stage",
        "multi.3.windows, 1 of 1 counts differ",
        "multi.routed@1.5345.prediction, 1 of 5307 pixels are of another class"
    })
    void aWindowThatIsNotTheRecordedOneIsOut(String name, String note) {
        Path folder = REFERENCE.resolve("segmenter-window");
        Safetensors.Contents contents = Safetensors.read(folder.resolve("expected.safetensors"));
        Map<String, HostTensor> spoilt = new LinkedHashMap<>(contents.tensors());
        HostTensor tensor = spoilt.get(name);
        long[] values = new long[(int) tensor.elements()];
        float[] before = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
            values[i] = (long) before[i] + (i == 0 ? 1 : 0);
        }
        spoilt.put(name, HostTensor.of(values, tensor.shape()));
        Path file = directory.resolve("spoilt.safetensors");
        Safetensors.write(file, spoilt, contents.metadata());
        ModelDirectory.Model read = ModelDirectory.read(folder);
        try (Backbone view = PackedBackbone.of(read.config().network(), read.weights(), Precision.FP32)) {
            Verification verdict = verify(view, file);
            assertThat(verdict.failures()).isEqualTo(1);
            assertThat(line(verdict, name).note()).isEqualTo(note);
        }
    }

    @Test
    void masksOfANetworkThatNamesNoPixelsAreOut() {
        tensors.put("stage1.masks", tensors.get("stage1.logits"));
        assertThat(line(verify(), "stage1.masks").note()).isEqualTo("the model names no pixels");
    }

    @Test
    void aModelOfFourStagesIsJudgedByItsOwnRecording() {
        RandomModel model = RandomModel.draw(3);
        Path recording = model.record(directory.resolve("four.safetensors"), 21, "entropy");

        try (Backbone packed = PackedBackbone.of(model.config(), model.weights(), Precision.FP32)) {
            // four tensors a stage, two a threshold
            assertAgrees(verify(packed, recording), 4 * 4 + 2 * 3);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "stage1.logits",
                "stage2.tokens",
                "stage1.entropy",
                "stage2.entropy_top10",
                "routed@0.2799.logits"
            })
    void oneValueThatDiffersIsOut(String name) {
        float[] values = tensors.get(name).toFloats();
        values[values.length / 2] += 2e-3f; // values above 10 are allowed 1e-3
        tensors.put(name, HostTensor.of(values, tensors.get(name).shape()));

        Verification verdict = verify();

        assertThat(verdict.passed()).isFalse();
        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, name).ok()).isFalse();
        assertThat(line(verdict, name).largestDifference()).isBetween(1.9e-3, 2.1e-3);
    }

    @Test
    void aLargerToleranceForgives() {
        float[] values = tensors.get("stage1.logits").toFloats();
        values[0] += 1e-3f;
        tensors.put("stage1.logits", HostTensor.of(values, 8, 20));

        assertThat(verify(2e-3).passed()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"5e-4, true", "2e-3, false"})
    void aTensorWithLargeValuesMayDifferTenTimesAsMuch(float difference, boolean ok) {
        RandomModel model = RandomModel.draw(5);
        float[] head = model.weights().get("head.weight").toFloats();
        for (int i = 0; i < head.length; i++) {
            head[i] *= 10;
        }
        model.weights().put("head.weight", HostTensor.of(head, 13, 60));
        Path recording = model.record(directory.resolve("large.safetensors"), 4, "entropy");
        Map<String, HostTensor> recorded =
                new LinkedHashMap<>(Safetensors.read(recording).tensors());
        float[] logits = recorded.get("stage4.logits").toFloats();
        logits[0] += difference;
        recorded.put("stage4.logits", HostTensor.of(logits, 4, 13));
        Safetensors.write(recording, recorded, Map.of("certainty", "entropy"));

        try (Backbone packed = PackedBackbone.of(model.config(), model.weights(), Precision.FP32)) {
            Verification.Line line = line(verify(packed, recording), "stage4.logits");
            assertThat(line.allowed()).isEqualTo(1e-3);
            assertThat(line.ok()).isEqualTo(ok);
        }
    }

    @Test
    void oneImageThatEndsAtAnotherStageIsOut() {
        float[] stages = tensors.get("routed@0.2799.stage").toFloats();
        long[] changed = new long[stages.length];
        for (int i = 0; i < changed.length; i++) {
            changed[i] = (long) stages[i];
        }
        changed[3] = 3 - changed[3];
        tensors.put("routed@0.2799.stage", HostTensor.of(changed, changed.length));

        Verification verdict = verify(1e9);

        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, "routed@0.2799.stage").note()).isEqualTo("1 of 8 images end at another stage");
    }

    @Test
    void anotherShapeIsOutAndBothAreShown() {
        tensors.put("stage1.logits", HostTensor.of(new float[8 * 21], 8, 21));

        Verification.Line line = line(verify(), "stage1.logits");

        assertThat(line.ok()).isFalse();
        assertThat(line.note()).isEqualTo("expected shape [8, 21], came [8, 20]");
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void whatIsNoNumberIsOut(float value) {
        float[] values = tensors.get("stage2.logits").toFloats();
        values[7] = value;
        tensors.put("stage2.logits", HostTensor.of(values, 8, 20));

        Verification.Line line = line(verify(1e9), "stage2.logits");

        assertThat(line.ok()).isFalse();
        assertThat(line.note()).isEqualTo("the recording has " + value + " at element 7");
    }

    @Test
    void aModelThatComputesNoNumbersIsOutEverywhere() {
        float[] values = tensors.get("input").toFloats();
        Arrays.fill(values, Float.NaN);
        tensors.put("input", HostTensor.of(values, 8, 3, 64, 64));
        tensors.keySet().removeIf(name -> name.startsWith("routed"));

        assertThat(verify(1e9).lines()).hasSize(8).noneMatch(Verification.Line::ok);
    }

    @ParameterizedTest
    @CsvSource({
        "stage1.colours, not checked: unknown kind of tensor",
        "stage1.token_depth, not checked: unknown kind of tensor",
        "halting_score_layer, not checked: no tokens halt in this model",
        "stage1.logits.old, not checked: unknown kind of tensor",
        "stage3.logits, the model has stages 1 to 2",
        "stage0.tokens, the model has stages 1 to 2",
        "routed@low.logits, not checked: 'low' is no threshold",
        "'routed@0.1,0.2,0.3.logits', not checked: a model of 2 stages takes 1 threshold, got 3"
    })
    void aTensorThatCannotBeCheckedIsAFailure(String name, String reason) {
        tensors.put(name, HostTensor.of(new float[8 * 20], 8, 20));

        Verification verdict = verify();

        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, name).note()).startsWith(reason);
    }

    @Test
    void routingNeedsAKnownMeasure() {
        metadata.put("certainty", "temperature");
        assertThat(verify().failures()).isEqualTo(6);

        metadata.remove("certainty");
        Verification verdict = verify();
        assertThat(verdict.failures()).isEqualTo(6);
        assertThat(line(verdict, "routed@0.0.stage").note()).contains("names no certainty measure");
    }

    @Test
    void theMeasureOfTheMetadataRoutes() {
        metadata.put("certainty", "max_probability"); // at threshold 0.0 it stops everything at stage 1

        assertThat(line(verify(), "routed@0.0.stage").note()).isEqualTo("8 of 8 images end at another stage");
    }

    @Test
    void aRecordingOfOtherStagesIsOut() {
        metadata.put("thinking_stages", "2,3,6");

        assertThat(line(verify(), "thinking_stages").note())
                .isEqualTo("the recording is of stages 2,3,6, the model has 2 stages");
    }

    @Test
    void aRecordingWithoutUsableInputIsRefused() {
        HostTensor input = tensors.remove("input");
        assertRefused("tensor input is missing");

        tensors.put("input", HostTensor.of(input.toFloats(), 8, 3, 32, 128));
        assertRefused("expected floating point [B, 3, 64, 64], came F32 [8, 3, 32, 128]");

        tensors.put("input", HostTensor.of(new byte[3 * 64 * 64], 1, 3, 64, 64));
        assertRefused("came U8 [1, 3, 64, 64]");

        tensors.put("input", HostTensor.of(new float[0], 0, 3, 64, 64));
        assertRefused("came F32 [0, 3, 64, 64]");
    }

    @Test
    void aRecordingWithNothingToCompareIsRefused() {
        tensors.keySet().retainAll(Set.of("input"));
        assertRefused("has nothing to compare beside input");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY})
    void aToleranceThatForgivesEverythingOrNothingIsRefused(double tolerance) {
        assertThatThrownBy(() -> verify(tolerance))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("tolerance");
    }

    private Verification verify() {
        return verify(Verification.DEFAULT_TOLERANCE);
    }

    private Verification verify(double tolerance) {
        Path file = directory.resolve("expected.safetensors");
        Safetensors.write(file, tensors, metadata);
        try (Backbone view = packed(MODEL)) {
            return Verification.of(view, file, tolerance);
        }
    }

    private void assertRefused(String reason) {
        assertThatThrownBy(this::verify)
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(directory.toString())
                .hasMessageContaining(reason);
    }

    private static Verification verify(Backbone view, Path recording) {
        return Verification.of(view, recording, Verification.DEFAULT_TOLERANCE);
    }

    private static void assertAgrees(Verification verdict, int count) {
        assertThat(verdict.lines())
                .hasSize(count)
                .allSatisfy(line -> assertThat(line.ok()).as(line.toString()).isTrue());
        assertThat(verdict.passed()).isTrue();
    }

    private static PackedBackbone packed(Path model) {
        ModelDirectory.Model read = ModelDirectory.read(model);
        return PackedBackbone.of(read.config().network(), read.weights(), Precision.FP32);
    }

    private static Verification.Line line(Verification verdict, String name) {
        return verdict.lines().stream()
                .filter(line -> line.name().equals(name))
                .findFirst()
                .orElseThrow();
    }
}
