package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.TorchFileWriter;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.SegmenterConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.WarmStart;
import dev.thinkingvit.picture.ImageSize;
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
import org.junit.jupiter.params.provider.EnumSource;

/** A Segmenter's checkpoint as its trainer leaves it: no configuration, a variant beside it. */
@NullUnmarked // a null fails the test
class BareSegmenterTest {
    private static final String VARIANT = """
            algorithm_kwargs: {batch_size: 8, num_epochs: 120}
            dataset_kwargs: {crop_size: 32, dataset: ade20k, image_size: 32}
            net_kwargs:
              backbone: vit_small_patch16_384
              d_model: 24
              decoder: {name: linear}
              image_size: !!python/tuple
              - 24
              - 32
              n_cls: 5
              n_heads: 6
              normalization: deit
              patch_size: 8
            """;

    @TempDir
    Path directory;

    private static SegmenterConfig config(ImageSize size, SegmenterConfig.Decoder decoder) {
        return SegmenterConfig.of(size, 8, 24, 2, 6, List.of(2, 3, 5), 5, decoder);
    }

    /** As the trainer saves it, with the classifier that the encoder came with. */
    private Path checkpoint(SegmenterConfig config) {
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        config.parameters().draw(1).forEach((name, tensor) -> weights.put("module." + name, tensor));
        weights.put("module.encoder.head.weight", HostTensor.of(new float[1000 * 24], 1000, 24));
        weights.put("module.encoder.head.bias", HostTensor.of(new float[1000], 1000));
        Path file = directory.resolve("checkpoint.pth");
        TorchFileWriter.write(file, Map.of("model", weights, "epoch", 119, "n_cls", 5));
        return file;
    }

    @ParameterizedTest
    @EnumSource
    void weightsAndVariantTellTheWholeNetwork(SegmenterConfig.Decoder decoder) throws IOException {
        SegmenterConfig config = config(new ImageSize(24, 32), decoder);
        Path file = checkpoint(config);
        Files.writeString(directory.resolve("variant.yml"), VARIANT);

        ModelImport.Imported imported = ModelImport.read(file, null, Weights.AUTO);

        assertThat(imported.model().config().network()).isEqualTo(config);
        assertThat(imported.model().config().preprocessing().mean()[0]).isCloseTo(123.68f / 255, within(1e-6f));
        assertThat(imported.notes())
                .contains("the variant.yml beside it is taken as its own")
                .contains("pictures are normalised as variant.yml says: deit")
                .anyMatch(note -> note.startsWith("left out: encoder.head.weight to encoder.head.bias"));
    }

    @Test
    void withoutAVariantAConfigurationMustNameUnusualHeads() throws IOException {
        SegmenterConfig config = config(ImageSize.square(32), SegmenterConfig.Decoder.LINEAR);
        Path file = checkpoint(config);

        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .hasMessageContaining("the number of heads is unknown: embed_dim is 24")
                .hasMessageContaining("--config must supply num_heads");

        Path said = Files.writeString(directory.resolve("said.json"), "{\"model_args\": {\"num_heads\": 6}}");
        assertThat(ModelImport.read(file, said, Weights.AUTO).model().config().network())
                .isEqualTo(config);
    }

