package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.ClassScores;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.PictureException;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Held to the published code's recorded tokens: {@code B} images, {@code N} tokens, {@code d} a stage's width. */
@NullUnmarked // a null fails the test
class EmbeddingTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final Path PICTURE = REFERENCE.resolve("preprocess/images/picture0.jpg");

    private final ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve("vit-2h-3h-6h"));
    private final ThinkingViTConfig network =
            ThinkingViTConfig.of(model.config().network());
    private final ElasticClassifier classifier = ElasticClassifier.of(model, Precision.FP32);
    private final Map<String, HostTensor> recorded = Safetensors.read(
                    REFERENCE.resolve("vit-2h-3h-6h/expected.safetensors"))
            .tensors();
    private final float[] images = recorded.get("input").toFloats();
    private final List<String> names =
            IntStream.range(0, 8).mapToObj(i -> "image" + i).toList();

    @AfterEach
    void close() {
        classifier.close();
    }

    @ParameterizedTest
    @EnumSource
    void everyStagesEmbeddingIsThatOfThePublishedCode(Pooling pooling) {
        for (int stage = 1; stage <= 3; stage++) {
            List<Embedding> ours = classifier.embed(images, names, StopPolicy.endingAt(stage, 3), pooling);
            for (int i = 0; i < 8; i++) {
                assertThat(ours.get(i).source()).isEqualTo("image" + i);
                assertThat(ours.get(i).stage()).isEqualTo(stage);
                assertThat(ours.get(i).width()).isEqualTo(network.width(stage));
                assertThat(ours.get(i).classification().outcome().stages()).hasSize(stage);
                assertThat(ours.get(i).values()).containsExactly(expected(stage, i, pooling), within(1e-4f));
            }
        }
    }

    @Test
    void picturesThatEndEarlyHaveTheEmbeddingOfTheirStage() {
        StopPolicy policy = StopPolicy.of(Routers.ENTROPY_TOP10, 1.788);
        float[] ends = recorded.get("routed@1.788.stage").toFloats();
        List<Embedding> ours = classifier.embed(images, names, policy, Pooling.TOKEN);
        List<Classification> classified = classifier.classify(images, names, policy);
        for (int i = 0; i < 8; i++) {
            assertThat(ours.get(i).stage()).isEqualTo((int) ends[i]);
            assertThat(ours.get(i).values()).containsExactly(expected((int) ends[i], i, Pooling.TOKEN), within(1e-4f));
            assertThat(ours.get(i).classification().labels())
                    .isEqualTo(classified.get(i).labels());
        }
        assertThat(ours.stream().map(Embedding::stage).distinct()).hasSizeGreaterThan(1);
    }

    @Test
    void aBatchOverManyWorkersKeepsItsOrder() {
        int count = 37;
        int length = images.length / 8;
        float[] many = new float[count * length];
        for (int i = 0; i < count; i++) {
            System.arraycopy(images, i * 5 % 8 * length, many, i * length, length);
        }
        List<Embedding> ours = classifier.embed(
                many,
                IntStream.range(0, count).mapToObj(String::valueOf).toList(),
                StopPolicy.of(Routers.ENTROPY_TOP10, 1.788),
                Pooling.AVG);
        for (int i = 0; i < count; i++) {
            assertThat(ours.get(i).values())
                    .containsExactly(expected(ours.get(i).stage(), i * 5 % 8, Pooling.AVG), within(1e-4f));
        }
    }

    @Test
    void theFullHeadGivesAPaddedEmbeddingTheLogitsOfItsStage() {
        float[] head = model.weights().get("head.weight").toFloats(); // (C, D)
        float[] bias = model.weights().get("head.bias").toFloats();
        int full = network.embedDim();
        Embedding first = classifier
                .embed(images, names, StopPolicy.endingAt(1, 3), Pooling.TOKEN)
                .get(0);
        float[] padded = first.padded(full).values();
        float[] logits = first.classification().outcome().decisive().logits();
        for (int c = 0; c < network.numClasses(); c++) {
            double sum = bias[c];
            for (int k = 0; k < full; k++) {
                sum += head[c * full + k] * padded[k];
            }
            assertThat(logits[c]).isCloseTo((float) sum, within(1e-4f));
        }
    }

    @Test
    void oneFileTakesTheModelsOwnPolicy() throws IOException {
        Embedding one = classifier.embed(PICTURE);
        assertThat(one.source()).isEqualTo(PICTURE.toString());
        assertThat(one.stage()).isEqualTo(classifier.classify(PICTURE).stage());
        assertThat(one.values()).hasSize(network.width(one.stage()));
    }

    @Test
    void eachRequestHasItsOwnWayToStopHoweverItComes() throws IOException {
        byte[] bytes = Files.readAllBytes(PICTURE);
        List<Request> requests = List.of(
                Request.of(PICTURE).stoppingBy(StopPolicy.endingAt(3, 3)),
                Request.of(bytes).named("bytes").stoppingBy(StopPolicy.endingAt(1, 3)));
        List<Embedding> together = classifier.embed(requests, Pooling.AVG);
        List<Embedding> streamed = classifier
                .embed(requests.stream(), 1, Pooling.AVG, e -> {
                    throw new AssertionError(e);
                })
                .toList();
        assertThat(together).extracting(Embedding::stage).containsExactly(3, 1);
        assertThat(together).extracting(Embedding::source).containsExactly(PICTURE.toString(), "bytes");
        for (int i = 0; i < 2; i++) {
            float[] alone = classifier.embed(requests.get(i), Pooling.AVG).values();
            assertThat(together.get(i).values()).containsExactly(alone, within(1e-5f));
            assertThat(streamed.get(i).values()).containsExactly(alone, within(1e-5f));
        }
    }

    @Test
    void aBrokenPictureLosesNoOthersEmbedding() {
        List<Request> requests = List.of(Request.of(new byte[] {1, 2, 3}), Request.of(PICTURE));
        assertThatThrownBy(() -> classifier.embed(requests, Pooling.TOKEN))
                .isInstanceOfSatisfying(BrokenPicturesException.class, e -> {
                    assertThat(e.failures()).containsOnlyKeys(0);
                    assertThat(e.embeddings()).containsOnlyKeys(1);
                    assertThat(e.classifications().get(1).source()).isEqualTo(PICTURE.toString());
                });
        assertThatThrownBy(() -> classifier.embed(requests.get(0), Pooling.TOKEN))
                .isInstanceOf(PictureException.class);
    }

    @Test
    void aStageThatTheModelLacksIsRefused() {
        assertThatThrownBy(() -> StopPolicy.endingAt(4, 3))
                .hasMessage("stage 4 does not exist: the model has stages 1 to 3");
        assertThatThrownBy(() -> StopPolicy.endingAt(0, 1))
                .hasMessage("stage 0 does not exist: the model has one stage");
    }

    @Test
    void eachVectorIsDividedByItsOwnLength() {
        Embedding two = new Embedding(seen(1), 2, new float[] {3, 4, 0, 0});
        assertThat(two.normalized().values()).containsExactly(0.6f, 0.8f, 0, 0);
        Embedding large = new Embedding(seen(1), 2, new float[] {3e30f, 4e30f});
        assertThat(large.normalized().values()).containsExactly(new float[] {0.6f, 0.8f}, within(1e-6f));
    }

    @Test
    void eachVectorIsPaddedWithZeros() {
        Embedding two = new Embedding(seen(1), 2, new float[] {1, 2, 3, 4});
        assertThat(two.padded(3).values()).containsExactly(1, 2, 0, 3, 4, 0);
        assertThat(two.padded(2)).isSameAs(two);
        assertThatThrownBy(() -> two.padded(1)).hasMessage("an embedding 2 wide cannot be padded to 1");
    }

    static Classification seen(int stage) {
        return seen("a.jpg", stage);
    }

    static Classification seen(String source, int stage) {
        StageOutcome thought = new StageOutcome(
                stage,
                new ClassScores(new float[] {0, 1}, new float[] {0.25f, 0.75f}),
                0.5,
                0.5,
                500_000_000,
                Map.of());
        return new Classification(
                source, List.of(new Classification.Label(1, "dog", 0.75)), new Outcome(List.of(thought)));
    }

    private float[] expected(int stage, int image, Pooling pooling) {
        float[] all = recorded.get("stage" + stage + ".tokens").toFloats(); // (B, N, d)
        int width = network.width(stage);
        int length = network.tokens() * width;
        float[] own = Arrays.copyOfRange(all, image * length, (image + 1) * length);
        return switch (pooling) {
            case NONE -> own;
            case TOKEN -> Arrays.copyOf(own, width);
            case AVG -> {
                float[] mean = new float[width];
                for (int k = 0; k < width; k++) {
                    double sum = 0;
                    for (int token = 1; token < network.tokens(); token++) {
                        sum += own[token * width + k];
                    }
                    mean[k] = (float) (sum / network.patches());
                }
                yield mean;
            }
        };
    }
}
