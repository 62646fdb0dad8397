package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.DynamicViTConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.train.ParameterGroups.Pace;
import dev.thinkingvit.train.ParameterGroups.Treatment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
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
                    ParameterGroups.treatment(network.require(parameter.getKey()), layerDecay, true, true, depth + 1);
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
        assertThat(ParameterGroups.treatment(TWO.require("proj_layer.weight"), 0.5, true, true, 13))
                .isEqualTo(new ParameterGroups.Treatment(true, 1, Pace.BACKBONE));
        assertThat(ParameterGroups.treatment(TWO.require("alpha.0"), 0.5, true, true, 13))
                .isEqualTo(new ParameterGroups.Treatment(false, 1, Pace.BACKBONE));
    }

    @Test
    void whatRecyclesTokensStandsStillIfARecipeSaysSoAndNothingElseDoes() {
        TWO.all().forEach(parameter -> {
            boolean recycles =
                    parameter.name().startsWith("alpha") || parameter.name().startsWith("proj_layer");
            assertThat(ParameterGroups.treatment(parameter, null, true, false, 13)
                            .pace())
                    .as(parameter.name())
                    .isEqualTo(recycles ? Pace.STILL : Pace.BACKBONE);
        });
    }

    @Test
    void withoutLayerDecayNothingIsScaled() {
        assertThat(ParameterGroups.treatment(TWO.require("pos_embed"), null, true, true, 13)
                        .lrScale())
                .isEqualTo(1);
    }

    /** As the published code has it: the backbone's rate is a share of the peak until the predictors' falls below it. */
    @Test
    void predictorsLearnAtTheSchedulesRateAndTheRestAtAShareOfItsPeak() {
        DynamicViTConfig config = new DynamicViTConfig(
                ThinkingViTConfig.imagenet(3, 6), List.of(3, 6, 9), DynamicViTConfig.powers(0.7, 3));
        Recipe recipe = RecipeFile.of(Map.of(
                "network",
                Map.of(
                        "architecture",
                        config.architecture().name(),
                        "model_kwargs",
                        config.architecture().write(config)),
                "optimizer",
                Map.of("lr", 1e-3),
                "schedule",
                Map.of("min_lr", 1e-6),
                "pruning",
                Map.of("backbone_lr_scale", 0.01, "backbone_frozen_epochs", 5, "train_embeddings", false)));
        PruningRecipe pruning = recipe.pruning();
        assertThat(pruning.backboneRate(4, 9e-4, 1e-3)).isZero();
        assertThat(pruning.backboneRate(5, 9e-4, 1e-3)).isEqualTo(1e-5);
        assertThat(pruning.backboneRate(29, 2e-6, 1e-3)).isEqualTo(2e-6);
        Map<String, Double> rates = new LinkedHashMap<>();
        for (String name : List.of(
                "score_predictor.1.out_conv.2.weight",
                "blocks.0.norm1.weight",
                "cls_token",
                "pos_embed",
                "patch_embed.proj.bias",
                "patch_embed.proj.weight",
                "head.bias")) {
            Treatment treatment = ParameterGroups.treatment(
                    config.parameters().require(name), null, pruning.trainEmbeddings(), true, 13);
            rates.put(name, treatment.rate(9e-4, 1e-5));
        }
        assertThat(rates.values()).containsExactly(9e-4, 1e-5, 0.0, 0.0, 1e-5, 1e-5, 1e-5);
    }
}
