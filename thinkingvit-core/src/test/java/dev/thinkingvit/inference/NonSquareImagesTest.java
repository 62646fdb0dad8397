package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.verify.Verification;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that are not as high as wide. Recorded with timm 1.0.31 of random weights, pictures included. */
@NullUnmarked // a null fails the test
class NonSquareImagesTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"vit-24x40", "swin-24x64", "swin-28x36"}) // the last merges odd grids
    void everyExecutorGivesWhatTimmRecorded(String name) {
        Path path = REFERENCE.resolve(name);
        ModelDirectory.Model model = ModelDirectory.read(path);
        NetworkConfig network = model.config().network();
        OnnxExport.write(folder, model.config(), model.weights(), OnnxExport.Layout.SHARED, "test");
        try (Backbone packed = PackedBackbone.of(network, model.weights(), Precision.FP32);
                Backbone nested = NestedBackbone.of(network, model.weights(), Precision.FP32, TorchDevice.CPU);
                ElasticClassifier onnx = ElasticClassifier.open(folder)) {
            for (Backbone backbone : List.of(packed, nested, onnx.engine().backbone())) {
                Verification verification = Verification.of(backbone, path.resolve("expected.safetensors"), 1e-5);
                assertThat(verification.lines()).hasSize(2).allMatch(Verification.Line::ok);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit-24x40", "swin-24x64"})
    void picturesAreResizedAndCroppedAsTimmDoes(String name) throws IOException {
        Path path = REFERENCE.resolve(name);
        float[] input = Safetensors.read(path.resolve("expected.safetensors"))
                .tensors()
                .get("input")
                .toFloats();
        ModelConfig config = ModelDirectory.read(path).config();
        int length = config.preprocessing().floatsPerPicture();
        for (int picture = 0; picture < 3; picture++) {
            float[] ours =
                    config.preprocessing().toInput(PictureDecoder.decode(path.resolve("picture" + picture + ".png")));
            for (int i = 0; i < length; i++) {
                assertThat(ours[i]).isCloseTo(input[picture * length + i], within(1e-6f));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit-24x40", "swin-24x64"})
    void anEmbeddingIsWhatTheClassifierReads(String name) throws IOException {
        Path path = REFERENCE.resolve(name);
        HostTensor recorded = Safetensors.read(path.resolve("embeddings.safetensors"))
                .tensors()
                .get("pre_logits");
        int width = (int) recorded.shape()[1];
        try (ElasticClassifier classifier = ElasticClassifier.open(path)) {
            for (int picture = 0; picture < 3; picture++) {
                float[] ours = classifier
                        .embed(path.resolve("picture" + picture + ".png"))
                        .values();
                assertThat(ours).hasSize(width);
                for (int i = 0; i < width; i++) {
                    assertThat(ours[i]).isCloseTo(recorded.toFloats()[picture * width + i], within(1e-5f));
                }
            }
        }
    }

    static Stream<NetworkConfig> thinking() {
        return Stream.of(
                new ThinkingViTConfig(new ImageSize(40, 16), 8, 32, 2, 4, List.of(1, 3), 6, 1e-6),
                new SwinConfig(
                        new ImageSize(24, 64),
                        4,
                        8,
                        List.of(2, 2),
                        List.of(2, 4),
                        List.of(4, 4),
                        List.of(List.of(1, 3), List.of(2, 4)),
                        5));
    }

    @ParameterizedTest
    @MethodSource("thinking")
    void everyExecutorRecyclesTheSameGrid(NetworkConfig network) {
        Map<String, HostTensor> weights =
                new LinkedHashMap<>(network.parameters().draw(5));
        weights.put("alpha.0", HostTensor.of(new float[] {0.7f}, 1));
        OnnxExport.write(folder, ModelConfig.of(network), weights, OnnxExport.Layout.SHARED, "test");
        try (Backbone packed = PackedBackbone.of(network, weights, Precision.FP32);
                Backbone nested = NestedBackbone.of(network, weights, Precision.FP32, TorchDevice.CPU);
                ElasticClassifier onnx = ElasticClassifier.open(folder)) {
            List<float[]> expected = run(nested);
            for (Backbone backbone : List.of(packed, onnx.engine().backbone())) {
                List<float[]> ours = run(backbone);
                for (int stage = 0; stage < 2; stage++) {
                    assertThat(ours.get(stage)).containsExactly(expected.get(stage), within(1e-5f));
                }
            }
        }
    }

    /** Each stage's predictions. */
    private static List<float[]> run(Backbone backbone) {
        ImageSize size = backbone.imageSize();
        SplittableRandom random = new SplittableRandom(2);
        float[] values = new float[3 * size.values()];
        IntStream.range(0, values.length).forEach(i -> values[i] = (float) random.nextGaussian());
        return ComputeThread.call(() -> {
            List<float[]> predictions = new ArrayList<>();
            try (Scope scope = new Scope()) {
                NativeTensor images = NativeArray.floats(values, 0, 3, 3, size.height(), size.width());
                NativeTensor tokens = null;
                for (int stage = 1; stage <= backbone.stages(); stage++) {
                    StageOutput output = backbone.run(stage, images, tokens);
                    tokens = output.tokens();
                    predictions.add(output.prediction().toFloats());
                }
            }
            return predictions;
        });
    }

    @Test
    void heightAndWidthAreReadAndWrittenAndASquareIsOneNumber() throws IOException {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve("vit-24x40"));
        assertThat(model.config().network().imageSize()).isEqualTo(new ImageSize(24, 40));
        ModelDirectory.write(folder, model.config(), model.weights());
        ModelConfig written = ModelDirectory.read(folder).config();
        assertThat(written.network()).isEqualTo(model.config().network());
        assertThat(written.preprocessing()).isEqualTo(model.config().preprocessing());

        ModelDirectory.Model square = model.with(size(new ImageSize(32, 32)));
        Path other = folder.resolve("square");
        ModelDirectory.write(other, square.config(), square.weights());
        assertThat(Files.readString(other.resolve(ModelDirectory.CONFIG))).containsPattern("\"img_size\" ?: 32,");
    }

    @Test
    void positionsAreResampledFromAnyGridToAnyOther() {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve("vit-24x40"));
        ModelDirectory.Model tall = model.with(size(new ImageSize(64, 16)));
        assertThat(tall.weights().get("pos_embed").shape()).containsExactly(1, 1 + 8 * 2, 16);
        assertThat(tall.config().preprocessing().size()).isEqualTo(new ImageSize(64, 16));
        assertThatThrownBy(() -> model.with(size(new ImageSize(64, 20))))
                .hasMessageContaining("multiple of the patch size 8, at most 2048, such as 64 × 16; got 64 × 20");
    }

    @Test
    void anExportTakesImagesOfOneSizeAndNamesIt() {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve("vit-24x40"));
        OnnxExport.write(folder, model.config(), model.weights(), OnnxExport.Layout.SHARED, "test");
        ExportedModel exported = ExportedModel.read(folder);
        assertThat(exported.config().preprocessing()).isEqualTo(model.config().preprocessing());
        assertThatThrownBy(() -> exported.with(size(new ImageSize(40, 24))))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("pictures of one size, 24 × 40; got 40 × 24")
                .hasMessageContaining("--input-size 40 24");
    }

    private static PreprocessingChange size(ImageSize size) {
        return new PreprocessingChange(size, null, null, null, null);
    }
}
