package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.TorchFileWriter;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.AdaptiveViT;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class AdaptiveViTImportTest {
    private static final ThinkingViTConfig SHAPE = new ThinkingViTConfig(32, 16, 128, 2, 2, List.of(2), 5, 1e-6);

    @TempDir
    Path folder;

    /** As the published script writes it: weights under {@code model}, their average, its options. */
    private Path written(String name, Map<String, Object> args) {
        Path file = folder.resolve(name);
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("model", SHAPE.parameters().draw(1));
        content.put("model_ema", SHAPE.parameters().draw(2));
        content.put("epoch", 99);
        content.put("args", args);
        TorchFileWriter.write(file, content);
        return file;
    }

    private ModelImport.Imported read(Path file) {
        return ModelImport.read(file, null, Weights.AUTO);
    }

    @Test
    void aPublishedFilesNameSaysItsGate() {
        ModelImport.Imported imported =
                read(written("tiny-10-30.pth", Map.of("gate_scale", 100.0, "gate_center", 3.0)));

        assertThat(imported.model().config().network()).isEqualTo(new AdaptiveViT(SHAPE, 10, 30, 0.01));
        assertThat(imported.notes()).contains("gate_scale is 10, as the file's name says");
        assertThat(imported.model().config().preprocessing().cropPct()).isEqualTo(0.875);
    }

    @ParameterizedTest
    @CsvSource({
        "tiny-3-1.5.pth, 3, 1.5",
        "Tiny-3-2.pth, 3, 2",
        "tiny-3-2-best.pth, 3, 2",
        "tiny-0.5-2.pth.tar, 0.5, 2",
        "avit-tiny-3-2.pth, 3, 2",
        "avit_small-3-2.pth, 3, 2",
        "small-10-75 (1).pth, 10, 75"
    })
    void aNameIsReadAsPeopleWriteIt(String name, double scale, double centre) {
        assertThat(read(written(name, Map.of())).model().config().network())
                .isEqualTo(new AdaptiveViT(SHAPE, scale, centre, 0.01));
    }

    /** Digits in a name may be anything. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "deit-3-2.pth",
                "deit-tiny-3-2.pth",
                "base-16-224.pth",
                "small-16-384-best.pth",
                "tiny-3.pth",
                "tiny-3-2-1.pth",
                "gravity-3-2.pth"
            })
    void anotherNameIsOfAPlainViT(String name) {
        assertThat(read(written(name, Map.of())).model().config().network()).isEqualTo(SHAPE);
    }

    @Test
    void anotherFilesArgumentsDo() {
        AdaptiveViT expected = new AdaptiveViT(SHAPE, 7.5, 2, 0.01);
        assertThat(read(written("checkpoint.pth", Map.of("gate_scale", 7.5, "gate_center", 2.0)))
                        .model()
                        .config()
                        .network())
                .isEqualTo(expected);
    }

    @Test
    void itsOwnWeightsAreReadAndNotTheirAverage() {
        ModelImport.Imported imported = read(written("small-10-75.pth", Map.of()));

        Map<String, HostTensor> own = SHAPE.parameters().draw(1);
        assertThat(imported.state().entry()).isEqualTo("model");
        assertThat(imported.model().weights().get("head.weight").toFloats())
                .isEqualTo(own.get("head.weight").toFloats());
        assertThat(ModelImport.read(folder.resolve("small-10-75.pth"), null, Weights.EMA)
                        .state()
                        .entry())
                .isEqualTo("model_ema");
    }

    /** As of a file whose name says it: whose average is read is a matter of the network. */
    @Test
    void ownWeightsAreReadWhoeverSaysThatItIsAnAViT() throws IOException {
        String gate = ", \"model_args\": {\"gate_scale\": 10, \"gate_center\": 30}}";
        Path avit = Files.writeString(folder.resolve("avit.json"), "{\"architecture\": \"avit\"" + gate);
        Path plain = Files.writeString(folder.resolve("plain.json"), "{\"architecture\": \"thinkingvit\"}");
        Path file = written("foo.pth", Map.of());

        assertThat(ModelImport.read(file, avit, Weights.AUTO).state().entry()).isEqualTo("model");
        assertThat(ModelImport.read(file, avit, Weights.AUTO).notes())
                .anyMatch(note -> note.startsWith("the weights are 'model', not their average 'model_ema'"));
        assertThat(ModelImport.read(file, plain, Weights.AUTO).state().entry()).isEqualTo("model_ema");
        assertThat(ModelImport.read(written("tiny-10-30.pth", Map.of()), plain, Weights.AUTO)
                        .state()
                        .entry())
                .isEqualTo("model_ema");

        Path beside = written("pytorch_model.bin", Map.of());
        assertThat(read(beside).state().entry()).isEqualTo("model_ema");
        Files.copy(avit, folder.resolve("config.json"));
        assertThat(read(beside).state().entry()).isEqualTo("model");
        assertThat(Checkpoints.read(beside, Weights.AUTO).entry()).isEqualTo("model");
    }

    @Test
    void aCheckpointOfAnotherDepthIsRefused() throws IOException {
        Path file = written("tiny-10-30.pth", Map.of());
        for (int depth : new int[] {1, 3}) {
            Path config = folder.resolve("config" + depth + ".json");
            Files.writeString(
                    config,
                    "{\"architecture\": \"avit\", \"num_classes\": 5, \"model_args\": {\"img_size\": 32, \"patch_size\": 16,"
                            + " \"embed_dim\": 128, \"num_heads\": 2, \"gate_scale\": 10, \"gate_center\": 30,"
                            + " \"depth\": " + depth + "}}");
            assertThatThrownBy(() -> ModelImport.read(file, config, Weights.AUTO))
                    .isInstanceOf(RuntimeException.class)
                    .hasMessageContaining(
                            depth == 1
                                    ? "tensor blocks.1.norm1.weight [128] is left over"
                                    : "tensor blocks.2.norm1.weight is missing: expected shape [128]");
        }
    }

    @Test
    void aConfigurationGoesBeforeTheName() throws IOException {
        Path config = folder.resolve("gate.json");
        Files.writeString(config, "{\"architecture\": \"avit\", \"model_args\": {\"gate_center\": 12.5}}");

        ModelImport.Imported imported = ModelImport.read(written("tiny-10-30.pth", Map.of()), config, Weights.AUTO);

        assertThat(imported.model().config().network()).isEqualTo(new AdaptiveViT(SHAPE, 10, 12.5, 0.01));
    }

    @Test
    void aGateThatNothingTellsIsAskedFor() throws IOException {
        Path config = folder.resolve("avit.json");
        Files.writeString(config, "{\"architecture\": \"avit\"}");
        Path file = written("mine.pth", Map.of());

        assertThatThrownBy(() -> ModelImport.read(file, config, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("gate_scale")
                .hasMessageContaining("--config");
    }
}
