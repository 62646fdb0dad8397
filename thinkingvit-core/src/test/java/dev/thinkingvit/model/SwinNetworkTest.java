package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.network.Arithmetic;
import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.PackedStage;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class SwinNetworkTest {
    private static final Path FOLDER = Path.of("src/test/resources/reference/swin-uneven");

    /** No round is complete, windows do not fit the grids. */
    private static final SwinConfig UNEVEN = new SwinConfig(
            64,
            4,
            9,
            List.of(2, 2, 3, 1),
            List.of(3, 6, 6, 12),
            List.of(3, 3, 3, 3),
            List.of(List.of(1, 4, 2, 8), List.of(2, 6, 5, 12)),
            14);

    private final SwinNetwork network = new SwinNetwork(UNEVEN);
    private final Map<String, HostTensor> weights =
            Safetensors.read(FOLDER.resolve("model.safetensors")).tensors();

    @Test
    void itsParametersAreThePublishedOnes() {
        assertThat(network.parameters().shapes()).containsOnlyKeys(weights.keySet());
        network.parameters()
                .shapes()
                .forEach((name, shape) ->
                        assertThat(weights.get(name).shape()).as(name).isEqualTo(shape));
    }

    @Test
    void aPublishedShapeHasThePublishedSizeAndCost() {
        SwinNetwork small = new SwinNetwork(new SwinConfig(
                224,
                4,
                96,
                List.of(2, 2, 18, 2),
                List.of(3, 6, 12, 24),
                List.of(7, 7, 7, 7),
                List.of(List.of(3, 3, 6, 12), List.of(3, 6, 12, 24)),
                1000));
        assertThat(small.parameters().count()).isEqualTo(49_667_795);
        assertThat(Cost.macs(small, 1) / 1e9).isCloseTo(2.82, within(0.005));
        assertThat((Cost.macs(small, 1) + Cost.macs(small, 2)) / 1e9).isCloseTo(11.68, within(0.005));
    }

    @Test
    void bothRoundsAgreeWithTheRecording() {
        Map<String, HostTensor> expected =
                Safetensors.read(FOLDER.resolve("expected.safetensors")).tensors();
        try (Scope scope = new Scope()) {
            NestedWeights cut = NestedWeights.cut(network, parameters(), ScalarType.Float);
            List<Network.Output<Tensor>> outputs =
                    cut.forward(Tensors.toNative(expected.get("input")), 2, DropPath.NONE);
            for (int stage = 1; stage <= 2; stage++) {
                assertClose(outputs.get(stage - 1).prediction(), expected.get("stage" + stage + ".logits"), 1e-4f);
                assertClose(outputs.get(stage - 1).tokens(), expected.get("stage" + stage + ".tokens"), 1e-4f);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theFirstStepsGradientsAgreeWithTheRecording(boolean recomputed) {
        Map<String, HostTensor> recorded =
                Safetensors.read(FOLDER.resolve("training.safetensors")).tensors();
        try (Scope scope = new Scope()) {
            Map<String, Tensor> gradients = new LinkedHashMap<>();
            network.parameters()
                    .all()
                    .forEach(parameter -> gradients.put(
                            parameter.name(),
                            Tensors.floats(new float[(int) parameter.elements()], 0, parameter.shape())));
            NestedWeights cut =
                    NestedWeights.cut(network, parameters(), ScalarType.Float).replica();
            Tensor target = Tensors.toNative(recorded.get("target"));
            cut.backward(
                    Tensors.toNative(recorded.get("input")),
                    2,
                    (stage, output) -> output.prediction()
                            .log_softmax(-1)
                            .mul(target)
                            .sum()
                            .neg()
                            .div(new Scalar(2.0 * target.size(0))),
                    DropPath.NONE,
                    recomputed);
            cut.addGradientsTo(gradients);
            gradients.forEach((name, gradient) -> assertClose(gradient, recorded.get("grad." + name), 1e-4f));
        }
    }

    @Test
    void packedForInferenceBothRoundsAgreeWithTheRecording() {
        Map<String, HostTensor> expected =
                Safetensors.read(FOLDER.resolve("expected.safetensors")).tensors();
        ComputeThread.call(() -> {
            try (Scope scope = new Scope();
                    PackedStage first = PackedStage.pack(network, 1, weights, Arithmetic.of(DType.F32));
                    PackedStage second = PackedStage.pack(network, 2, weights, Arithmetic.of(DType.F32))) {
                NativeArray input = NativeArray.of(expected.get("input"));
                Network.Output<NativeTensor> one = first.run(input, null);
                assertClose(one.tokens(), expected.get("stage1.tokens"), 1e-4f);
                assertClose(one.prediction(), expected.get("stage1.logits"), 1e-4f);
                Network.Output<NativeTensor> two = second.run(input, one.tokens());
                assertClose(two.tokens(), expected.get("stage2.tokens"), 1e-4f);
                assertClose(two.prediction(), expected.get("stage2.logits"), 1e-4f);
            }
            return null;
        });
    }

    private Map<String, Tensor> parameters() {
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        weights.forEach((name, tensor) -> parameters.put(name, Tensors.toNative(tensor)));
        return parameters;
    }

    /** Within a share of the largest value. */
    private static void assertClose(Tensor came, HostTensor expected, float tolerance) {
        assertClose(new TorchTensor(came), expected, tolerance);
    }

    /** Within a share of the largest value. */
    private static void assertClose(NativeTensor came, HostTensor expected, float tolerance) {
        float[] a = came.toFloats();
        float[] b = expected.toFloats();
        assertThat(a).hasSameSizeAs(b);
        float largest = 0;
        for (float value : b) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i]).as("element %d of %s", i, expected).isCloseTo(b[i], within(tolerance * largest + 1e-6f));
        }
    }
}
