package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.example.ReZeroViT;
import dev.thinkingvit.model.DynamicViTConfig;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class FirstWeightsTest {
    /** A plain ViT of one head of 4. */
    private static final ThinkingViTConfig SOURCE = new ThinkingViTConfig(4, 2, 4, 1, 1, List.of(1), 2, 1e-6);

    private static final ThinkingViTConfig TARGET = new ThinkingViTConfig(4, 2, 8, 1, 2, List.of(1, 2), 2, 1e-6);
    private static final List<String> NAMES = List.of("cat", "dog");

    @TempDir
    Path folder;

    private final Map<String, HostTensor> tensors = new LinkedHashMap<>();

    @BeforeEach
    void drawSource() {
        tensors.putAll(weights());
    }

    private static Map<String, HostTensor> weights() {
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        SOURCE.parameterShapes().forEach((name, shape) -> {
            int count = 1;
            for (long size : shape) {
                count *= (int) size;
            }
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = i + 1;
            }
            weights.put(name, HostTensor.of(values, shape));
        });
        return weights;
    }

    private FirstWeights read(String config) throws IOException {
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        if (!config.isEmpty()) {
            Files.writeString(folder.resolve("config.json"), config);
        }
        return FirstWeights.read(folder, TARGET, NAMES, 1);
    }

    @Test
    void aNetworkGoesOnWithAllThatTheSameOneHas() throws IOException {
        Map<String, HostTensor> weights = TARGET.parameters().draw(5);
        Safetensors.write(folder.resolve("model.safetensors"), weights, Map.of());

        FirstWeights anew = FirstWeights.read(folder, TARGET, NAMES, 1);
        FirstWeights whole = FirstWeights.readWithRecycling(folder, TARGET, NAMES, 1);

        String projection = ThinkingViTConfig.projectionName(2) + ".weight";
        assertThat(anew.weights().get(projection).toFloats())
                .isNotEqualTo(weights.get(projection).toFloats());
        assertThat(whole.weights().keySet()).isEqualTo(weights.keySet());
        weights.forEach((name, tensor) ->
                assertThat(whole.weights().get(name).toFloats()).as(name).isEqualTo(tensor.toFloats()));
        assertThat(whole.lines())
                .contains("note: alpha and proj_layer, which recycle tokens, are taken as they are")
                .noneMatch(line -> line.contains("anew") || line.contains("at random"));
    }

    /** Stages of heads of 4 that go on from another network's. */
    @ParameterizedTest
    @CsvSource({
        "'1,2,3', 3, '2,3', 3, alpha.1, proj_layer2", // its first stage left out
        "'1,2,3', 3, '1,2', 2, alpha.0, proj_layer", // its last: a narrower network reads the leading rows
        "'1,2', 2, '1,2', 3, alpha.0, proj_layer", // of a wider network, whose stage reads no more
    })
    void stagesOfANetworkOfOtherStagesRecycleAsTheyDidThere(
            String its, int itsHeads, String wanted, int heads, String alpha, String projection) throws IOException {
        ThinkingViTConfig source = staged(its, itsHeads);
        ThinkingViTConfig target = staged(wanted, heads);
        Map<String, HostTensor> weights =
                new LinkedHashMap<>(source.parameters().draw(5));
        weights.put(alpha, HostTensor.of(new float[] {0.75f}, 1));
        ModelDirectory.write(folder, ModelConfig.of(source), weights);

        Map<String, HostTensor> taken =
                FirstWeights.readWithRecycling(folder, target, NAMES, 1).weights();

        assertThat(taken.get("alpha.0").toFloats()).containsExactly(0.75f);
        float[] rows = weights.get(projection + ".weight").toFloats();
        float[] own = taken.get("proj_layer.weight").toFloats();
        List<Integer> stages = target.thinkingStages();
        int read = 4 * stages.get(1) * 4 * stages.get(0);
        assertThat(Arrays.copyOf(own, read)).isEqualTo(Arrays.copyOf(rows, read));
    }

    @Test
    void amongTransitionsAsWideTheSameStagesIsTaken() throws IOException {
        List<List<Integer>> rounds = List.of(List.of(1, 4), List.of(1, 4), List.of(1, 4));
        SwinConfig swin = new SwinConfig(16, 2, 8, List.of(2, 2), List.of(2, 4), List.of(4, 4), rounds, 2);
        Map<String, HostTensor> weights = swin.parameters().draw(5);
        ModelDirectory.write(folder, ModelConfig.of(swin), weights);

        Map<String, HostTensor> taken =
                FirstWeights.readWithRecycling(folder, swin, NAMES, 1).weights();

        weights.forEach((name, tensor) ->
                assertThat(taken.get(name).toFloats()).as(name).isEqualTo(tensor.toFloats()));
    }

    /** Whose last stage's heads nobody tells. */
    @Test
    void weightsWithoutAConfigurationAreTakenByNameAndShape() throws IOException {
        ThinkingViTConfig network = staged("1,2", 4);
        Map<String, HostTensor> weights = network.parameters().draw(5);
        Safetensors.write(folder.resolve("model.safetensors"), weights, Map.of());

        Map<String, HostTensor> taken =
                FirstWeights.readWithRecycling(folder, network, NAMES, 1).weights();

        assertThat(taken.get("proj_layer.weight").toFloats())
                .isEqualTo(weights.get("proj_layer.weight").toFloats());
    }

    @Test
    void whatRecyclesBetweenOtherWidthsIsNotTaken() throws IOException {
        ThinkingViTConfig source = staged("1,2,3", 3);
        ModelDirectory.write(folder, ModelConfig.of(source), source.parameters().draw(5));

        // its proj_layer has this shape, and its rows for the third head were never trained
        assertThatThrownBy(() -> FirstWeights.readWithRecycling(folder, staged("1,3", 3), NAMES, 1))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("recycles tokens otherwise than 1H → 3H: alpha.0 of [1] is required")
                .hasMessageEndingWith("it has none; it is 1H → 2H → 3H");
    }

    private static ThinkingViTConfig staged(String stages, int heads) {
        List<Integer> each = Stream.of(stages.split(",")).map(Integer::valueOf).toList();
        return new ThinkingViTConfig(4, 2, 4 * heads, 1, heads, each, 2, 1e-6);
    }

    @Test
    void whatRecyclesOtherwiseIsNotTaken() throws IOException {
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());

        assertThatThrownBy(() -> FirstWeights.readWithRecycling(folder, TARGET, NAMES, 1))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("recycles tokens otherwise than " + TARGET.shorthand())
                .hasMessageContaining("is required to take it, it has none");
    }

    @Test
    void whatCameFromWhereIsSaidFirst() throws IOException {
        FirstWeights start = read("");

        assertThat(start.lines().get(0))
                .isEqualTo(
                        "first weights: 20 of 23 tensors, %,d of %,d values, from %s; the others are drawn at random",
                        SOURCE.parameterCount(), TARGET.parameterCount(), folder.resolve("model.safetensors"));
        assertThat(start.lines()).anyMatch(line -> line.startsWith("note: stage 1, as wide as the source (4)"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'model_args': {'embed_dim': 4, 'num_heads': 2}}",
                "{'hidden_size': 4, 'num_attention_heads': 2}"
            })
    void headsThatAConfigurationSaysAreOfAnotherWidthAreRefused(String config) {
        assertThatThrownBy(() -> read(config.replace('\'', '"')))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("its heads are 2 wide, those of the training 4")
                .hasMessageContaining("--head-dim 2 is required");
    }

    @Test
    void headsOfUnknownWidthAreDoubted() throws IOException {
        assertThat(read("").lines()).anyMatch(line -> line.startsWith("warning: the source does not say how wide"));
        assertThat(read("{\"model_args\": {\"embed_dim\": 4, \"num_heads\": 1}}")
                        .lines())
                .noneMatch(line -> line.startsWith("warning"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'label_names': ['dog', 'cat']}",
                "{'pretrained_cfg': {'label_names': ['a', 'b'], 'label_descriptions': {'a': 'dog', 'b': 'cat'}}}",
                "{'id2label': {'0': 'dog', '1': 'cat'}}"
            })
    void aHeadWhoseClassesAreNamedIsTakenByName(String config) throws IOException {
        FirstWeights start = read(config.replace('\'', '"'));

        assertThat(start.weights().get("head.bias").toFloats()).containsExactly(2, 1);
    }

    @Test
    void aHeadOfOtherNamesStartsAnewAndMadeUpNamesAreNone() throws IOException {
        assertThat(read("{\"label_names\": [\"car\", \"bus\"]}")
                        .weights()
                        .get("head.bias")
                        .toFloats())
                .containsExactly(0, 0);
        assertThat(read("{\"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}}")
                        .weights()
                        .get("head.bias")
                        .toFloats())
                .containsExactly(1, 2);
    }

    @Test
    void anotherNormalisationIsWarnedOf() throws IOException {
        assertThat(read("{\"pretrained_cfg\": {\"mean\": [0.5, 0.5, 0.5]}}").lines())
                .anyMatch(line -> line.contains("normalised with mean [0.5, 0.5, 0.5]"));
        assertThat(read("{\"pretrained_cfg\": {\"mean\": [0.485, 0.456, 0.406]}}")
                        .lines())
                .noneMatch(line -> line.contains("normalised"));
    }

    @Test
    void valuesThatAreNoNumbersAreRefused() {
        tensors.put("norm.bias", HostTensor.of(new float[] {0, 0, Float.NaN, 0}, 4));

        assertThatThrownBy(() -> read(""))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tensor norm.bias holds NaN");
    }

    @Test
    void anotherKindOfNetworkIsRefused() {
        HostTensor norm = tensors.get("norm.bias");
        tensors.clear();
        tensors.put("layer1.0.conv1.weight", HostTensor.of(new float[64 * 9], 8, 8, 3, 3));
        tensors.put("norm.bias", norm);

        assertThatThrownBy(() -> read(""))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("another kind of network: of its 2 tensors, such as layer1.0.conv1.weight, ");
    }

    @Test
    void positionsAreOfTheGridThatTheConfigurationSays() throws IOException {
        ThinkingViTConfig wide = new ThinkingViTConfig(new ImageSize(4, 16), 2, 4, 1, 1, List.of(1), 2, 1e-6);
        tensors.putAll(wide.parameters().draw(1));

        assertThat(read("").lines()).contains("note: pos_embed is resampled from 4 × 4 patches to 2 × 2");
        for (String said : List.of(
                "{\"model_args\": {\"img_size\": [4, 16]}}",
                "{\"pretrained_cfg\": {\"input_size\": [3, 4, 16]}}",
                "{\"image_size\": [4, 16]}")) {
            assertThat(read(said).lines()).contains("note: pos_embed is resampled from 2 × 8 patches to 2 × 2");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anotherJarsArchitectureSaysHowWideItsHeadsAre(boolean configured) throws IOException {
        ReZeroViT source = new ReZeroViT(ImageSize.square(8), 4, 4, List.of(1), List.of(1), true, 2);
        ReZeroViT target = new ReZeroViT(ImageSize.square(8), 4, 4, List.of(1, 1), List.of(1, 2), true, 2);
        ModelDirectory.write(folder, ModelConfig.of(source), source.parameters().draw(1));
        if (!configured) {
            Files.delete(folder.resolve("config.json"));
        }

        FirstWeights start = FirstWeights.read(folder, target, NAMES, 1);
        assertThat(start.lines()).noneMatch(line -> line.contains("how wide its heads are"));

        ReZeroViT other = new ReZeroViT(ImageSize.square(8), 4, 2, List.of(1, 1), List.of(2, 4), true, 2);
        assertThatThrownBy(() -> FirstWeights.read(folder, other, NAMES, 1))
                .isInstanceOf(CheckpointException.class)
                .hasMessageEndingWith(
                        "its heads are 4 wide, those of the training 2: attention would start as another function");
    }

    /** Heads of 4. */
    private static SwinConfig swin(int width, Integer... heads) {
        return new SwinConfig(8, 2, width, List.of(1, 1), List.of(heads), List.of(2, 2), List.of(List.of(heads)), 2);
    }

    private FirstWeights startSwin(SwinConfig source) throws IOException {
        tensors.clear();
        tensors.putAll(source.parameters().draw(1));
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        return FirstWeights.read(folder, swin(8, 2, 4), NAMES, 1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1, 2 | 0, 1 | warning: the source leaves patches out before the blocks [1, 2], this model before [0, 1]:"
                        + " predictors start with what they learnt there",
                "1, 2 | 1 | warning: the source leaves patches out before the blocks [1, 2], this model before [1]:"
                        + " predictors start with what they learnt there",
                "1, 2 | 1, 2 | ''",
            })
    void predictorsThatLearntBeforeOtherBlocksAreDoubted(String learnt, String wanted, String doubt) {
        DynamicViTConfig source = pruned(learnt);
        ModelDirectory.write(folder, ModelConfig.of(source), source.parameters().draw(1));
        List<String> lines = FirstWeights.read(folder, pruned(wanted), NAMES, 1).lines();
        assertThat(lines.stream().filter(line -> line.startsWith("warning: the source leaves patches out")))
                .containsExactlyElementsOf(doubt.isEmpty() ? List.of() : List.of(doubt));
    }

    private static DynamicViTConfig pruned(String blocks) {
        List<Integer> loc =
                Stream.of(blocks.split(", ", -1)).map(Integer::valueOf).toList();
        return new DynamicViTConfig(
                new ThinkingViTConfig(8, 2, 8, 3, 2, List.of(1, 2), 2, 1e-6),
                loc,
                DynamicViTConfig.powers(0.7, loc.size()));
    }

    @Test
    void aSwinStartsFromANarrowerOneWithoutDoubts() throws IOException {
        FirstWeights start = startSwin(swin(4, 1, 2));

        assertThat(start.lines().get(0)).startsWith("first weights: 37 of 37 tensors");
        assertThat(start.lines()).noneMatch(line -> line.startsWith("warning"));
    }

    @Test
    void aWiderSwinIsRefusedWithItsFile() {
        assertThatThrownBy(() -> startSwin(swin(16, 4, 8)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(folder.resolve("model.safetensors")
                        + ": weights of embed_dim 16 do not become a Thinking Swin of embed_dim 8");
    }

    @Test
    void microsoftsBiasesAreResizedAsItsOwnCodeDoesAndOthersAsTimmDoes() throws IOException {
        SwinConfig source =
                new SwinConfig(12, 2, 8, List.of(1, 1), List.of(2, 4), List.of(3, 3), List.of(List.of(2, 4)), 2);
        String resized =
                "note: relative_position_bias_table of 2 blocks is resized from windows of 3 × 3 to 2 × 2, as ";
        assertThat(startSwin(source).lines()).contains(resized + "timm does");

        source.parameters().draw(1).forEach((name, tensor) -> {
            tensors.remove(name);
            tensors.put(
                    name.replace("layers.1.downsample", "layers.0.downsample").replace("head.fc.", "head."), tensor);
        });
        Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
        FirstWeights start = FirstWeights.read(folder, swin(8, 2, 4), NAMES, 1);

        assertThat(start.lines().get(0)).startsWith("first weights: 37 of 37 tensors");
        assertThat(start.lines())
                .contains("note: Microsoft's names are read as timm's", resized + "Microsoft's code does");
    }

    @Test
    void headsThatTensorsSayAreOfAnotherWidthAreRefused() {
        assertThatThrownBy(() -> startSwin(swin(8, 4, 4)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("its heads are of another width: layers.0.blocks.0.attn."
                        + "relative_position_bias_table has 4 of them, heads as wide as the training's (4) would be 2:"
                        + " attention would start as another function");
    }

    @Test
    void aViTIsAnotherKindOfNetworkThanASwinAndTheOtherWayRound() {
        ThinkingViTConfig vit = new ThinkingViTConfig(8, 2, 16, 12, 1, List.of(1), 2, 1e-6);
        tensors.clear();
        tensors.putAll(vit.parameters().draw(1));
        assertThatThrownBy(() -> {
                    Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
                    FirstWeights.read(folder, swin(8, 2, 4), NAMES, 1);
                })
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("fit a Swin Transformer by name and shape (layers.0.blocks.0.attn.qkv.weight, …)")
                .hasMessageContaining("a Swin Transformer or Thinking Swin is required to start (2,4) from");

        tensors.clear();
        tensors.putAll(swin(8, 2, 4).parameters().draw(1));
        assertThatThrownBy(() -> read(""))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("fit a ViT by name and shape (blocks.0.attn.qkv.weight, …)")
                .hasMessageContaining("a ViT, DeiT or ThinkingViT is required to start 1H → 2H from");
    }
}