    @Test
    void aVariantThatContradictsTheWeightsIsNotFollowedInSilence() throws IOException {
        Path file = checkpoint(config(ImageSize.square(32), SegmenterConfig.Decoder.LINEAR));
        Path variant = directory.resolve("variant.yml");
        Path said = directory.resolve("said.json");

        Files.writeString(variant, VARIANT.replace("n_heads: 6", "n_heads: 5"));
        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .hasMessageContaining("variant.yml names 5 heads (n_heads)");

        Files.writeString(variant, VARIANT + "  thinking_stages: [1, 2]\n");
        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .hasMessageContaining("variant.yml names the stages [1, 2]")
                .hasMessageContaining("makes them [2, 3, 5], with 6 heads in all");
        Files.writeString(said, "{\"model_args\": {\"num_heads\": 6, \"thinking_stages\": [2, 3, 5]}}");
        assertThat(ModelImport.read(file, said, Weights.AUTO)
                        .model()
                        .config()
                        .network()
                        .shorthand())
                .isEqualTo("2H → 3H → 5H");

        Files.writeString(variant, VARIANT.replace("deit", "none"));
        assertThat(ModelImport.read(file, null, Weights.AUTO).notes())
                .anyMatch(note -> note.startsWith("variant.yml names a normalization that is not known"))
                .anyMatch(note -> note.startsWith("crops are taken to be of 32, as the positions say; 24 × 32"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "n_cls: 5 | n_cls: 7 | variant.yml says n_cls 7, the weights are of 5, which is taken",
                "d_model: 24 | d_model: 48 | variant.yml says d_model 48, the weights are of 24",
                "patch_size: 8 | patch_size: 4 | variant.yml says patch_size 4, the weights are of 8",
                "name: linear | name: mask_transformer | variant.yml says decoder mask_transformer, the weights are of linear",
                "patch_size: 8 | n_layers: 12 | variant.yml says n_layers 12, the weights are of 2"
            })
    void aVariantOfAnotherTrainingIsNoticed(String was, String is, String note) throws IOException {
        Path file = checkpoint(config(new ImageSize(24, 32), SegmenterConfig.Decoder.LINEAR));
        Files.writeString(directory.resolve("variant.yml"), VARIANT.replace(was, is));

        assertThat(ModelImport.read(file, null, Weights.AUTO).notes()).anyMatch(each -> each.startsWith(note));
    }

    @Test
    void positionsThatAreNoSquareNeedASize() throws IOException {
        Path file = checkpoint(config(new ImageSize(24, 32), SegmenterConfig.Decoder.LINEAR));
        Path said = Files.writeString(directory.resolve("said.json"), "{\"model_args\": {\"num_heads\": 6}}");

        assertThatThrownBy(() -> ModelImport.read(file, said, Weights.AUTO))
                .hasMessageContaining("has places for 12 patches, which are no square")
                .hasMessageContaining("--config must supply img_size");
    }

    @Test
    void aVariantThatIsNoYamlIsNamed() throws IOException {
        Path file = checkpoint(config(ImageSize.square(32), SegmenterConfig.Decoder.LINEAR));
        Files.writeString(directory.resolve("variant.yml"), "net_kwargs: {");

        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO)).hasMessageContaining("variant.yml");
    }

    /** A classification model becomes the encoder; its head, of another task, does not. */
    @Test
    void aTrainingStartsFromAClassificationModel() {
        SegmenterConfig config = config(ImageSize.square(32), SegmenterConfig.Decoder.LINEAR);
        ThinkingViTConfig vit = new ThinkingViTConfig(16, 8, 24, 2, 6, List.of(2, 6), 10, 1e-6);
        Map<String, HostTensor> source = vit.parameters().draw(3);

        WarmStart start = WarmStart.of(source, config, 5, dev.thinkingvit.model.ClassHead.of(0, 5));

        Map<String, HostTensor> drawn = config.parameters().draw(5);
        assertThat(start.weights().get("encoder.blocks.1.attn.qkv.weight").toFloats())
                .isEqualTo(source.get("blocks.1.attn.qkv.weight").toFloats());
        assertThat(start.weights().get("encoder.pos_embed").shape()).containsExactly(1, 17, 24);
        assertThat(start.weights().get("decoder.head.weight").toFloats())
                .isEqualTo(drawn.get("decoder.head.weight").toFloats());
        assertThat(start.weights().get("encoder._thinking_proj_layers.0.weight").toFloats())
                .isEqualTo(drawn.get("encoder._thinking_proj_layers.0.weight").toFloats());
        assertThat(start.width()).isEqualTo(24);
    }
}
