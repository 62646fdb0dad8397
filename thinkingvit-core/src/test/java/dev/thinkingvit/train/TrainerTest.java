package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class TrainerTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");

    @Test
    void learningRatesAreThePublishedOnes() throws Exception {
        JsonNode schedule = new JsonMapper().readTree(Files.readAllBytes(REFERENCE.resolve("lr-schedule.json")));
        LearningRates published = new LearningRates(RecipeFile.read(Path.of("../recipes/imagenet-deit-3h-6h.yaml")));
        JsonNode rates = schedule.get("lr");
        assertThat(rates.size()).isEqualTo(310);
        for (int epoch = 0; epoch < rates.size(); epoch++) {
            assertThat(published.at(epoch, 0, List.of()))
                    .as("epoch %d", epoch)
                    .isCloseTo(rates.get(epoch).asDouble(), within(1e-12));
        }
    }

    @Test
    void mixedTargetsAreThePublishedOnes() throws Exception {
        JsonNode reference = new JsonMapper().readTree(Files.readAllBytes(REFERENCE.resolve("mixup-target.json")));
        int[] labels = new JsonMapper().treeToValue(reference.get("labels"), int[].class);
        int classes = reference.get("num_classes").asInt();
        Mixing mixing =
                new Mixing(Mixing.Options.RECIPE, reference.get("smoothing").asDouble(), classes);
        float[] targets = mixing.targets(labels, reference.get("lambda").asDouble());
        for (int i = 0; i < labels.length; i++) {
            for (int c = 0; c < classes; c++) {
                assertThat(targets[i * classes + c])
                        .isCloseTo((float) reference.get("target").get(i).get(c).asDouble(), within(1e-6f));
            }
        }
    }

    @Test
    void cutmixExchangesABoxAndWeighsTheTargetsByItsArea() {
        int size = 8;
        int batch = 4;
        Mixing cutmix = new Mixing(new Mixing.Options(0, 1, 1, 0), 0, 4);
        SplittableRandom random = new SplittableRandom(4);
        for (int round = 0; round < 20; round++) {
            float[] images = new float[batch * 3 * size * size];
            for (int i = 0; i < images.length; i++) {
                images[i] = Math.floorDiv(i, 3 * size * size);
            }
            float[] targets = cutmix.apply(images, new int[] {0, 1, 2, 3}, size, random);
            for (int i = 0; i < batch; i++) {
                int own = 0;
                for (int p = 0; p < 3 * size * size; p++) {
                    float value = images[i * 3 * size * size + p];
                    assertThat(value).isIn((float) i, (float) (batch - 1 - i));
                    own += value == i ? 1 : 0;
                }
                assertThat(targets[i * 4 + i]).isCloseTo(own / (3f * size * size), within(1e-5f));
            }
        }
    }

    @Test
    void mixupBlendsWithTheBatchInReverseOrder() {
        Mixing mixup = new Mixing(new Mixing.Options(0.8, 0, 1, 0), 0, 3);
        float[] images = {0, 0, 0, 1, 1, 1, 2, 2, 2};
        float[] targets = mixup.apply(images, new int[] {0, 1, 2}, 1, new SplittableRandom(2));
        float lambda = targets[0];
        assertThat(images[0]).isCloseTo((1 - lambda) * 2, within(1e-5f));
        assertThat(images[3]).as("the middle one meets itself").isCloseTo(1, within(1e-5f));
        assertThat(images[6]).isCloseTo(lambda * 2, within(1e-5f));
    }

    @Test
    void stageWeightsMustMatchTheStages() {
        assertThatThrownBy(() -> Recipe.DEFAULT.with("stage_weights", List.of(0.2, 0.3, 0.5)))
                .hasMessage("stage_weights: the model has 2 stages, got 3 weights");
    }
}
