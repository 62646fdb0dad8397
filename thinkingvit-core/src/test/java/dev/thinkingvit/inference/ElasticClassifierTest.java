package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.Routing;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class ElasticClassifierTest {
    private static final Path MODEL = Path.of("src/test/resources/reference/vit-3h-6h");
    private static final Path PICTURES = Path.of("src/test/resources/reference/preprocess/images");
    private static final List<Path> FILES =
            List.of(PICTURES.resolve("picture0.jpg"), PICTURES.resolve("palette.png"), PICTURES.resolve("webp.webp"));

    private final ElasticClassifier classifier = ElasticClassifier.open(MODEL);

    @AfterEach
    void close() {
        classifier.close();
    }

    @Test
    void aBatchAStreamAndSingleCallsAgree() throws IOException {
        StopPolicy policy = classifier.policy();
        List<Picture> pictures = new ArrayList<>();
        for (Path file : FILES) {
            pictures.add(PictureDecoder.decode(file));
        }
        List<Classification> batch =
                classifier.classify(pictures, FILES.stream().map(Path::toString).toList(), policy);
        List<Classification> stream = classifier
                .classify(FILES.stream(), 2, policy, e -> {
                    throw new AssertionError(e);
                })
                .toList();
        for (int i = 0; i < FILES.size(); i++) {
            Classification single = classifier.classify(FILES.get(i));
            for (Classification other : List.of(batch.get(i), stream.get(i))) {
                assertThat(other.source()).isEqualTo(FILES.get(i).toString());
                assertThat(other.best().index()).isEqualTo(single.best().index());
                assertThat(other.stage()).isEqualTo(single.stage());
                assertThat(other.best().probability()).isCloseTo(single.best().probability(), within(1e-5));
            }
        }
    }

    @Test
    void aStreamLeavesBrokenFilesOutAndTellsOfThem() {
        List<IOException> broken = new ArrayList<>();
        Stream<Path> files = Stream.of(FILES.get(0), MODEL.resolve("config.json"), FILES.get(1));
        List<Classification> seen =
                classifier.classify(files, 8, classifier.policy(), broken::add).toList();
        assertThat(seen)
                .extracting(Classification::source)
                .containsExactly(FILES.get(0).toString(), FILES.get(1).toString());
        assertThat(broken)
                .singleElement()
                .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.THROWABLE)
                .hasMessageContaining("config.json");
    }

    @Test
    void labelsAreRankedAndTheirProbabilitiesAreThoseOfTheDecisiveStage() throws IOException {
        Classification seen = classifier.classify(FILES.get(0));
        assertThat(seen.labels()).hasSize(5);
        for (int i = 1; i < 5; i++) {
            assertThat(seen.labels().get(i).probability())
                    .isLessThanOrEqualTo(seen.labels().get(i - 1).probability());
        }
        assertThat(seen.best().index()).isEqualTo(seen.outcome().label());
        assertThat(seen.outcome().probability()).isEqualTo(seen.best().probability());
    }

    @Test
    void theModelsOwnThresholdsServeCallsWithoutAPolicy() {
        ModelDirectory.Model model = ModelDirectory.read(MODEL);
        ModelConfig config = model.config().withRouting(new Routing("margin", List.of(0.25), null));
        try (ElasticClassifier other =
                ElasticClassifier.of(new ModelDirectory.Model(model.path(), config, model.weights()), Precision.FP32)) {
            assertThat(other.policy()).isEqualTo(StopPolicy.of(Routers.MARGIN, 0.25));
        }
        assertThat(classifier.policy()).isEqualTo(StopPolicy.of(Routers.ENTROPY_TOP10, 0.5));
    }

    @Test
    void anUnknownRouterInTheConfigurationIsRefused() {
        ModelDirectory.Model model = ModelDirectory.read(MODEL);
        ModelConfig config = model.config().withRouting(new Routing("oracle", List.of(), null));
        assertThatThrownBy(() -> ElasticClassifier.of(
                        new ModelDirectory.Model(model.path(), config, model.weights()), Precision.FP32))
                .hasMessageContaining("router must be one of")
                .hasMessageContaining("oracle");
    }

    @ParameterizedTest
    @CsvSource({
        "1000, , 99.5, 0.1, true",
        "999, , 100, 0, false",
        "5000, , 99.4, 0, false",
        "5000, , 99.9, -0.2, false",
        "20, 1000, 100, 0, true",
        "5000, 999, 100, 0, false"
    })
    void bf16IsChosenWhereItIsKnownToPredictTheSame(
            int images, @Nullable Integer compared, double same, double difference, boolean chosen) {
        ThinkingViTConfig network = new ThinkingViTConfig(32, 16, 64, 1, 2, List.of(1, 2), 6, 1e-6);
        Routing.Calibration calibration = new Routing.Calibration(
                "val", images, "gmacs=1", List.of(), new Routing.Agreement(same, difference, compared, null), null);
        ModelConfig config = ModelConfig.of(network).withRouting(new Routing("entropy", List.of(0.5), calibration));
        assertThat(ElasticClassifier.precisionFor(ModelConfig.of(network))).isEqualTo(Precision.FP32);
        assertThat(ElasticClassifier.precisionFor(config))
                .isEqualTo(chosen && Precision.BF16.isFastHere() ? Precision.BF16 : Precision.FP32);
    }

    @Test
    void int8IsChosenWhereItIsFasterThanWhatElseWouldBe() {
        ModelDirectory.Model shipped = ModelDirectory.read(Path.of("../models/cifar10-3h-6h"));
        Precision otherwise = ElasticClassifier.precisionFor(shipped.config());
        Precision chosen = ElasticClassifier.precisionFor(shipped);
        assertThat(chosen).isEqualTo(ElasticClassifier.precisionFor(shipped));
        if (Precision.hasTilesHere() || !Precision.INT8.isFastHere()) {
            assertThat(chosen).as("a narrow network").isEqualTo(otherwise);
        } else if (otherwise == Precision.FP32) {
            assertThat(chosen).isEqualTo(Precision.INT8);
        }
        ModelDirectory.Model uncalibrated = new ModelDirectory.Model(
                shipped.path(),
                shipped.config().withRouting(new Routing("entropy", List.of(0.5), null)),
                shipped.weights());
        assertThat(ElasticClassifier.precisionFor(uncalibrated)).isEqualTo(Precision.FP32);
    }

    @Test
    void aNetworkIsWideIfAllOfItsStagesAre() {
        assertThat(ElasticClassifier.isWide(new ThinkingViTConfig(32, 16, 192, 1, 6, List.of(3, 6), 5, 1e-6)))
                .isFalse();
        assertThat(ElasticClassifier.isWide(new ThinkingViTConfig(32, 16, 384, 1, 6, List.of(3, 6), 5, 1e-6)))
                .isTrue();
    }
}
