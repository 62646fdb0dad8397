package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.TestWeights;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.example.ReZeroViT;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
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
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class ModelImportTest {
    private static final ThinkingViTConfig WIDE =
            new ThinkingViTConfig(new ImageSize(8, 32), 4, 64, 1, 1, List.of(1), 3, 1e-6);
    private static final Path REFERENCE = Path.of("src/test/resources/reference");

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "vit-3h-6h, AUTO, ema3.",
        "vit-3h-6h, EMA, ema3.",
        "vit-3h-6h, MODEL, after3.",
        "vit-2h-3h-6h, AUTO, ema3.",
        "vit-2h-3h-6h, EMA, ema3.",
        "vit-2h-3h-6h, MODEL, after3."
    })
    void convertingATrainersFileKeepsEveryBit(String model, Weights weights, String recorded) {
        Path folder = REFERENCE.resolve(model);
        ModelDirectory.Model read = ModelImport.read(
                        folder.resolve("checkpoint.pth.tar"), folder.resolve("config.json"), weights)
                .model();
        ModelDirectory.write(directory.resolve("out"), read.config(), read.weights());

        Map<String, HostTensor> written =
                ModelDirectory.read(directory.resolve("out")).weights();
        Map<String, HostTensor> expected = withPrefix(folder.resolve("checkpoint.safetensors"), recorded);
        assertThat(written.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, tensor) -> {
            assertThat(written.get(name).toString()).as(name).isEqualTo(tensor.toString());
            assertThat(written.get(name).data()).as(name).isEqualTo(tensor.data());
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit-3h-6h", "vit-2h-3h-6h"})
    void headsOfAnUnusualWidthMustBeSaid(String model) throws IOException {
        Path alone = alone(model);
        assertThatThrownBy(() -> ModelImport.read(alone, null, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("the number of heads is unknown")
                .hasMessageContaining("not a multiple of the usual head width 64")
                .hasMessageContaining("--config must supply num_heads");
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit-3h-6h", "vit-2h-3h-6h"})
    void headsOfAnUnusualWidthAreSaidByATrainersArguments(String model) {
        Path folder = REFERENCE.resolve(model);

        assertThat(ModelImport.read(folder.resolve("checkpoint.pth.tar"), null, Weights.AUTO)
                        .model()
                        .config()
                        .network())
                .isEqualTo(
                        ModelDirectory.readConfig(folder.resolve("config.json")).network());
    }

    @Test
    void aConfigurationMaySayJustTheHeads() throws IOException {
        Path folder = REFERENCE.resolve("vit-2h-3h-6h");
        ThinkingViTConfig whole = ThinkingViTConfig.of(
                ModelDirectory.readConfig(folder.resolve("config.json")).network());

        for (String args : List.of("{\"num_heads\": 6}", "{\"thinking_stages\": [2, 3, 6]}")) {
            Path config = config("{\"model_args\": " + args + "}");
            assertThat(ModelImport.read(alone("vit-2h-3h-6h"), config, Weights.AUTO)
                            .model()
                            .config()
                            .network())
                    .isEqualTo(whole);
        }
    }

    @Test
    void aDirectorysOwnConfigurationIsRead() {
        Path folder = REFERENCE.resolve("vit-3h-6h");

        assertThat(ModelImport.read(folder, null, Weights.AUTO).model().config())
                .isEqualTo(ModelDirectory.read(folder).config());
    }

    @Test
    void theConfigurationBesideAFileOfAUsualNameCountsWithAWord() {
        Path folder = REFERENCE.resolve("vit-3h-6h");
        ModelImport.Imported file = ModelImport.read(folder.resolve("model.safetensors"), null, Weights.AUTO);

        assertThat(file.model().config()).isEqualTo(ModelDirectory.read(folder).config());
        assertThat(file.notes()).contains("the config.json beside it is taken as its own");
    }

    @Test
    void headsThatTheFilesLayoutShowsCountAndMayNotBeContradicted() throws IOException {
        ThinkingViTConfig network = new ThinkingViTConfig(16, 8, 64, 1, 4, List.of(4), 5, 1e-6);
        StateDict bare = Checkpoints.read(weights(network), Weights.AUTO);
        StateDict google = new StateDict(
                bare.file(), "", bare.tensors(), Map.of(), List.of(), new StateDict.Origin("Google's", 4, true));

        ModelImport.Imported imported = ModelImport.of(bare.file(), google, null);
        assertThat(imported.model().config().network()).isEqualTo(network);
        assertThat(imported.model().config().preprocessing().mean()).containsExactly(0.5f, 0.5f, 0.5f);
        assertThat(imported.model().config().preprocessing().std()).containsExactly(0.5f, 0.5f, 0.5f);
        assertThat(imported.notes()).anyMatch(note -> note.contains("mean and std are 0.5"));
        assertThat(SourceConfig.of(bare.file(), google).headDim()).isEqualTo(16);
        assertThat(SourceConfig.of(bare.file(), google).mean()).containsExactly(0.5, 0.5, 0.5);

        Path config = config("{\"model_args\": {\"num_heads\": 2}}");
        assertThatThrownBy(() -> ModelImport.of(bare.file(), google, config))
                .hasMessageContaining("has 4 attention heads in its tensors' shapes; num_heads says 2");
    }

    @Test
    void aTensorMissedInAnAverageIsSoughtWhereItMayBe() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>(TestWeights.of(TestWeights.SMALL));
        tensors.remove("cls_token");
        StateDict average = new StateDict(Path.of("x.pth"), "state_dict_ema", tensors, Map.of());

        assertThatThrownBy(() -> ModelImport.of(Path.of("x.pth"), average, null))
                .hasMessageContaining("cls_token is missing")
                .hasMessageContaining("(in 'state_dict_ema'; --weights model takes others");
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1 3, 3", "1 2 3 4, 4"})
    void theShapesOfUsualHeadsSayEverything(String stages, int heads) {
        List<Integer> thinking =
                List.of(stages.split(" ")).stream().map(Integer::valueOf).toList();
        ThinkingViTConfig network = new ThinkingViTConfig(24, 8, heads * 64, 2, heads, thinking, 5, 1e-6);

        ModelDirectory.Model read =
                ModelImport.read(weights(network), null, Weights.AUTO).model();

        assertThat(read.config().network()).isEqualTo(network);
        assertThat(read.config().preprocessing().size().side()).isEqualTo(24);
    }

    @Test
    void trainerArgumentsSupplyWhatShapesCannotSay() throws IOException {
        // stages 1 and 2 of a network of 4 heads: no shape tells the last stage's width
        ThinkingViTConfig network = new ThinkingViTConfig(16, 8, 256, 1, 4, List.of(1, 2), 5, 1e-6);
        StateDict bare = Checkpoints.read(weights(network), Weights.AUTO);

        assertThat(ThinkingViTConfig.of(imported(bare, Map.of()).network()).thinkingStages())
                .containsExactly(1, 4);

        Map<String, Object> args = Map.of(
                "thinking_stages",
                List.of(1, 2),
                "crop_pct",
                0.8,
                "mean",
                List.of(0.5, 0.5, 0.5),
                "interpolation",
                "bilinear",
                "img_size",
                999);
        ModelConfig config = imported(bare, args);
        assertThat(config.network()).isEqualTo(network);
        assertThat(config.preprocessing().cropPct()).isEqualTo(0.8);
        assertThat(config.preprocessing().mean()).containsExactly(0.5f, 0.5f, 0.5f);
        assertThat(config.preprocessing().interpolation()).hasToString("BILINEAR");
        assertThat(config.training().toString()).contains("state_dict_ema").contains("\"epoch\":3");

        // stages that contradict the shapes are not used
        assertThat(ThinkingViTConfig.of(imported(bare, Map.of("thinking_stages", List.of(2, 3)))
                                .network())
                        .thinkingStages())
                .containsExactly(1, 4);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"model_args\": {\"num_heads\": 6, \"embed_dim\": 96}} | tensor cls_token has the wrong shape: expected [1, 1, 96], came [1, 1, 48]",
                "{\"model_args\": {\"num_heads\": 6, \"img_size\": 32}} | tensor pos_embed has the wrong shape: expected [1, 5, 48], came [1, 17, 48]",
                "{\"model_args\": {\"num_heads\": 6, \"patch_size\": 8}} | tensor patch_embed.proj.weight has the wrong shape: expected [48, 3, 8, 8], came [48, 3, 16, 16]",
                "{\"model_args\": {\"num_heads\": 6, \"depth\": 4}} | tensor blocks.3.norm1.weight is missing: expected shape [48]",
                "{\"model_args\": {\"num_heads\": 6, \"depth\": 2}} | tensor blocks.2.norm1.weight [48] is left over",
                "{\"model_args\": {\"num_heads\": 6}, \"num_classes\": 21} | tensor head.weight has the wrong shape: expected [21, 48], came [20, 48]",
                "{\"model_args\": {\"num_heads\": 6, \"thinking_stages\": [2, 6]}} | tensor proj_layer.weight has the wrong shape: expected [48, 16], came [48, 24]",
                "{\"model_args\": {\"num_heads\": 6, \"thinking_stages\": [3, 5, 6]}} | tensor alpha.1 is missing",
                "{\"model_args\": {\"num_heads\": 3}} | tensor proj_layer.weight has the wrong shape: expected a multiple of the head width 16 (embed_dim / num_heads) as columns, came 24",
                "{\"model_args\": {\"num_heads\": \"six\"}} | num_heads must be a whole number",
                "{\"model_args\": {\"heads\": 6}} | heads",
                "{\"model_args\": [6]} | model_args must be an object",
                "{\"architecture\": \"swin\", \"model_args\": {}} | architecture \"swin\" is not supported; supported are thinkingvit",
                "{\"model_args\": {\"num_heads\": 6}, \"label_names\": [\"a\"]} | label_names must name all 20 classes, got 1"
            })
    void aConfigurationThatContradictsTheShapesIsRefused(String text, String reason) throws IOException {
        Path config = config(text);
        Path alone = alone("vit-3h-6h");

        assertThatThrownBy(() -> ModelImport.read(alone, config, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource({"layers.0.blocks.0.norm1.weight, a Swin Transformer", "encoder.cls_token, a Segmenter"})
    void weightsOfAnotherNetworkAreNamed(String tensor, String network) {
        Path file = directory.resolve("other.safetensors");
        Safetensors.write(file, Map.of(tensor, HostTensor.of(new float[1], 1)), Map.of());

        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .hasMessageContaining(tensor + " belongs to " + network)
                .hasMessageContaining(
                        "the file is read as thinkingvit: a configuration must name the tensor's architecture");
    }

    @Test
    void weightsWithoutAVisionTransformersTensorsAreRefused() {
        Path file = directory.resolve("other.safetensors");
        Safetensors.write(file, Map.of("weight", HostTensor.of(new float[1], 1)), Map.of());

        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .hasMessageContaining("tensor cls_token is missing: expected shape [1, 1, ?]");
    }

    @Test
    void positionsThatFormNoSquareAreRefused() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("cls_token", HostTensor.of(new float[64], 1, 1, 64));
        tensors.put("pos_embed", HostTensor.of(new float[7 * 64], 1, 7, 64));
        tensors.put("patch_embed.proj.weight", HostTensor.of(new float[64 * 12], 64, 3, 2, 2));
        Path file = directory.resolve("odd.safetensors");
        Safetensors.write(file, tensors, Map.of());

        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .hasMessageContaining("tensor pos_embed has 7 tokens: expected a class token and a square number");
    }

    @Test
    void picturesThatAreNoSquareAreWhatSomebodySaysWhosePatchesTheyAre() throws IOException {
        StateDict bare = Checkpoints.read(weights(WIDE), Weights.AUTO); // 2 × 8 patches, as many as 4 × 4
        for (Map<String, Object> args : List.<Map<String, Object>>of(
                Map.of("img_size", List.of(8, 32)),
                Map.of("input_size", List.of(3, 8, 32), "img_size", 8),
                Map.of("img_size", 224, "model_kwargs", Map.of("img_size", List.of(8, 32))))) {
            assertThat(imported(bare, args).network().imageSize())
                    .as(args.toString())
                    .isEqualTo(WIDE.imageSize());
        }
        assertThat(imported(bare, Map.of("img_size", 224)).network().imageSize())
                .isEqualTo(ImageSize.square(16));
        Path input = config("{\"pretrained_cfg\": {\"input_size\": [3, 8, 32]}}");
        assertThat(ModelImport.read(bare.file(), input, Weights.AUTO)
                        .model()
                        .config()
                        .network()
                        .imageSize())
                .isEqualTo(WIDE.imageSize());
    }

    @Test
    void positionsThatFormNoSquareAreOfPicturesThatSomebodyNames() {
        ThinkingViTConfig flat = new ThinkingViTConfig(new ImageSize(8, 12), 4, 64, 1, 1, List.of(1), 3, 1e-6);
        StateDict bare = Checkpoints.read(weights(flat), Weights.AUTO);

        assertThat(imported(bare, Map.of("img_size", List.of(8, 12))).network().imageSize())
                .isEqualTo(flat.imageSize());
        assertThatThrownBy(() -> imported(bare, Map.of("img_size", List.of(8, 16))))
                .hasMessageContaining("tensor pos_embed has 7 tokens: expected a class token and a square number of"
                        + " patches, or as many as pictures of 8 × 16 pixels have; --config says otherwise, as in"
                        + " {\"model_args\": {\"img_size\": [height, width]}}");
    }

    /** Of 2 × 8 patches there are as many as of 4 × 4. */
    @Test
    void aSquareThatNothingSaysIsNoted() {
        ThinkingViTConfig flat = new ThinkingViTConfig(new ImageSize(8, 32), 4, 64, 1, 1, List.of(1), 3, 1e-6);
        StateDict bare = Checkpoints.read(weights(flat), Weights.AUTO);

        ModelImport.Imported read = ModelImport.of(bare.file(), bare, null);
        assertThat(read.model().config().network().imageSize()).isEqualTo(ImageSize.square(16));
        assertThat(read.notes())
                .contains("nothing says how large pictures are: a square of 16 pixels is taken, as of most models;"
                        + " --config says otherwise, as in {\"model_args\": {\"img_size\": [height, width]}}");
        for (String arch : List.of("vit_tiny_patch4_16", "vit_tiny_patch4_160")) {
            StateDict named = new StateDict(bare.file(), "model", bare.tensors(), Map.of("arch", arch));
            assertThat(ModelImport.of(named.file(), named, null)
                            .notes()
                            .toString()
                            .contains("a square of 16"))
                    .isEqualTo(!arch.endsWith("_16"));
        }
        assertThat(imported(bare, Map.of("img_size", List.of(8, 32))).network().imageSize())
                .isEqualTo(flat.imageSize());
    }

    @Test
    void anotherJarsArchitectureIsWhatItsTrainingKeptOfIt() {
        ReZeroViT network = new ReZeroViT(new ImageSize(8, 12), 4, 6, List.of(2, 1), List.of(1, 2), true, 3);
        Map<String, Object> kwargs = new LinkedHashMap<>(network.architecture().write(network));
        Object stages = kwargs.remove("stage_heads");
        Map<String, Object> args =
                Map.of("stage_heads", stages, "img_size", List.of(8, 12), "num_classes", 3, "model_kwargs", kwargs);
        StateDict trained = new StateDict(
                directory.resolve("last.pth.tar"),
                "state_dict",
                TestWeights.of(network.parameterShapes()),
                Map.of("arch", "rezerovit", "args", args));

        assertThat(ModelImport.of(trained.file(), trained, null)
                        .model()
                        .config()
                        .network())
                .isEqualTo(network);
        StateDict nameless = new StateDict(
                trained.file(), "state_dict", trained.tensors(), Map.of("arch", "rezerovit", "args", Map.of()));
        assertThatThrownBy(() -> ModelImport.of(nameless.file(), nameless, null))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("last.pth.tar: embedding.weight and blocks.0.bias are of no squares");
    }

    @Test
    void anotherJarsArchitectureIsRecognisedByItsTensors() {
        ReZeroViT network = new ReZeroViT(ImageSize.square(16), 4, 6, List.of(2, 1), List.of(1, 2), true, 3);
        Path bare = weights(network);

        ModelImport.Imported read = ModelImport.read(bare, null, Weights.AUTO);

        assertThat(read.model().config().network()).isEqualTo(network);
        assertThat(read.model().weights().keySet())
                .isEqualTo(network.parameterShapes().keySet());
        Map<String, long[]> anew =
                new ReZeroViT(ImageSize.square(16), 4, 6, List.of(2, 1), List.of(1, 2), false, 3).parameterShapes();
        Safetensors.write(bare, TestWeights.of(anew), Map.of());
        assertThatThrownBy(() -> ModelImport.read(bare, null, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(bare + ": tensor recycle2.weight is missing: expected shape [?, ?]");
    }

    private static ModelConfig imported(StateDict bare, Map<String, Object> args) {
        StateDict trained =
                new StateDict(bare.file(), "state_dict_ema", bare.tensors(), Map.of("epoch", 3, "args", args));
        return ModelImport.of(bare.file(), trained, null).model().config();
    }

    /** Weights with no configuration beside them. */
    private Path alone(String model) throws IOException {
        Path file = directory.resolve("alone.safetensors");
        return Files.exists(file) ? file : Files.copy(REFERENCE.resolve(model).resolve("model.safetensors"), file);
    }

    private Path config(String text) throws IOException {
        return Files.writeString(directory.resolve("partial.json"), text);
    }

    private Path weights(NetworkConfig network) {
        Path file = directory.resolve("bare.safetensors");
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        network.parameterShapes().forEach((name, shape) -> {
            int count = 1;
            for (long size : shape) {
                count *= (int) size;
            }
            tensors.put(name, HostTensor.of(new float[count], shape));
        });
        Safetensors.write(file, tensors, Map.of());
        return file;
    }

    private static Map<String, HostTensor> withPrefix(Path file, String prefix) {
        Map<String, HostTensor> found = new LinkedHashMap<>();
        Safetensors.read(file).tensors().forEach((name, tensor) -> {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), tensor);
            }
        });
        assertThat(found).isNotEmpty();
        return found;
    }
}
