package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    void stageWeightsMustMatchTheStages() {
        assertThatThrownBy(() -> Recipe.DEFAULT.with("stage_weights", List.of(0.2, 0.3, 0.5)))
                .hasMessage("stage_weights: the model has 2 stages, got 3 weights");
    }
}
