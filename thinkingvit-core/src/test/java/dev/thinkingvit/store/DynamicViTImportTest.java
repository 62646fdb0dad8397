package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.DynamicViTConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class DynamicViTImportTest {
    private static final Path CHECKPOINT = Path.of("src/test/resources/reference/dynamicvit/checkpoint.pth");

    @TempDir
    private Path folder;

    private Path config(String text) throws IOException {
        return Files.writeString(folder.resolve("said.json"), text);
    }

    @Test
    void aPublishedCheckpointNeedsWhatItsShapesDoNotSayAlone() throws IOException {
        Path config = config("{\"model_args\": {\"num_heads\": 6, \"pruning_loc\": [1, 3, 5], \"base_rate\": 0.7}}");
        ModelImport.Imported read = ModelImport.read(CHECKPOINT, config, Weights.AUTO);

        assertThat(read.model().config().network())
                .isEqualTo(new DynamicViTConfig(
                        new ThinkingViTConfig(64, 8, 48, 6, 6, List.of(3, 6), 17, 1e-6),
                        List.of(1, 3, 5),
                        DynamicViTConfig.powers(0.7, 3)));
        assertThat(read.model().config().preprocessing().cropPct()).isEqualTo(0.875);
        assertThat(read.model().config().routing().router()).isEqualTo("entropy_inclusive");
        assertThat(read.model().weights()).containsKey("alpha.0").doesNotContainKey("alpha.1");
        assertThat(read.notes()).anyMatch(note -> note.startsWith("evaluated as such networks are published"));
    }

    /** It would pass for a network of one stage otherwise. */
    @Test
    void aStageWhoseProjectionIsMissingIsNotLeftOut() throws IOException {
        Map<String, HostTensor> all =
                new LinkedHashMap<>(Checkpoints.read(CHECKPOINT, Weights.AUTO).tensors());
        all.keySet().removeIf(name -> name.startsWith("proj_layer"));
        String args = "\"num_heads\": 6, \"pruning_loc\": [1, 3, 5], \"base_rate\": 0.7";
        Path config = config("{\"model_args\": {" + args + "}}");
        Path file = folder.resolve("thinking.safetensors");

        Safetensors.write(file, all, Map.of());
        assertThatThrownBy(() -> ModelImport.read(file, config, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tensor proj_layer.weight is missing: alpha.0 is the factor of what it projects");

        all.keySet().removeIf(name -> name.startsWith("score_predictor"));
        Safetensors.write(file, all, Map.of());
        Path plain = Files.writeString(folder.resolve("plain.json"), "{\"model_args\": {\"num_heads\": 6}}");
        assertThatThrownBy(() -> ModelImport.read(file, plain, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tensor proj_layer.weight is missing");
    }

    @Test
    void aLaterProjectionIsMissedToo() throws IOException {
        DynamicViTConfig three = new DynamicViTConfig(
                new ThinkingViTConfig(32, 16, 256, 4, 4, List.of(1, 2, 4), 3, 1e-6),
                List.of(1, 2, 3),
                DynamicViTConfig.powers(0.8, 3));
        Map<String, HostTensor> weights = new LinkedHashMap<>(three.parameters().draw(1));
        weights.keySet().removeIf(name -> name.startsWith("proj_layer2"));
        Path file = folder.resolve("thinking_r0.8.safetensors");
        Safetensors.write(file, weights, Map.of());

        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tensor proj_layer2.weight is missing: alpha.1");
    }

    @Test
    void oneWayToSayTheShareTakesThePlaceOfTheOther() throws IOException {
        String shape = "\"img_size\": 64, \"patch_size\": 8, \"embed_dim\": 48, \"depth\": 6, \"num_heads\": 6,"
                + " \"thinking_stages\": [3, 6], \"pruning_loc\": [1, 3, 5], ";
        Files.copy(CHECKPOINT, folder.resolve("pytorch_model.bin"));
        Files.writeString(
                folder.resolve("config.json"),
                "{\"architecture\": \"thinkingvit_dynamicvit\", \"num_classes\": 17, \"model_args\": {" + shape
                        + "\"token_ratio\": [0.9, 0.6, 0.3]}}");

        Path over = config("{\"model_args\": {\"base_rate\": 0.5}}");
        assertThat(ModelImport.read(folder, over, Weights.AUTO)
                        .model()
                        .config()
                        .network()
                        .pruning()
                        .ratios())
                .isEqualTo(DynamicViTConfig.powers(0.5, 3));
    }

    @Test
    void aShareThatNobodySaysIsAskedFor() throws IOException {
        Path config = config("{\"model_args\": {\"num_heads\": 6, \"pruning_loc\": [1, 3, 5]}}");
        assertThatThrownBy(() -> ModelImport.read(CHECKPOINT, config, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("the share of tokens that go on is unknown")
                .hasMessageContaining("base_rate");
    }

    @Test
    void blocksThatPredictorsDoNotPartEvenlyAreAskedFor() throws IOException {
        Path config = config("{\"model_args\": {\"num_heads\": 6, \"base_rate\": 0.7}}");
        assertThatThrownBy(() -> ModelImport.read(CHECKPOINT, config, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("3 predictors do not part 6 blocks evenly");
    }

    /** The published file is wider than its last stage, which the predictors tell, and its name says the share. */
    @Test
    void stagesFollowFromThePredictorsAndBlocksFromTheirNumber() {
        DynamicViTConfig published = new DynamicViTConfig(
                new ThinkingViTConfig(32, 16, 256, 4, 4, List.of(1, 2), 3, 1e-6),
                List.of(1, 2, 3),
                DynamicViTConfig.powers(0.8, 3));
        Map<String, HostTensor> weights =
                new LinkedHashMap<>(published.parameters().draw(1));
        for (int block = 1; block < 4; block++) {
            weights.put("alpha." + block, HostTensor.of(new float[1], 1));
        }
        Path file = folder.resolve("thinking_r0.8.safetensors");
        Safetensors.write(file, weights, Map.of());

        ModelImport.Imported read = ModelImport.read(file, null, Weights.AUTO);

        assertThat(read.model().config().network()).isEqualTo(published);
        assertThat(read.notes())
                .anyMatch(note -> note.contains("[1, 2, 3], as published, is taken"))
                .anyMatch(note -> note.startsWith("left out: alpha.1 to alpha.3"));
    }

    /** As Rao et al. publish them: one stage, the share in the file's name. */
    @Test
    void aPlainOneIsReadByItsFileAlone() {
        DynamicViTConfig published = new DynamicViTConfig(
                new ThinkingViTConfig(32, 16, 128, 4, 2, List.of(2), 3, 1e-6),
                List.of(1, 2, 3),
                DynamicViTConfig.powers(0.7, 3));
        Path file = folder.resolve("dynamic-vit_128_r0.7.safetensors");
        Safetensors.write(file, published.parameters().draw(1), Map.of());

        ModelConfig read = ModelImport.read(file, null, Weights.AUTO).model().config();

        assertThat(read.network()).isEqualTo(published);
        assertThat(read.network().title()).isEqualTo("DynamicViT");
        assertThat(read.preprocessing().cropPct()).isEqualTo(0.875);
        assertThat(read.routing().router())
                .as("stops at the threshold too, should it get stages")
                .isEqualTo("entropy_inclusive");
    }

    /** Which blocks predictors stand before is in no shape; how many there are is. */
    @Test
    void aConfigurationOfOtherBlocksThanTheWeightsHavePredictorsForIsRefused() throws IOException {
        Path fewer = config("{\"model_args\": {\"num_heads\": 6, \"pruning_loc\": [1, 3], \"base_rate\": 0.7}}");
        assertThatThrownBy(() -> ModelImport.read(CHECKPOINT, fewer, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("score_predictor.2.in_conv.0")
                .hasMessageContaining("left over");
        Path more = config("{\"model_args\": {\"num_heads\": 6, \"pruning_loc\": [1, 2, 3, 5], \"base_rate\": 0.7}}");
        assertThatThrownBy(() -> ModelImport.read(CHECKPOINT, more, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("score_predictor.3.in_conv.0")
                .hasMessageContaining("missing");
    }

    @Test
    void aConfigurationOfAnotherNetworkDoesNotPassOverPredictors() throws IOException {
        Path config = config("{\"architecture\": \"thinkingvit\", \"model_args\": {\"num_heads\": 6}}");
        assertThatThrownBy(() -> ModelImport.read(CHECKPOINT, config, Weights.AUTO))
                .hasMessageContaining("belongs to a DynamicViT");
    }
}
