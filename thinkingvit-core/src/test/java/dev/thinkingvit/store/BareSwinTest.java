package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.TestWeights;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Swin Transformers whose configuration says nothing, or only their name. */
@NullUnmarked // a null fails the test
class BareSwinTest {
    private static final List<Integer> HEADS = List.of(2, 4, 4);
    private static final SwinConfig PLAIN =
            new SwinConfig(64, 4, 8, List.of(1, 2, 1), HEADS, List.of(4, 4, 3), List.of(HEADS), 5);
    private static final SwinConfig ROUNDS = new SwinConfig(
            64, 4, 8, List.of(1, 2, 1), HEADS, List.of(4, 4, 3), List.of(List.of(1, 2, 3), List.of(2, 3, 4)), 5);

    @TempDir
    Path folder;

    @Test
    void aPlainOneIsAnArchitectureWithOneRound() {
        Path file = folder.resolve("swin_some_64.safetensors");
        Safetensors.write(file, TestWeights.of(PLAIN.parameterShapes()), Map.of());

        ModelImport.Imported read = ModelImport.read(file, size(64), Weights.AUTO);

        assertThat(read.model().config().network()).isEqualTo(PLAIN);
        assertThat(read.model().weights().keySet())
                .containsExactlyElementsOf(PLAIN.parameterShapes().keySet());
    }

    @Test
    void microsoftsNamesAreReadAsTimms() {
        Map<String, HostTensor> theirs = new LinkedHashMap<>();
        TestWeights.of(PLAIN.parameterShapes())
                .forEach((name, tensor) -> theirs.put(
                        name.replace("layers.1.downsample", "layers.0.downsample")
                                .replace("layers.2.downsample", "layers.1.downsample")
                                .replace("head.fc.", "head."),
                        tensor));
        theirs.put("layers.0.blocks.0.attn.relative_position_index", HostTensor.of(new float[16], 4, 4));
        theirs.put("layers.1.blocks.1.attn_mask", HostTensor.of(new float[16], 1, 4, 4));
        Path file = folder.resolve("ms.safetensors");
        Safetensors.write(file, theirs, Map.of());

        ModelImport.Imported read = ModelImport.read(file, size(64), Weights.AUTO);

        assertThat(read.model().config().network()).isEqualTo(PLAIN);
        assertThat(read.notes()).contains("Microsoft's names are read as timm's");
        assertThat(read.model().weights().get("layers.1.downsample.norm.weight").toFloats())
                .isEqualTo(theirs.get("layers.0.downsample.norm.weight").toFloats());
    }

    @ParameterizedTest
    @CsvSource({
        "attention.self.query, attention.self.key, attention.self.value, attention.output.dense, attention.self,"
                + " intermediate.dense, output.dense",
        "attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj, attention.relative_position_bias,"
                + " mlp.fc1, mlp.fc2" // as its fifth release calls them in memory
    })
    void transformersNamesAreReadAsTimms(
            String query, String key, String value, String out, String table, String fc1, String fc2) {
        Map<String, HostTensor> ours = TestWeights.of(PLAIN.parameterShapes());
        Map<String, HostTensor> theirs = new LinkedHashMap<>();
        ours.forEach((name, tensor) -> {
            String to = name.replace("patch_embed.proj", "swin.embeddings.patch_embeddings.projection")
                    .replace("patch_embed.norm", "swin.embeddings.norm")
                    .replace("layers.1.downsample", "layers.0.downsample")
                    .replace("layers.2.downsample", "layers.1.downsample")
                    .replace("attn.relative", table + ".relative")
                    .replace("attn.proj", out)
                    .replace("mlp.fc1", fc1)
                    .replace("mlp.fc2", fc2)
                    .replace("norm1", "layernorm_before")
                    .replace("norm2", "layernorm_after")
                    .replaceFirst("^layers", "swin.encoder.layers")
                    .replaceFirst("^norm", "swin.layernorm")
                    .replace("head.fc", "classifier");
            if (name.contains("attn.qkv")) {
                float[] values = tensor.toFloats();
                long[] shape = tensor.shape().clone();
                shape[0] /= 3;
                int third = values.length / 3;
                int part = 0;
                for (String each : List.of(query, key, value)) {
                    theirs.put(
                            to.replace("attn.qkv", each),
                            HostTensor.of(Arrays.copyOfRange(values, part * third, (part + 1) * third), shape));
                    part++;
                }
            } else {
                theirs.put(to, tensor);
            }
        });
        Path file = folder.resolve("hf.safetensors");
        Safetensors.write(file, theirs, Map.of());

        ModelDirectory.Model read =
                ModelImport.read(file, size(64), Weights.AUTO).model();

        assertThat(read.config().network()).isEqualTo(PLAIN);
        ours.forEach((name, tensor) ->
                assertThat(read.weights().get(name).toFloats()).as(name).isEqualTo(tensor.toFloats()));
    }

