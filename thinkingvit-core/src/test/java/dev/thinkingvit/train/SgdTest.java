package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.network.Start;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class SgdTest {
    private static final List<String> NAMES = List.of("weight", "bias");

    private final JsonNode recorded;

    SgdTest() throws IOException {
        recorded = new JsonMapper()
                .readTree(Files.readAllBytes(
                        Path.of("src/test/resources/reference").resolve("sgd.json")));
    }

    private static HostTensor tensor(JsonNode values) {
        float[] floats = new float[values.size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values.get(i).asDouble();
        }
        return floats.length == 6 ? HostTensor.of(floats, 2, 3) : HostTensor.of(floats, 3);
    }

    private static final Parameters DECLARED = Parameters.of(List.of(
            Parameter.of("weight", Start.ZEROS, 0, Axis.whole(2), Axis.whole(3)),
            Parameter.of("bias", Start.ZEROS, 0, Axis.whole(3))));

    private static Recipe recipe(String opt, double momentum) {
        return RecipeFile.with(Recipe.DEFAULT, Map.of("opt", opt, "momentum", momentum, "weight_decay", 0.05));
    }

    @ParameterizedTest
    @CsvSource({"sgd, 0.9", "momentum, 0.9", "momentum, 0"})
    void threeStepsEndWherePyTorchsDo(String opt, double momentum) {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> parameters = new LinkedHashMap<>();
            Map<String, Tensor> gradients = new LinkedHashMap<>();
            for (int i = 0; i < 2; i++) {
                parameters.put(NAMES.get(i), Tensors.toNative(tensor(recorded.get(NAMES.get(i)))));
                gradients.put(
                        NAMES.get(i),
                        Tensors.toNative(tensor(recorded.get("gradients").get(0).get(i))));
            }
            try (Optimizer optimizer = Optimizer.of(recipe(opt, momentum), DECLARED, parameters, gradients, 2)) {
                for (JsonNode step : recorded.get("gradients")) {
                    for (int i = 0; i < 2; i++) {
                        Tensors.assign(gradients.get(NAMES.get(i)), tensor(step.get(i)));
                    }
                    optimizer.step(
                            0, recorded.get("lr").asDouble(), recorded.get("lr").asDouble());
                    optimizer.step(
                            1, recorded.get("lr").asDouble(), recorded.get("lr").asDouble());
                }
                assertThat(optimizer.state()).hasSize(momentum > 0 ? 2 : 0);
            }
            String name = opt + " " + (momentum == 0 ? "0" : momentum);
            for (int i = 0; i < 2; i++) {
                float[] expected =
                        tensor(recorded.get("after3").get(name).get(i)).toFloats();
                float[] came = Tensors.toFloats(parameters.get(NAMES.get(i)));
                for (int j = 0; j < expected.length; j++) {
                    assertThat(came[j]).as("%s %d", NAMES.get(i), j).isCloseTo(expected[j], within(1e-6f));
                }
            }
        }
    }

    @Test
    void aMomentumIsKeptForEveryParameter() {
        try (Scope scope = new Scope()) {
            Tensor weight = Tensors.toNative(tensor(recorded.get("weight")));
            Map<String, Tensor> one = Map.of("weight", weight);
            try (Optimizer optimizer = Optimizer.of(recipe("sgd", 0.5), DECLARED, one, one, 1)) {
                assertThat(optimizer.state()).containsOnlyKeys("weight.momentum_buffer");
            }
        }
    }
}
