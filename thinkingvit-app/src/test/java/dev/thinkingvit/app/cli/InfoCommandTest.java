package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.Routing;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class InfoCommandTest {
    @TempDir
    Path directory;

    @Test
    void aDirectoryIsDescribedForPeople() {
        CommandRun run = CommandRun.of("info", CommandRun.REFERENCE.resolve("vit-3h-6h"));

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("ThinkingViT", "3H → 6H")
                .contains("124,869")
                .contains("48, 6 heads of 8")
                .contains("64 pixels, patches of 16, 17 tokens")
                .contains("entropy_top10, no threshold stored")
                .containsPattern("2 +6 +48 +0.00210 +0.00279 +0.5 MB");
    }

    @Test
    void aPublishedShapeCostsWhatWasPublished() {
        ThinkingViTConfig network = ThinkingViTConfig.imagenet(3, 6);
        ModelDirectory.write(directory, ModelConfig.of(network), zeros(network));

        JsonNode info = json(CommandRun.of("info", directory, "--json"));

        assertThat(info.get("parameters").asLong()).isEqualTo(22_124_777);
        assertThat(info.get("shorthand").asString()).isEqualTo("3H → 6H");
        assertThat(info.get("weight_bytes").asLong()).isEqualTo(4 * 22_124_777L);
        JsonNode stages = info.get("stages");
        assertThat(stages.get(0).get("gmacs").asDouble()).isCloseTo(1.25, within(0.005));
        assertThat(stages.get(1).get("gmacs").asDouble()).isCloseTo(4.6, within(0.02));
        assertThat(stages.get(1).get("cumulative_gmacs").asDouble()).isCloseTo(5.85, within(0.02));
        // the wide stage reads every parameter
        assertThat(stages.get(1).get("packed_bytes_fp32").asLong()).isEqualTo(4 * 22_124_777L);
        assertThat(stages.get(1).get("packed_bytes_bf16").asLong())
                .isLessThan(stages.get(1).get("packed_bytes_fp32").asLong() * 52 / 100);
    }

    @Test
    void thePublishedSwinCostsWhatWasPublished() {
        NetworkConfig network = RecipeFile.read(Path.of("../recipes/imagenet-swin-s.yaml"))
                .network()
                .config(1000);
        ModelDirectory.write(directory, ModelConfig.of(network), zeros(network));

        JsonNode info = json(CommandRun.of("info", directory, "--cost", "--json"));

        assertThat(info.get("parameters").asLong()).isEqualTo(49_667_795);
        JsonNode stages = info.get("stages");
        assertThat(stages.get(0).get("gmacs").asDouble()).isCloseTo(2.82, within(0.005));
        assertThat(stages.get(1).get("cumulative_gmacs").asDouble()).isCloseTo(11.68, within(0.005));
        double first = 0;
        for (JsonNode kind : info.get("cost")) {
            first += kind.get("gmacs").get(0).asDouble();
        }
        assertThat(first).isCloseTo(stages.get(0).get("gmacs").asDouble(), within(1e-12));
        assertThat(CommandRun.of("info", directory, "--cost").out())
                .contains("Thinking Swin", "49,667,795", "(3,3,6,12) → (3,6,12,24)")
                .contains("224 pixels, patches of 4, windows of 7, 49 tokens")
                .containsPattern("2\\.82")
                .containsPattern("11\\.68");
    }

    @Test
    void costsByKindOfLayerSumUpToTheStages() {
        Path model = CommandRun.REFERENCE.resolve("swin-uneven");

        JsonNode info = json(CommandRun.of("info", model, "--cost", "--json"));

        long parameters = 0;
        double second = 0;
        for (JsonNode kind : info.get("cost")) {
            parameters += kind.get("parameters").asLong();
            second += kind.get("gmacs").get(1).asDouble();
        }
        assertThat(parameters).isEqualTo(info.get("parameters").asLong());
        assertThat(second).isCloseTo(info.get("stages").get(1).get("gmacs").asDouble(), within(1e-12));
        assertThat(CommandRun.of("info", model, "--cost").out())
                .containsPattern("layers\\.\\*\\.blocks\\.\\*\\.attn\\.qkv +[0-9,]+ +0\\.000")
                .containsPattern("total +[0-9,]+ .* 100\\.0 %");
    }

    @Test
    void labelsRoutingAndProvenanceAreShown() {
        ThinkingViTConfig network = new ThinkingViTConfig(32, 16, 64, 1, 2, List.of(1, 2), 6, 1e-6);
        Routing routing = new Routing(
                "entropy",
                List.of(0.5),
                new Routing.Calibration(
                        "cats",
                        40,
                        "accuracy-drop=0.5",
                        List.of(new Routing.Point(0.5, 0.001, 90)),
                        new Routing.Agreement(99.7, -0.05),
                        new Routing.Agreement(98.25, 0.1)));
        ModelConfig config = ModelConfig.of(network)
                .withLabels(List.of("a", "b", "c", "d", "e", "f"))
                .withRouting(routing)
                .withTraining(new JsonText("{\"seed\": 5}"));
        ModelDirectory.write(directory, config, zeros(network));

        CommandRun run = CommandRun.of("info", directory);

        assertThat(run.out())
                .contains("6: a, b, c, d, e, …")
                .contains("entropy at 0.5")
                .contains("for accuracy-drop=0.5 on 40 pictures of cats, 1 thresholds")
                .contains("99.70 % of the predictions the same, top-1 -0.05 points")
                .contains("98.25 % of the predictions the same, top-1 +0.10 points")
                .contains("{\"seed\":5}");
        JsonNode info = json(CommandRun.of("info", directory, "--json"));
        assertThat(info.get("labels").size()).isEqualTo(6);
        assertThat(info.get("routing")
                        .get("calibration")
                        .get("curve")
                        .get(0)
                        .get("top1")
                        .asDouble())
                .isEqualTo(90);
        assertThat(info.get("training").get("seed").asInt()).isEqualTo(5);
    }

    @Test
    void aCheckpointFileIsDescribedToo() throws IOException {
        Path config = Files.writeString(directory.resolve("c.json"), "{\"model_args\": {\"num_heads\": 6}}");
        Path file = CommandRun.REFERENCE.resolve("vit-2h-3h-6h/checkpoint.pth.tar");

        JsonNode info = json(CommandRun.of("info", file, "--config", config, "--json"));

        assertThat(info.get("name").asString()).isEqualTo("checkpoint.pth.tar");
        assertThat(info.get("shorthand").asString()).isEqualTo("2H → 3H → 6H");
        assertThat(info.get("training").get("checkpoint").get("entry").asString())
                .isEqualTo("state_dict_ema");
    }

    @Test
    void whatCannotBeReadIsOneLine() {
        CommandRun run = CommandRun.of("info", directory.resolve("none"));

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err().lines())
                .singleElement()
                .asString()
                .startsWith("thinkingvit: ")
                .contains("none");
    }

    private static JsonNode json(CommandRun run) {
        assertThat(run.code()).as(run.err()).isZero();
        return JsonMapper.shared().readTree(run.out());
    }

    private static Map<String, HostTensor> zeros(NetworkConfig network) {
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        network.parameterShapes().forEach((name, shape) -> {
            int count = 1;
            for (long size : shape) {
                count *= (int) size;
            }
            weights.put(name, HostTensor.of(new float[count], shape));
        });
        return weights;
    }
}