    @Test
    void wrappersComeOffItsNames() {
        Map<String, HostTensor> wrapped = new LinkedHashMap<>();
        TestWeights.of(PLAIN.parameterShapes()).forEach((name, tensor) -> wrapped.put("module." + name, tensor));
        Path file = folder.resolve("ddp.safetensors");
        Safetensors.write(file, wrapped, Map.of());

        assertThat(ModelImport.read(file, size(64), Weights.AUTO).model().weights())
                .containsOnlyKeys(PLAIN.parameterShapes().keySet());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "head_rounds | (1,2,3) (2,3,4)",
                "head_rounds | [1, 2, 3, 2, 3, 4]",
                "head_rounds | 1,2,3;2,3,4",
                "head_round_ | [1, 2, 3]; [2, 3, 4]"
            })
    void roundsAreWhatTheTrainingScriptWasTold(String option, String text) {
        String[] parts = text.split(";", -1);
        Map<String, Object> args = option.endsWith("_")
                ? Map.of(option + 1, parts[0], option + 2, parts[1], "img_size", 64)
                : Map.of(option, text, "img_size", 64);

        assertThat(imported(ROUNDS, args).model().config().network()).isEqualTo(ROUNDS);
    }

    @Test
    void roundsThatNobodyNamesOrThatDoNotFitAreAskedFor() {
        assertThatThrownBy(() -> imported(ROUNDS, Map.of("img_size", 64)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("the heads of its 2 rounds are unknown: no args name them; --config must");
        assertThatThrownBy(() -> imported(ROUNDS, Map.of("img_size", 64, "head_rounds", List.of(1, 2, 2, 2, 3, 4))))
                .hasMessageContaining("its args name [[1, 2, 2], [2, 3, 4]], which do not fit");
    }

    @Test
    void thePublishedModelNeedsNobodyToNameItsRounds() {
        List<List<Integer>> rounds = List.of(List.of(3, 3, 6, 12), List.of(3, 6, 12, 24));
        SwinConfig small =
                new SwinConfig(32, 4, 12, List.of(1, 1, 1, 1), rounds.get(1), List.of(7, 7, 7, 7), rounds, 5);
        SwinConfig read = (SwinConfig)
                imported(small, Map.of("img_size", 32)).model().config().network();
        assertThat(read.headRounds()).isEqualTo(rounds);
    }

    @Test
    void aNameSaysHowLargePicturesAreElseANoteDoes() {
        Map<String, HostTensor> weights = TestWeights.of(PLAIN.parameterShapes());
        Path named = folder.resolve("swin_some_patch4_window4_128.safetensors");
        Safetensors.write(named, weights, Map.of());
        Path nameless = folder.resolve("weights.safetensors");
        Safetensors.write(nameless, weights, Map.of());

        assertThat(ModelImport.read(named, null, Weights.AUTO)
                        .model()
                        .config()
                        .network()
                        .imageSize()
                        .side())
                .isEqualTo(128);
        ModelImport.Imported taken = ModelImport.read(nameless, null, Weights.AUTO);
        assertThat(taken.model().config().network().imageSize().side()).isEqualTo(224);
        assertThat(taken.notes()).anyMatch(note -> note.contains("224 pixels are taken"));
    }

    @Test
    void picturesThatAreNoSquareAreWhatTheTrainingScriptWasTold() {
        ImageSize wide = new ImageSize(64, 128);
        for (Map<String, Object> args : List.<Map<String, Object>>of(
                Map.of("img_size", List.of(64, 128)),
                Map.of("input_size", List.of(3, 64, 128), "img_size", 64),
                Map.of("model_kwargs", Map.of("img_size", List.of(64, 128))))) {
            assertThat(imported(PLAIN, args).model().config().network().imageSize())
                    .as(args.toString())
                    .isEqualTo(wide);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "layers.0.blocks.0.attn.logit_scale, a Swin Transformer V2",
        "absolute_pos_embed, a Swin Transformer with absolute position embeddings"
    })
    void itsRelativesAreRefusedByName(String tensor, String network) {
        Map<String, HostTensor> weights = new LinkedHashMap<>(TestWeights.of(PLAIN.parameterShapes()));
        weights.put(tensor, HostTensor.of(new float[2], 2, 1));
        Path file = folder.resolve("other.safetensors");
        Safetensors.write(file, weights, Map.of());

        assertThatThrownBy(() -> ModelImport.read(file, null, Weights.AUTO))
                .hasMessageContaining("tensor " + tensor + " belongs to " + network);
    }

    @Test
    void aConfigurationOfAnotherArchitectureIsNotOverruled() throws IOException {
        Path file = folder.resolve("swin.safetensors");
        Safetensors.write(file, TestWeights.of(PLAIN.parameterShapes()), Map.of());
        Path config = folder.resolve("vit.json");
        Files.writeString(config, "{\"architecture\": \"thinkingvit\"}");

        assertThatThrownBy(() -> ModelImport.read(file, config, Weights.AUTO))
                .hasMessageContaining("belongs to a Swin Transformer")
                .hasMessageContaining("thinkingvit");
    }

    @Test
    void transformersConfigurationIsOfOneRound() throws IOException {
        Safetensors.write(folder.resolve("model.safetensors"), TestWeights.of(PLAIN.parameterShapes()), Map.of());
        String shape =
                "\"model_type\": \"swin\", \"image_size\": 64, \"patch_size\": 4, \"embed_dim\": 8, \"depths\": [1, 2, 1],"
                        + " \"num_heads\": [2, 4, 4], \"window_size\": [4, 4, 3]";
        Files.writeString(folder.resolve("config.json"), "{" + shape + "}");

        ModelConfig read = ModelImport.read(folder, null, Weights.AUTO).model().config();
        assertThat(read.network()).isEqualTo(PLAIN);
        assertThat(read.preprocessing().size().side()).isEqualTo(64);

        Files.writeString(folder.resolve("config.json"), "{" + shape + ", \"use_absolute_embeddings\": true}");
        assertThatThrownBy(() -> ModelImport.read(folder, null, Weights.AUTO))
                .hasMessageContaining("use_absolute_embeddings must be false, got true");
    }

    private static ModelImport.Imported imported(SwinConfig network, Map<String, Object> args) {
        StateDict state = new StateDict(
                Path.of("x.pth.tar"),
                "state_dict_ema",
                TestWeights.of(network.parameterShapes()),
                Map.of("args", args));
        return ModelImport.of(state.file(), state, null);
    }

    private Path size(int pixels) {
        try {
            return Files.writeString(folder.resolve("size.json"), "{\"model_args\": {\"img_size\": " + pixels + "}}");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
