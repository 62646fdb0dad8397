package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class ParameterGroupsTest {
    private static final Parameters TWO = ThinkingViTConfig.imagenet(3, 6).parameters();

    @Test
    void everyParameterIsTreatedAsTimmTreatsIt() throws IOException {
        JsonNode recorded =
                new JsonMapper().readTree(Files.readAllBytes(Path.of("src/test/resources/reference/layer-decay.json")));
        double layerDecay = recorded.get("layer_decay").asDouble();
        int depth = recorded.get("depth").asInt();
        Parameters network = new ThinkingViTConfig(224, 16, 192, depth, 3, List.of(3), 1000, 1e-6).parameters();
        assertThat(recorded.get("parameters").size()).isEqualTo(4 + 3 * 12 + 4);
        for (Map.Entry<String, JsonNode> parameter : recorded.get("parameters").properties()) {
            ParameterGroups.Treatment came =
                    ParameterGroups.treatment(network.require(parameter.getKey()), layerDecay, depth + 1);
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
        assertThat(ParameterGroups.treatment(TWO.require("proj_layer.weight"), 0.5, 13))
                .isEqualTo(new ParameterGroups.Treatment(true, 1));
        assertThat(ParameterGroups.treatment(TWO.require("alpha.0"), 0.5, 13))
                .isEqualTo(new ParameterGroups.Treatment(false, 1));
    }

    @Test
    void withoutLayerDecayNothingIsScaled() {
        assertThat(ParameterGroups.treatment(TWO.require("pos_embed"), null, 13).lrScale())
                .isEqualTo(1);
    }
}
