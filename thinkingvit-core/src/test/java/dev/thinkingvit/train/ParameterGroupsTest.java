package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class ParameterGroupsTest {
    @Test
    void everyParameterIsTreatedAsTimmTreatsIt() throws IOException {
        JsonNode recorded =
                new JsonMapper().readTree(Files.readAllBytes(Path.of("src/test/resources/reference/layer-decay.json")));
        double layerDecay = recorded.get("layer_decay").asDouble();
        int depth = recorded.get("depth").asInt();
        assertThat(recorded.get("parameters").size()).isEqualTo(4 + 3 * 12 + 4);
        for (Map.Entry<String, JsonNode> parameter : recorded.get("parameters").properties()) {
            ParameterGroups.Treatment came = ParameterGroups.treatment(
                    parameter.getKey(), parameter.getValue().get("dimensions").asLong(), layerDecay, depth);
            assertThat(came.lrScale())
                    .as(parameter.getKey())
                    .isCloseTo(parameter.getValue().get("lr_scale").asDouble(), within(1e-15));
            assertThat(came.decayed())
                    .as(parameter.getKey())
                    .isEqualTo(parameter.getValue().get("decayed").asBoolean());
        }
    }

    @Test
    void whatRecyclesTokensLearnsAsTheHeadDoes() {
        assertThat(ParameterGroups.treatment("proj_layer.weight", 2, 0.5, 12))
                .isEqualTo(new ParameterGroups.Treatment(true, 1));
        assertThat(ParameterGroups.treatment("alpha.0", 1, 0.5, 12)).isEqualTo(new ParameterGroups.Treatment(false, 1));
    }

    @Test
    void withoutLayerDecayNothingIsScaled() {
        assertThat(ParameterGroups.treatment("pos_embed", 3, null, 12).lrScale())
                .isEqualTo(1);
    }
}
