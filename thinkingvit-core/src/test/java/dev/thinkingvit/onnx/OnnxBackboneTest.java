package dev.thinkingvit.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.TensorException;
import dev.thinkingvit.verify.Verification;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class OnnxBackboneTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");

    @TempDir
    private Path folder;

    @Test
    void anExportThatReplacedAnotherGivesTheSame() {
        Drawn drawn = Drawn.of(Drawn.THREE_STAGES);
        drawn.export(folder, OnnxExport.Layout.SHARED);
        try (Backbone onnx = OnnxRuntime.open(drawn.export(folder, OnnxExport.Layout.SHARED));
                Backbone packed = drawn.packed()) {
            agree(Drawn.run(onnx, 3), Drawn.run(packed, 3));
        }
    }

    @Test
    void theShippedModelGivesItsLogits() {
        ModelDirectory.Model shipped = ModelDirectory.read(Path.of("../models/cifar10-3h-6h"));
        OnnxExport.write(folder, shipped.config(), shipped.weights(), OnnxExport.Layout.SHARED, "test");
        try (ElasticClassifier onnx = ElasticClassifier.open(folder);
                ElasticClassifier torch = ElasticClassifier.of(shipped, Precision.FP32)) {
            for (int count : new int[] {1, 3, 17}) {
                agree(
                        Drawn.run(onnx.engine().backbone(), count),
                        Drawn.run(torch.engine().backbone(), count));
            }
            assertThat(onnx.policy()).isEqualTo(torch.policy());
            assertThat(onnx.config().labels()).isEqualTo(shipped.config().labels());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit-2h-3h-6h", "vit-3h-6h"})
    void anExportAgreesWithWhatThePublishedCodeRecorded(String name) {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve(name));
        ExportedModel exported =
                OnnxExport.write(folder, model.config(), model.weights(), OnnxExport.Layout.SHARED, "test");
        try (Backbone onnx = OnnxRuntime.open(exported)) {
            Path recording = REFERENCE.resolve(name).resolve("expected.safetensors");
            Verification verdict = Verification.of(onnx, recording, Verification.DEFAULT_TOLERANCE);
            assertThat(verdict.lines()).isNotEmpty().allMatch(Verification.Line::ok);
        }
    }

    /** Kept as it was written once: never written anew when a format changes. */
    @Test
    void anExportThatAnEarlierVersionWroteIsStillReadAndAgrees() {
        ExportedModel written = ExportedModel.read(Path.of("src/test/resources/written/export"));
        ExportedModel.Stage last = written.stages().get(1);
        assertThat(last.inputs().stream().map(ExportedModel.Port::name)).containsExactly("images", "previous_tokens");
        assertThat(last.outputs().stream().map(ExportedModel.Port::name)).containsExactly("logits", "tokens");
        try (Backbone onnx = OnnxRuntime.open(written)) {
            Path recording = REFERENCE.resolve("vit-3h-6h").resolve("expected.safetensors");
            Verification verdict = Verification.of(onnx, recording, Verification.DEFAULT_TOLERANCE);
            assertThat(verdict.lines()).isNotEmpty().allMatch(Verification.Line::ok);
        }
    }

    @Test
    void imagesStopWhereTheyStopWithLibtorch() {
        Drawn drawn = Drawn.of(Drawn.THREE_STAGES);
        float[] images = Drawn.images(40, 40);
        try (ElasticEngine onnx = new ElasticEngine(OnnxRuntime.open(drawn.export(folder, OnnxExport.Layout.SHARED)));
                ElasticEngine torch = new ElasticEngine(drawn.packed())) {
            StopPolicy policy = StopPolicy.of(Routers.ENTROPY, middle(torch, images, 1), middle(torch, images, 2));
            List<Outcome> came = onnx.run(images, 40, policy);
            List<Outcome> expected = torch.run(images, 40, policy);

            assertThat(came.stream().map(Outcome::stage))
                    .containsExactlyElementsOf(
                            expected.stream().map(Outcome::stage).toList())
                    .contains(1, 2, 3);
            assertThat(came.stream().map(Outcome::gmacs))
                    .containsExactlyElementsOf(
                            expected.stream().map(Outcome::gmacs).toList());
        }
    }

    /** A threshold halfway between two images. */
    private static double middle(ElasticEngine engine, float[] images, int stage) {
        double[] measures = engine.run(images, 40, StopPolicy.alwaysThink(Routers.ENTROPY)).stream()
                .mapToDouble(outcome -> outcome.stages().get(stage - 1).measure())
                .sorted()
                .toArray();
        return (measures[12] + measures[13]) / 2;
    }

    @Test
    void hundredsOfBatchesLeaveMemoryFlat() throws Exception {
        Drawn drawn = Drawn.of(Drawn.THREE_STAGES);
        float[] images = Drawn.images(8, 40);
        StopPolicy policy = StopPolicy.alwaysThink(Routers.ENTROPY);
        try (ElasticEngine engine =
                new ElasticEngine(OnnxRuntime.open(drawn.export(folder, OnnxExport.Layout.SHARED)))) {
            for (int i = 0; i < 200; i++) {
                engine.run(images, 8, policy);
            }
            long objects = Pointer.totalCount();
            long resident = Pointer.physicalBytes();
            for (int i = 0; i < 600; i++) {
                engine.run(images, 8, policy);
            }
            assertThat(Pointer.totalCount()).isLessThanOrEqualTo(objects);
            // tokens of one batch are 83 KB: kept, they would be 200 MB by now
            assertThat(Pointer.physicalBytes() - resident).isLessThan(100L << 20);
        }
    }

    @ParameterizedTest
    @EnumSource(OnnxExport.Layout.class)
    void anOpenModelDoesNotCareWhatBecomesOfItsFiles(OnnxExport.Layout layout) throws IOException {
        Drawn drawn = Drawn.of(Drawn.THREE_STAGES);
        ExportedModel exported = drawn.export(folder, layout);
        try (Backbone onnx = OnnxRuntime.open(exported);
                Backbone packed = drawn.packed()) {
            for (String name : exported.fileNames()) {
                Files.write(folder.resolve(name), new byte[0]); // cut off in place: what is mapped ends the process
            }
            agree(Drawn.run(onnx, 3), Drawn.run(packed, 3));
        }
    }

    @Test
    void weightsThatAreCutOffAfterTheDescriptionWasReadAreNamed() throws IOException {
        ExportedModel exported = Drawn.of(Drawn.THREE_STAGES).export(folder, OnnxExport.Layout.SHARED);
        Path weights = folder.resolve("weights.bin");
        long length = Files.size(weights);
        try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.setLength(length / 2);
        }
        assertThatThrownBy(() -> OnnxRuntime.open(exported))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(weights + ": truncated or of another export: " + length + " bytes are required, it has "
                        + length / 2);
    }

    @Test
    void weightsThatAGraphDoesNotFitAreNamed() throws IOException {
        ExportedModel exported = Drawn.of(Drawn.THREE_STAGES).export(folder, OnnxExport.Layout.SHARED);
        Path weights = folder.resolve("weights.bin");
        Files.write(weights, new byte[100]);
        ExportedModel lying = new ExportedModel(
                folder,
                exported.config(),
                exported.precision(),
                exported.stages(),
                new ExportedModel.WeightsFile("weights.bin", 100));
        assertThatThrownBy(() -> OnnxRuntime.open(lying))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching(".*weights.bin: of another export: its graph wants \\d+ bytes at \\d+, it has 100");
    }

    @Test
    void aGraphThatIsNoneIsNamed() throws IOException {
        ExportedModel exported = Drawn.of(Drawn.THREE_STAGES).export(folder, OnnxExport.Layout.SHARED);
        byte[] whole = Files.readAllBytes(exported.graph(2));
        for (int length = 0; length < whole.length; length += Math.max(1, whole.length / 50)) {
            Files.write(exported.graph(2), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> OnnxRuntime.open(exported))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageStartingWith(exported.graph(2) + ": ");
        }
    }

    @Test
    void aTruncatedGraphIsNamed() throws IOException {
        ExportedModel exported = Drawn.of(Drawn.THREE_STAGES).export(folder, OnnxExport.Layout.EMBEDDED);
        try (RandomAccessFile file = new RandomAccessFile(exported.graph(2).toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        assertThatThrownBy(() -> OnnxRuntime.open(exported))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(exported.graph(2) + ": ONNX Runtime cannot load it: ")
                .message()
                .doesNotContain("\n", "ORT_");
    }

    @Test
    void anotherStagesGraphIsNotTaken() throws IOException {
        ExportedModel exported = Drawn.of(Drawn.THREE_STAGES).export(folder, OnnxExport.Layout.SHARED);
        Files.copy(exported.graph(3), exported.graph(2), StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> OnnxRuntime.open(exported))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(exported.graph(2) + ": not the stage's graph: inputs [images FLOAT [batch, 3, 40, 40],"
                        + " previous_tokens FLOAT [batch, 26, 12]] are required, [images FLOAT [batch, 3, 40, 40],"
                        + " previous_tokens FLOAT [batch, 26, 24]] came");
    }

    @Test
    void exportedModelsComputeInFp32Only() {
        Drawn.of(Drawn.THREE_STAGES).export(folder, OnnxExport.Layout.SHARED);
        assertThatThrownBy(() -> ElasticClassifier.open(folder, Precision.BF16))
                .hasMessage(folder + ": was exported in fp32, in which alone it computes; bf16 was asked for");
    }

    @Test
    void withoutOnnxRuntimeTheArtifactIsNamed() throws Exception {
        Drawn.of(Drawn.THREE_STAGES).export(folder, OnnxExport.Layout.SHARED);
        try (WithoutOnnxRuntime loader = new WithoutOnnxRuntime()) {
            Class<?> classifier = loader.loadClass(ElasticClassifier.class.getName());
            assertThatThrownBy(() -> classifier.getMethod("open", Path.class).invoke(null, folder))
                    .isInstanceOf(InvocationTargetException.class)
                    .cause()
                    .hasMessage("exported models are run by ONNX Runtime, which is not on the class path: add"
                            + " com.microsoft.onnxruntime:onnxruntime")
                    .extracting(e -> e.getClass().getName())
                    .isEqualTo(TensorException.class.getName());
        }
    }

    /** The library's own classes anew, in a world without ONNX Runtime. */
    private static final class WithoutOnnxRuntime extends URLClassLoader {
        WithoutOnnxRuntime() {
            super(
                    new URL[] {
                        ElasticClassifier.class
                                .getProtectionDomain()
                                .getCodeSource()
                                .getLocation()
                    },
                    OnnxBackboneTest.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("ai.onnxruntime.")) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("dev.thinkingvit.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        }
    }

    private static void agree(List<float[]> came, List<float[]> expected) {
        assertThat(came).hasSameSizeAs(expected);
        for (int i = 0; i < came.size(); i++) {
            assertThat(came.get(i)).hasSameSizeAs(expected.get(i));
            double largest = 0;
            for (int j = 0; j < came.get(i).length; j++) {
                largest = Math.max(largest, Math.abs((double) came.get(i)[j] - expected.get(i)[j]));
            }
            assertThat(largest)
                    .as("%s of stage %d", i % 2 == 0 ? "logits" : "tokens", i / 2 + 1)
                    .isCloseTo(0, within(1e-4));
        }
    }
}
