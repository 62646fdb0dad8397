package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.verify.Verification;
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
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class AdaptiveViTTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final ThinkingViTConfig TINY = ThinkingViTConfig.imagenet(3);

    /** Logits, token depths, ponder, and what only a training sees. */
    @ParameterizedTest
    @ValueSource(strings = {"avit", "avit-training"})
    void itComputesWhatThePublishedCodeDid(String folder) {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve(folder));
        try (Backbone backbone = PackedBackbone.of(model.config().network(), model.weights(), Precision.FP32)) {
            Verification verification = Verification.of(
                    backbone, model, REFERENCE.resolve(folder).resolve("expected.safetensors"), 1e-5, false, null);
            assertThat(verification.lines()).hasSize(6).allSatisfy(line -> assertThat(line.ok())
                    .as(line.toString())
                    .isTrue());
        }
    }

    /**
     * Of fewer blocks than the published prior's is around, whose first ones' scores are the longer network's. The prior is
     * the recording's: around a block that its metadata or its target names, which may lie beyond the network.
     */
    @ParameterizedTest
    @CsvSource({"0, false", "3, false", "8, false", "2, true", "8, true"})
    void scoresOfAShortNetworkAreJudged(int depth, boolean named, @TempDir Path directory) {
        ModelDirectory.Model whole = ModelDirectory.read(REFERENCE.resolve("avit-training"));
        int blocks = 5;
        AdaptiveViT network =
                new AdaptiveViT(new ThinkingViTConfig(32, 8, 24, blocks, 4, List.of(4), 11, 1e-6), 6, 2, 0.01);
        Map<String, HostTensor> weights = new LinkedHashMap<>(whole.weights());
        weights.keySet().retainAll(network.parameterShapes().keySet());
        ModelDirectory.Model model = new ModelDirectory.Model(directory, ModelConfig.of(network), weights);
        Safetensors.Contents published = Safetensors.read(whole.path().resolve("expected.safetensors"));
        Map<String, HostTensor> recorded = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>(Map.of("format", "thinkingvit-reference"));
        recorded.put("input", published.tensors().get("input"));
        float[] scores =
                Arrays.copyOf(published.tensors().get("halting_score_layer").toFloats(), blocks);
        recorded.put("halting_score_layer", HostTensor.of(scores, blocks));
        if (depth > 0) {
            float[] target = bell(blocks, depth);
            recorded.put("distr_target", HostTensor.of(target, blocks));
            recorded.put("distr_prior_kl", HostTensor.of(new float[] {distance(scores, target)}, 1));
        }
        if (named) {
            metadata.put("distr_prior_depth", String.valueOf(depth));
        }
        Path file = directory.resolve("recording.safetensors");
        Safetensors.write(file, recorded, metadata);

        try (Backbone backbone = PackedBackbone.of(network, weights, Precision.FP32)) {
            assertThat(Verification.of(backbone, model, file, 1e-5, false, null).lines())
                    .hasSize(recorded.size() - 1)
                    .allSatisfy(
                            line -> assertThat(line.ok()).as(line.toString()).isTrue());
        }
    }

    private static float[] bell(int blocks, int depth) {
        double before = 0;
        for (int i = 0; i < Math.min(blocks, depth); i++) {
            before += Math.exp(-0.5 * Math.pow(i - depth, 2));
        }
        float[] bell = new float[blocks];
        for (int i = 0; i < blocks; i++) {
            bell[i] = (float) (0.98 * Math.exp(-0.5 * Math.pow(i - depth, 2)) / before);
        }
        return bell;
    }

    private static float distance(float[] scores, float[] target) {
        double all = 0;
        for (float score : scores) {
            all += score;
        }
        double sum = 0;
        for (int i = 0; i < scores.length; i++) {
            double share = Math.min(0.99, Math.max(0.01, scores[i] / all));
            sum += target[i] * (Math.log(target[i]) - Math.log(share));
        }
        return (float) (sum / scores.length);
    }

    @Test
    void aRecordedPriorNamesAWholeBlock(@TempDir Path directory) {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve("avit-training"));
        Safetensors.Contents published = Safetensors.read(model.path().resolve("expected.safetensors"));
        Map<String, String> metadata = new LinkedHashMap<>(published.metadata());
        metadata.put("distr_prior_depth", "eight");
        Path file = directory.resolve("recording.safetensors");
        Safetensors.write(file, published.tensors(), metadata);

        try (Backbone backbone = PackedBackbone.of(model.config().network(), model.weights(), Precision.FP32)) {
            assertThatThrownBy(() -> Verification.of(backbone, model, file, 1e-5, false, null))
                    .hasMessageContaining("metadata distr_prior_depth 'eight' is no whole number");
        }
    }

    @Test
    void anImageCostsWhatItsTokensTookThatWereThere() {
        AdaptiveViT network = new AdaptiveViT(TINY, 10, 30, 0.01);
        float[] depths = new float[197];
        Arrays.fill(depths, 12);
        assertThat(network.macs(1, Map.of(Halting.TOKEN_DEPTH, depths))).isEqualTo(network.macs(1));
        assertThat(network.macs(1) / 1e9).isCloseTo(1.25, within(0.01));

        Arrays.fill(depths, 0, 100, 4);
        long block = 12L * 97 * 192 * 192 + 2L * 97 * 97 * 192; // of the 97 that go on
        long whole = 12L * 197 * 192 * 192 + 2L * 197 * 197 * 192;
        assertThat(network.macs(1, Map.of(Halting.TOKEN_DEPTH, depths)))
                .isEqualTo(network.macs(1) - 8 * (whole - block));

        Arrays.fill(depths, 1);
        assertThat(Cost.macs(network.network(), 1) - network.macs(1, Map.of(Halting.TOKEN_DEPTH, depths)))
                .isEqualTo(11 * whole);
    }

    @Test
    void itsArgumentsAreAViTsAndTheGates() {
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("img_size", 48);
        arguments.put("patch_size", 8);
        arguments.put("embed_dim", 24);
        arguments.put("depth", 12);
        arguments.put("num_heads", 3);
        arguments.put("num_classes", 13);
        arguments.put("gate_scale", 10);
        arguments.put("gate_center", 3.0);
        AdaptiveViT read = (AdaptiveViT) AdaptiveViT.ARCHITECTURE.read(new Arguments(arguments));

        assertThat(read)
                .isEqualTo(new AdaptiveViT(new ThinkingViTConfig(48, 8, 24, 12, 3, List.of(3), 13, 1e-6), 10, 3, 0.01));
        arguments.remove("gate_center");
        assertThatThrownBy(() -> AdaptiveViT.ARCHITECTURE.read(new Arguments(arguments)))
                .hasMessage("model_args.gate_center is missing");
    }

    /** All of it: in other networks what recycles tokens starts anew, and a stage that has learned from it with it. */
    @Test
    void itStartsAsTheThinkingViTThatItStartsFrom() {
        ThinkingViTConfig vit = new ThinkingViTConfig(16, 4, 32, 2, 4, List.of(2, 4), 3, 1e-6);
        Map<String, HostTensor> source = new Specimen("source", vit).weights();

        WarmStart start = WarmStart.of(source, new AdaptiveViT(vit, 10, 30, 0.01), 1, ClassHead.of(3, 3));

        assertThat(start.weights()).containsOnlyKeys(source.keySet());
        source.forEach((name, tensor) ->
                assertThat(start.weights().get(name).toFloats()).as(name).containsExactly(tensor.toFloats()));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 3, 0.01, gate_scale must be a finite number above 0",
        "NaN, 3, 0.01, gate_scale must be a finite number above 0",
        "10, Infinity, 0.01, gate_center must be a finite number",
        "10, 3, 0, halting_eps must lie between 0 and 1",
        "10, 3, 1, halting_eps must lie between 0 and 1"
    })
    void aGateThatCannotBeIsRefused(double scale, double center, double eps, String words) {
        assertThatThrownBy(() -> new AdaptiveViT(TINY, scale, center, eps))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(words);
    }
}
