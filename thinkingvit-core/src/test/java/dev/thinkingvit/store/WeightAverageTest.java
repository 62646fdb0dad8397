package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class WeightAverageTest {
    private static final ThinkingViTConfig NETWORK = new ThinkingViTConfig(16, 8, 32, 2, 4, List.of(2, 4), 3, 1e-6);
    private static final SwinConfig SWIN =
            new SwinConfig(16, 2, 8, List.of(1, 1), List.of(2, 4), List.of(4, 2), List.of(List.of(2, 4)), 3);

    private static ModelDirectory.Model model(String name, NetworkConfig shape, long seed) {
        try (NestedNetwork network = NestedNetwork.initialise(shape, seed)) {
            return new ModelDirectory.Model(Path.of(name), ModelConfig.of(shape), network.stateDict());
        }
    }

    /** Every weight times a factor. */
    private static ModelDirectory.Model scaled(ModelDirectory.Model model, String name, float factor) {
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        model.weights().forEach((key, tensor) -> {
            float[] values = tensor.toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] *= factor;
            }
            weights.put(key, HostTensor.of(values, tensor.shape()));
        });
        return new ModelDirectory.Model(Path.of(name), model.config(), weights);
    }

    private static ModelDirectory.Model configured(ModelDirectory.Model model, ModelConfig config) {
        return new ModelDirectory.Model(Path.of("b"), config, model.weights());
    }

    @Test
    void everyWeightIsTheMeanOfAll() {
        for (NetworkConfig shape : List.of(NETWORK, SWIN)) {
            List<ModelDirectory.Model> models =
                    List.of(model("a", shape, 1), model("b", shape, 2), model("c", shape, 3));
            WeightAverage average = WeightAverage.of(models);

            assertThat(average.model().weights())
                    .containsOnlyKeys(shape.parameterShapes().keySet());
            average.model().weights().forEach((name, tensor) -> {
                float[] mean = tensor.toFloats();
                for (int i = 0; i < mean.length; i++) {
                    double sum = 0;
                    for (ModelDirectory.Model model : models) {
                        sum += model.weights().get(name).toFloats()[i];
                    }
                    assertThat(mean[i]).as(name).isEqualTo((float) (sum / 3));
                }
            });
        }
    }

    @Test
    void oneThatComesTwiceCountsTwice() {
        ModelDirectory.Model one = model("a", NETWORK, 1);
        WeightAverage average = WeightAverage.of(List.of(one, one, scaled(one, "b", 4)));

        average.model().weights().forEach((name, tensor) -> {
            float[] own = one.weights().get(name).toFloats();
            float[] mean = tensor.toFloats();
            for (int i = 0; i < mean.length; i++) {
                assertThat(mean[i]).as(name).isEqualTo((float) (6.0 * own[i] / 3));
            }
        });
        assertThat(average.likeness()).allSatisfy(each -> assertThat(each).isCloseTo(1, within(1e-9)));
    }

    @Test
    void modelsThatWereDrawnApartAreStrangersInEitherOrder() {
        for (NetworkConfig shape : List.of(NETWORK, SWIN)) {
            ModelDirectory.Model one = model("a", shape, 1);
            ModelDirectory.Model other = model("b", shape, 2);
            for (List<ModelDirectory.Model> pair : List.of(List.of(one, other), List.of(other, one))) {
                WeightAverage average = WeightAverage.of(pair);
                assertThat(average.isStranger(0)).isFalse();
                assertThat(average.isStranger(1)).isTrue();
                assertThat(average.likeness().get(1)).isCloseTo(0, within(0.2));
            }
        }
    }

    @Test
    void whatBecameOfAModelIsNoStranger() {
        ModelDirectory.Model one = model("a", NETWORK, 1);
        Map<String, HostTensor> trained = new LinkedHashMap<>();
        ModelDirectory.Model other = model("b", NETWORK, 2);
        one.weights().forEach((name, tensor) -> {
            float[] values = tensor.toFloats();
            float[] step = other.weights().get(name).toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] += 0.3f * step[i];
            }
            trained.put(name, HostTensor.of(values, tensor.shape()));
        });
        WeightAverage average =
                WeightAverage.of(List.of(one, new ModelDirectory.Model(Path.of("c"), one.config(), trained)));
        assertThat(average.isStranger(1)).isFalse();
        assertThat(average.likeness().get(1)).isBetween(0.9, 0.99);
    }

    @Test
    void aLicenceIsTheAveragesOnlyIfItIsThatOfEach() {
        ModelDirectory.Model one = model("a", NETWORK, 1);
        ModelDirectory.Model free = said(
                one,
                "{\"license\": \"mit\", \"library_name\": \"x\", \"pretrained_cfg\":"
                        + " {\"license\": \"mit\", \"url\": \"u\"}}");
        ModelDirectory.Model other = said(
                one,
                "{\"license\": \"gpl-3.0\", \"library_name\": \"x\", \"pretrained_cfg\":"
                        + " {\"license\": \"gpl-3.0\", \"url\": \"u\"}}");

        assertThat(WeightAverage.of(List.of(free, other))
                        .model()
                        .config()
                        .source()
                        .text())
                .isEqualTo("{\"library_name\":\"x\",\"pretrained_cfg\":{\"url\":\"u\"}}");
        assertThat(WeightAverage.of(List.of(free, free))
                        .model()
                        .config()
                        .source()
                        .text())
                .contains("\"license\":\"mit\"");
        assertThat(WeightAverage.of(List.of(free, one))
                        .model()
                        .config()
                        .source()
                        .text())
                .isEqualTo("{}");
    }

    private static ModelDirectory.Model said(ModelDirectory.Model model, String source) {
        ModelConfig config = model.config();
        return configured(
                model,
                new ModelConfig(
                        config.network(),
                        config.preprocessing(),
                        config.labels(),
                        config.routing(),
                        config.training(),
                        new JsonText(source)));
    }

    @Test
    void namesOfClassesAreThoseThatAnyModelKnows() {
        ModelDirectory.Model one = model("a", NETWORK, 1);
        ModelDirectory.Model named = configured(one, one.config().withLabels(List.of("owl", "dog", "cat")));
        for (List<ModelDirectory.Model> pair : List.of(List.of(one, named), List.of(named, one))) {
            assertThat(WeightAverage.of(pair).model().config().labels()).containsExactly("owl", "dog", "cat");
        }
    }

    @Test
    void thresholdsOfTheModelsAreNotThoseOfTheAverage() {
        ModelDirectory.Model one = model("a", NETWORK, 1);
        Routing routing = new Routing(
                "margin", List.of(0.5), new Routing.Calibration("x", 10, "stage2=0.5", List.of(), null, null));
        ModelDirectory.Model calibrated =
                configured(one, one.config().withRouting(routing).withLabels(List.of("owl", "dog", "cat")));
        ModelConfig config =
                WeightAverage.of(List.of(calibrated, calibrated)).model().config();

        assertThat(config.routing()).isEqualTo(new Routing("margin", List.of(), null));
        assertThat(config.labels()).containsExactly("owl", "dog", "cat");
    }

    @Test
    void whatDoesNotFitTogetherIsNamed() {
        ModelDirectory.Model one = model("a", NETWORK, 1);
        refuse(
                one,
                model("b", new ThinkingViTConfig(16, 8, 32, 3, 4, List.of(2, 4), 3, 1e-6), 1),
                "b: is a ThinkingViT with depth 3, a is one with depth 2: an average is of networks of one shape");
        refuse(
                one,
                model("b", new ThinkingViTConfig(32, 8, 32, 2, 4, List.of(2, 4), 5, 1e-5), 1),
                "b: is a ThinkingViT with img_size 32, norm_eps 1.0E-5, num_classes 5, a is one with img_size 16, norm_eps"
                        + " 1.0E-6, num_classes 3:");
        refuse(
                one,
                model("b", SWIN, 1),
                "b: is a Swin Transformer (2,4), a is a ThinkingViT 2H → 4H: an average is of");
        ModelDirectory.Model named = configured(one, one.config().withLabels(List.of("owl", "dog", "cat")));
        refuse(
                named,
                configured(one, one.config().withLabels(List.of("owl", "cat", "dog"))),
                "b: names its classes otherwise than b: an average is of one task");
        refuse(
                one,
                configured(
                        one,
                        one.config()
                                .withPreprocessing(new Preprocessing(
                                        16,
                                        0.9,
                                        one.config().preprocessing().interpolation(),
                                        new float[] {0.5f, 0.5f, 0.5f},
                                        new float[] {0.5f, 0.5f, 0.5f}))),
                "b: normalises pictures with mean [0.5, 0.5, 0.5]");
    }

    @Test
    void whatIsNoNumberIsNamedAndNotSpread() {
        ModelDirectory.Model one = model("a", NETWORK, 1);
        ModelDirectory.Model broken = scaled(one, "b", Float.NaN);
        refuse(one, broken, "b: ", " has a value that is no finite number, which would spoil the average");
    }

    private static void refuse(ModelDirectory.Model first, ModelDirectory.Model other, String... words) {
        assertThatThrownBy(() -> WeightAverage.of(List.of(first, other)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(words);
    }
}
