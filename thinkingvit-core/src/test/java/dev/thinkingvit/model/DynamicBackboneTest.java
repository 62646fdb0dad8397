package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.inference.Classification;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Embedding;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Pooling;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class DynamicBackboneTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/vit-24x40");
    private static final ThinkingViTConfig VIT =
            new ThinkingViTConfig(new ImageSize(16, 24), 8, 24, 2, 3, List.of(1, 3), 5, 1e-6);
    private static final Map<String, HostTensor> WEIGHTS = new Specimen("", VIT).weights();

    @TempDir
    private Path folder;

    private static DynamicBackbone open(NetworkConfig config, Map<String, HostTensor> weights) {
        return DynamicBackbone.of(config, weights, (sized, them) -> PackedBackbone.of(sized, them, Precision.FP32));
    }

    private static float[] images(int count, ImageSize size) {
        float[] values = new float[count * size.values()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(0.37 * i);
        }
        return values;
    }

    /** Logits and tokens of all stages, one after the other. */
    private static List<float[]> run(Backbone backbone, int count) {
        return Form.compute(() -> {
            try (Scope scope = new Scope()) {
                ImageSize size = backbone.imageSize();
                NativeTensor images = NativeArray.floats(images(count, size), 0, count, 3, size.height(), size.width());
                List<float[]> left = new ArrayList<>();
                NativeTensor tokens = null;
                for (int stage = 1; stage <= backbone.stages(); stage++) {
                    StageOutput output = backbone.run(stage, images, tokens);
                    tokens = output.tokens();
                    left.add(output.prediction().toFloats());
                    left.add(tokens.toFloats());
                }
                return left;
            }
        });
    }

    /** Recorded with timm 1.0.31 and {@code dynamic_img_size=True}. */
    @ParameterizedTest
    @CsvSource({"24, 40", "40, 24", "32, 32", "16, 56", "8, 8", "96, 64"})
    void givesWhatTimmGivesForImagesOfThatSize(int height, int width) {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE);
        Map<String, HostTensor> recorded =
                Safetensors.read(REFERENCE.resolve("dynamic.safetensors")).tensors();
        try (DynamicBackbone backbone = open(model.config().network(), model.weights())) {
            List<float[]> ours = run(backbone.at(new ImageSize(height, width)), 2);
            String size = height + "x" + width;
            assertThat(ours.get(0))
                    .containsExactly(recorded.get(size + ".logits").toFloats(), within(1e-5f));
            assertThat(ours.get(1))
                    .containsExactly(recorded.get(size + ".tokens").toFloats(), within(1e-5f));
        }
    }

    @Test
    void batchesOfSeveralSizesGoThroughOneEngine() {
        List<ImageSize> sizes = List.of(new ImageSize(16, 24), new ImageSize(24, 16), ImageSize.square(40));
        try (ElasticEngine engine = new ElasticEngine(open(VIT, WEIGHTS))) {
            for (int round = 0; round < 3; round++) {
                for (ImageSize size : sizes) {
                    NetworkConfig network = VIT.withImageSize(size);
                    List<StopPolicy> policies = Collections.nCopies(5, StopPolicy.of(Routers.ENTROPY, 1.2));
                    List<Outcome> ours = engine.run(images(5, size), size, policies);
                    try (ElasticEngine alone = new ElasticEngine(
                            PackedBackbone.of(network, VIT.resized(WEIGHTS, network), Precision.FP32))) {
                        List<Outcome> theirs = alone.run(images(5, size), policies);
                        for (int i = 0; i < 5; i++) {
                            assertThat(ours.get(i).stage())
                                    .isEqualTo(theirs.get(i).stage());
                            assertThat(ours.get(i).decisive().logits())
                                    .containsExactly(theirs.get(i).decisive().logits());
                            assertThat(ours.get(i).macs())
                                    .isEqualTo(theirs.get(i).macs());
                        }
                    }
                }
            }
        }
    }

    @Test
    void onlyTheLastSizesAreKept() {
        AtomicInteger packed = new AtomicInteger();
        try (DynamicBackbone backbone = DynamicBackbone.of(VIT, WEIGHTS, (sized, them) -> {
            packed.incrementAndGet();
            return PackedBackbone.of(sized, them, Precision.FP32);
        })) {
            long each = backbone.weightBytes();
            List<float[]> first = run(backbone, 2);
            for (int round = 0; round < 2; round++) {
                for (int columns = 1; columns <= 9; columns++) {
                    run(backbone.at(new ImageSize(8, 8 * columns)), 1);
                }
            }
            assertThat(packed).hasValue(1 + 2 * 9);
            assertThat(backbone.weightBytes()).isLessThan((DynamicBackbone.KEPT + 1) * each);
            run(backbone.at(new ImageSize(8, 72)), 1);
            assertThat(packed).as("the last size is still there").hasValue(1 + 2 * 9);
            List<float[]> again = run(backbone, 2);
            for (int i = 0; i < first.size(); i++) {
                assertThat(again.get(i)).containsExactly(first.get(i));
            }
        }
    }

    @Test
    void callersOnManyThreadsWithASizeEachDoNotDisturbOneAnother() throws Exception {
        List<ImageSize> sizes = new ArrayList<>();
        for (int columns = 1; columns <= 7; columns++) {
            sizes.add(new ImageSize(8, 8 * columns));
        }
        ExecutorService callers = Executors.newFixedThreadPool(7);
        try (ElasticEngine engine = new ElasticEngine(open(VIT, WEIGHTS))) {
            List<Callable<List<Outcome>>> calls = new ArrayList<>();
            for (int i = 0; i < 70; i++) {
                ImageSize size = sizes.get(i % 7);
                calls.add(() -> engine.run(
                        images(3, size), size, Collections.nCopies(3, StopPolicy.alwaysThink(Routers.ENTROPY))));
            }
            List<Future<List<Outcome>>> done = callers.invokeAll(calls);
            for (int i = 7; i < 70; i++) {
                for (int image = 0; image < 3; image++) {
                    assertThat(done.get(i).get().get(image).decisive().logits())
                            .containsExactly(
                                    done.get(i % 7).get().get(image).decisive().logits());
                }
            }
        } finally {
            callers.shutdown();
        }
    }

    @Test
    void sizesThatCannotBeAreRefusedInWords() {
        try (ElasticEngine engine = new ElasticEngine(open(VIT, WEIGHTS));
                ElasticEngine fixed = new ElasticEngine(PackedBackbone.of(VIT, WEIGHTS, Precision.FP32))) {
            List<StopPolicy> policies = List.of(StopPolicy.alwaysThink(Routers.ENTROPY));
            assertThatThrownBy(() -> engine.run(images(1, new ImageSize(20, 24)), new ImageSize(20, 24), policies))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("multiple of the patch size 8")
                    .hasMessageContaining("20 × 24");
            assertThatThrownBy(() -> engine.run(images(1, new ImageSize(16, 24)), new ImageSize(24, 24), policies))
                    .hasMessage("1 images of 3 x 24 x 24 take 1728 values, 1152 came");
            assertThatThrownBy(() -> engine.run(new float[0], null, policies))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage("the images' size is null");
            assertThatThrownBy(() -> fixed.run(images(1, new ImageSize(24, 24)), new ImageSize(24, 24), policies))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("images of 16 × 24 pixels are required, of 24 came; a model that is opened with"
                            + " dynamicImageSize takes other sizes");
        }
    }

    @Test
    void aSwinTakesOtherSizesItsBiasesResizedWhereWindowsShrink() {
        SwinConfig swin = new SwinConfig(
                16, 2, 8, List.of(2, 2), List.of(2, 4), List.of(4, 4), List.of(List.of(1, 2), List.of(2, 4)), 3);
        Map<String, HostTensor> weights = new Specimen("", swin).weights();
        try (DynamicBackbone backbone = open(swin, weights)) {
            for (ImageSize size : List.of(new ImageSize(16, 32), ImageSize.square(8))) {
                SwinConfig other = swin.withImageSize(size);
                try (Backbone alone = PackedBackbone.of(other, swin.resized(weights, other), Precision.FP32)) {
                    List<float[]> ours = run(backbone.at(size), 2);
                    List<float[]> theirs = run(alone, 2);
                    for (int i = 0; i < ours.size(); i++) {
                        assertThat(ours.get(i)).containsExactly(theirs.get(i));
                    }
                }
            }
            assertThatThrownBy(() -> backbone.at(ImageSize.square(14)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("img_size 14 is not a multiple of 4");
        }
    }

    @Test
    void aClosedOneRunsNoMoreAtAnySize() {
        DynamicBackbone backbone = open(VIT, WEIGHTS);
        Backbone sized = backbone.at(ImageSize.square(24));
        run(sized, 1);
        sized.close();
        run(sized, 1);
        backbone.close();
        backbone.close();
        for (Backbone each : List.of(backbone, sized)) {
            assertThatThrownBy(() -> run(each, 1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the model is closed");
        }
    }

    @Test
    void aClassifierTakesPreparedInputsOfOtherSizesAfterItsFilesAreGone() throws IOException {
        ModelDirectory.write(folder, ModelConfig.of(VIT), WEIGHTS);
        ImageSize size = new ImageSize(32, 16);
        List<String> names = List.of("a", "b");
        try (ElasticClassifier classifier =
                ElasticClassifier.builder().dynamicImageSize().open(folder)) {
            Files.delete(folder.resolve(ModelDirectory.WEIGHTS));
            StopPolicy stop = StopPolicy.alwaysThink(Routers.ENTROPY);
            List<Classification> classified = classifier.classify(images(2, size), size, names, stop);
            List<Embedding> embedded = classifier.embed(images(2, size), size, names, stop, Pooling.AVG);

            NetworkConfig network = VIT.withImageSize(size);
            try (ElasticEngine alone =
                    new ElasticEngine(PackedBackbone.of(network, VIT.resized(WEIGHTS, network), Precision.FP32))) {
                List<Outcome> theirs = alone.run(images(2, size), 2, stop);
                for (int i = 0; i < 2; i++) {
                    assertThat(classified.get(i).outcome().decisive().logits())
                            .containsExactly(theirs.get(i).decisive().logits());
                    assertThat(embedded.get(i).values()).hasSize(24);
                }
            }
        }
    }

    @Test
    void anExportIsOfOneSize() {
        OnnxExport.write(folder, ModelConfig.of(VIT), WEIGHTS, OnnxExport.Layout.SHARED, "test");
        assertThatThrownBy(() -> ElasticClassifier.builder().dynamicImageSize().open(folder))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("exported models take pictures of 16 × 24 pixels alone");
    }
}
