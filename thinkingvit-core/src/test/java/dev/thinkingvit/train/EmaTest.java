package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class EmaTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/ema-warmup.json");

    @ParameterizedTest
    @ValueSource(strings = {"plain", "warmup", "warmup_low_decay"})
    void theDecaysOfTheFirstFiftyUpdatesAreThePublishedOnes(String course) throws Exception {
        JsonNode arguments = reference().get(course).get("arguments");
        JsonNode decays = reference().get(course).get("decay_of_update");
        Ema.Rule rule = Ema.Rule.published(arguments.get("decay").asDouble(), arguments.has("use_warmup"));

        assertThat(decays.size()).isEqualTo(50);
        for (int n = 1; n <= decays.size(); n++) {
            assertThat(rule.decay(n))
                    .as("update %d", n)
                    .isCloseTo(decays.get(n - 1).asDouble(), within(1e-15));
        }
    }

    @Test
    void theConstantRuleHasTheSetDecayFromTheFirstUpdateOn() throws Exception {
        double decay = reference().get("without_step_number").get("decay").asDouble();

        assertThat(Ema.Rule.constant(decay).decay(1)).isEqualTo(decay);
    }

    @ParameterizedTest
    @ValueSource(strings = {"trace_plain", "trace_warmup"})
    void theAverageOfAWeightIsThePublishedOne(String trace) throws Exception {
        follow(reference().get(trace), trace.endsWith("warmup"), 5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"trace_plain", "trace_warmup"})
    void anAverageThatIsRestoredGoesOnWithItsCount(String trace) throws Exception {
        follow(reference().get(trace), trace.endsWith("warmup"), 2);
    }

    /** @param before updates after which another average takes over the state */
    private static void follow(JsonNode trace, boolean warmup, int before) {
        Libtorch.load();
        Ema.Rule rule = Ema.Rule.published(trace.get("decay").asDouble(), warmup);
        try (Scope scope = new Scope()) {
            Tensor weight = number(trace.get("start").asDouble());
            Ema ema = new Ema(Map.of("weight", weight), rule, 1);
            for (int i = 0; i < trace.get("weights").size(); i++) {
                if (i == before) {
                    Ema other = new Ema(Map.of("weight", number(-1)), rule, 1);
                    Tensors.assign(
                            other.averages().get("weight"),
                            Tensors.toHost(ema.averages().get("weight")));
                    other.restoreUpdates(ema.updates());
                    ema.close();
                    ema = new Ema(Map.of("weight", weight), rule, 1);
                    Tensors.assign(
                            ema.averages().get("weight"),
                            Tensors.toHost(other.averages().get("weight")));
                    ema.restoreUpdates(other.updates());
                    other.close();
                }
                Tensors.assign(
                        weight,
                        HostTensor.of(new float[] {trace.get("weights").get(i).floatValue()}, 1));
                ema.update(0);
                ema.updated();
                assertThat(Tensors.toFloats(ema.averages().get("weight"))[0])
                        .as("after update %d", i + 1)
                        .isEqualTo(trace.get("average").get(i).floatValue());
            }
            assertThat(ema.updates()).isEqualTo(trace.get("weights").size());
            ema.close();
        }
    }

    private static Tensor number(double value) {
        return Tensors.toNative(HostTensor.of(new float[] {(float) value}, 1));
    }

    private static JsonNode reference() throws Exception {
        return new JsonMapper().readTree(Files.readAllBytes(REFERENCE));
    }
}
