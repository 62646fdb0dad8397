package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Opaque;
import dev.thinkingvit.checkpoint.TestWeights;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WeightsEntryTest {
    private static final Path FILE = Path.of("some.pth");
    private static final Map<String, HostTensor> A = weights();
    private static final Map<String, HostTensor> B = weights();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "state_dict_ema",
                "model_ema",
                "ema",
                "ema_state_dict",
                "model_ema_state_dict",
                "state_dict",
                "model_state_dict",
                "model",
                "net",
                "network",
                "module",
                "weights",
                "params",
                "my_best_net"
            })
    void weightsAreFoundUnderTheKeyAmongWhateverIsBeside(String key) {
        Map<String, Object> file = new LinkedHashMap<>();
        file.put("epoch", 3);
        file.put("optimizer", Map.of("state", Map.of(0, Map.of("exp_avg", tensor()))));
        file.put("rng", tensor());
        file.put("args", new Opaque("some.Config"));
        file.put(key, A);
        Map<String, Object> alone = new LinkedHashMap<>(file);
        alone.remove("rng"); // a tensor at the top is a weight, where no key is known

        WeightsEntry entry = find(FILE, key.startsWith("my") ? alone : file, Weights.AUTO);

        assertThat(entry.content()).isSameAs(A);
        assertThat(entry.path()).isEqualTo(key);
        assertThat(entry.facts()).containsEntry("epoch", 3).doesNotContainKeys("optimizer", "rng", "args");
    }

    @Test
    void theTopIsTheWeightsWhereNoKeyIsKnown() {
        assertThat(find(FILE, A, Weights.AUTO).path()).isEmpty();
    }

    @Test
    void nestedDictionariesAreFollowed() {
        WeightsEntry inside =
                find(FILE, Map.of("epoch", 1, "checkpoint", Map.of("model", A, "metric", 0.5)), Weights.AUTO);
        assertThat(inside.path()).isEqualTo("checkpoint.model");
        assertThat(inside.facts()).containsEntry("epoch", 1).containsEntry("metric", 0.5);

        assertThat(find(FILE, Map.of("model", Map.of("state_dict", A)), Weights.AUTO)
                        .content())
                .isSameAs(A);
    }

    @ParameterizedTest
    @CsvSource({
        "state_dict, state_dict_ema, AUTO, state_dict_ema",
        "state_dict, model_ema, EMA, model_ema",
        "model, model_ema, MODEL, model",
        "net, ema, AUTO, ema"
    })
    void theAverageIsPreferredUnlessTheOthersAreAskedFor(String model, String average, Weights which, String expected) {
        Map<String, Object> file = new LinkedHashMap<>();
        file.put(model, A);
        file.put(average, B);

        assertThat(find(FILE, file, which).path()).isEqualTo(expected);
    }

    @Test
    void anAverageThatIsNoneIsSteppedOver() {
        Map<String, Object> file = new LinkedHashMap<>();
        file.put("model_ema", null);
        file.put("ema", Map.of("decay", 0.9));
        file.put("state_dict_ema", new Opaque("some.Average"));
        file.put("model", A);

        assertThat(find(FILE, file, Weights.AUTO).path()).isEqualTo("model");
        assertThat(find(FILE, Map.of("ema", A, "model", Map.of()), Weights.AUTO).average())
                .isTrue();
    }

    @Test
    void attributesOfUnknownObjectsAreFactsToo() {
        Opaque args = new Opaque("my.Args");
        TestWeights.with(
                args, Map.of("thinking_stages", List.of(3, 6), "device", new Opaque("torch.device"), "self", args));

        Map<String, ?> facts =
                find(FILE, Map.of("model", A, "args", args), Weights.AUTO).facts();

        assertThat(facts.get("args"))
                .asString()
                .contains("thinking_stages=[3, 6]")
                .doesNotContain("device");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "opaque | its 'model' is no dictionary of tensors but timm.models.vit.ViT",
                "inside | 'state_dict': 'head.weight' should be a tensor, is numpy.ndarray",
                "two | no tensors by name, nor under a usual key such as state_dict or model; it has generator, critic",
                "sets | which of these sets of tensors is meant is not known: generator, critic",
                "arrays | 'cls_token' should be a tensor, is numpy.ndarray",
                "second | 'state_dict': 'head.weight' should be a tensor, is numpy.ndarray",
                "list | holds no dictionary of weights but list",
                "empty | it has epoch"
            })
    void whatIsThereInsteadIsNamed(String kind, String message) {
        Map<String, Object> two = new LinkedHashMap<>();
        two.put("generator", A);
        two.put("critic", B);
        Map<String, Object> second = new LinkedHashMap<>();
        second.put("count", 1);
        second.put("head.weight", new Opaque("numpy.ndarray"));
        Object root =
                switch (kind) {
                    case "opaque" -> Map.of("model", new Opaque("timm.models.vit.ViT"));
                    case "inside" -> Map.of("state_dict", Map.of("head.weight", new Opaque("numpy.ndarray")));
                    case "two", "sets" -> two;
                    case "arrays" -> Map.of("epoch", 1, "cls_token", new Opaque("numpy.ndarray"));
                    case "second" -> Map.of("state_dict", second);
                    case "list" -> List.of(1);
                    default -> Map.of("epoch", 1);
                };

        assertThatThrownBy(() -> find(FILE, root, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("some.pth: ")
                .hasMessageContaining(message);
    }

    @Test
    void anAverageMustHoldANetwork() {
        Map<String, HostTensor> network = new LinkedHashMap<>(A);
        network.put("patch_embed.proj.weight", tensor());
        Map<String, Object> scalar = Map.of("decay", 0.9, "updates", tensor());
        Map<String, Object> file = new LinkedHashMap<>();
        file.put("state_dict", network);
        file.put("ema", scalar);

        WeightsEntry entry = find(FILE, file, Weights.AUTO);
        assertThat(entry.path()).isEqualTo("state_dict");
        assertThat(entry.notes()).containsExactly("passed over: 'ema', which holds no whole set of weights");

        file.put("ema", Map.of("module.patch_embed.proj.weight", tensor()));
        assertThat(find(FILE, file, Weights.AUTO).path()).isEqualTo("ema");
    }

    private static Map<String, HostTensor> weights() {
        return Map.of("head.weight", tensor());
    }

    private static HostTensor tensor() {
        return HostTensor.of(new float[2], 2);
    }

    private static WeightsEntry find(Path file, @Nullable Object root, Weights which) {
        return WeightsEntry.find(file, root, which, Optional.empty());
    }
}
