package dev.thinkingvit.network;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.ThinkingViTNetwork;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PackedStageTest {
    /** 26 tokens, so that groups of 16, 4 and 1 images occur; the last stage is narrower than the network. */
    private static final ThinkingViTConfig CONFIG = new ThinkingViTConfig(40, 8, 64, 3, 4, List.of(1, 3), 10, 1e-6);

    private static final Network NETWORK = new ThinkingViTNetwork(CONFIG);

    private final Map<String, HostTensor> weights = weights();

    /** Nothing is zero: what was forgotten would not show. */
    private static Map<String, HostTensor> weights() {
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        SplittableRandom random = new SplittableRandom(7);
        CONFIG.parameterShapes().forEach((name, shape) -> {
            float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
            boolean norm = name.contains("norm") && name.endsWith("weight");
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (0.1 * random.nextGaussian()) + (norm ? 1 : 0);
            }
            weights.put(name, HostTensor.of(values, shape));
        });
        weights.put(ThinkingViTConfig.alphaName(2), HostTensor.of(new float[] {0.7f}, 1));
        return weights;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 22})
    void bothKindsComputeTheSameForAnyNumberOfImages(int images) {
        assumeTrue(Dnnl.isFast(DType.F32), "oneDNN has no kernels here");
        ComputeThread.call(() -> {
            try (Scope scope = new Scope();
                    PackedStage dnnl1 = new DnnlStage(NETWORK, 1, weights, DType.F32);
                    PackedStage dnnl2 = new DnnlStage(NETWORK, 2, weights, DType.F32);
                    PackedStage torch1 = new TorchStage(NETWORK, 1, weights, DType.F32);
                    PackedStage torch2 = new TorchStage(NETWORK, 2, weights, DType.F32)) {
                Tensor batch = torch.randn(images, 3, 40, 40);
                Network.Output<Tensor> first = dnnl1.run(batch, null);
                Network.Output<Tensor> expected = torch1.run(batch, null);
                assertClose(first.prediction(), expected.prediction(), 1e-5f);
                assertClose(first.tokens(), expected.tokens(), 1e-4f);
                Network.Output<Tensor> second = dnnl2.run(batch, first.tokens());
                Network.Output<Tensor> expectedSecond = torch2.run(batch, expected.tokens());
                assertClose(second.prediction(), expectedSecond.prediction(), 1e-5f);
                assertClose(second.tokens(), expectedSecond.tokens(), 1e-4f);
            }
            return null;
        });
    }

    @Test
    void whatAStageSaysBesidesComesOutByName() {
        Network network = new Talkative(NETWORK);
        ComputeThread.call(() -> {
            try (Scope scope = new Scope();
                    PackedStage packed = PackedStage.pack(network, 1, weights, DType.F32);
                    PackedStage torch1 = new TorchStage(network, 1, weights, DType.F32)) {
                Tensor batch = torch.randn(7, 3, 40, 40);
                for (PackedStage stage : List.of(packed, torch1)) {
                    Network.Output<Tensor> output = stage.run(batch, null);
                    assertThat(output.extras()).containsOnlyKeys("last", "second");
                    assertClose(
                            requireNonNull(output.extras().get("second")),
                            output.tokens().select(1, 1),
                            1e-6f);
                    assertClose(
                            requireNonNull(output.extras().get("last")),
                            output.tokens().select(1, 25),
                            1e-6f);
                }
            }
            return null;
        });
    }

    @Test
    void theTokensOfTheStageBeforeCount() {
        for (boolean dnnl : new boolean[] {true, false}) {
            ComputeThread.call(() -> {
                try (Scope scope = new Scope();
                        PackedStage stage = dnnl && Dnnl.hasKernel(DType.F32)
                                ? new DnnlStage(NETWORK, 2, weights, DType.F32)
                                : new TorchStage(NETWORK, 2, weights, DType.F32)) {
                    torch.manual_seed(2);
                    Tensor batch = torch.randn(1, 3, 40, 40);
                    float[] one = Tensors.toFloats(
                            stage.run(batch, torch.randn(1, 26, 16)).prediction());
                    float[] other = Tensors.toFloats(
                            stage.run(batch, torch.randn(1, 26, 16)).prediction());
                    assertThat(Math.abs(one[0] - other[0])).isGreaterThan(1e-3f);
                }
                return null;
            });
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void manyTokensTakeTheirScoresInParts(int heads) {
        assumeTrue(Dnnl.hasKernel(DType.F32), "oneDNN has no kernels here");
        // 1,025 tokens: more scores than are there at a time, of one head; the last part is smaller
        ThinkingViTConfig large = new ThinkingViTConfig(128, 4, 8 * heads, 1, heads, List.of(heads), 3, 1e-6);
        try (NestedNetwork model = NestedNetwork.initialise(large, 3)) {
            Map<String, HostTensor> cut = model.stateDict();
            ComputeThread.call(() -> {
                try (Scope scope = new Scope();
                        PackedStage dnnl = new DnnlStage(model.network(), 1, cut, DType.F32);
                        PackedStage torchStage = new TorchStage(model.network(), 1, cut, DType.F32)) {
                    Tensor batch = torch.randn(1, 3, 128, 128);
                    assertClose(
                            dnnl.run(batch, null).tokens(),
                            torchStage.run(batch, null).tokens(),
                            1e-4f);
                }
                return null;
            });
        }
    }

    @Test
    void tensorsOfAnotherTypeAreRefused() {
        try (PackedBackbone model = PackedBackbone.of(CONFIG, weights, Precision.FP32)) {
            ComputeThread.call(() -> {
                try (Scope scope = new Scope()) {
                    Tensor images = torch.randn(2, 3, 40, 40);
                    assertThatThrownBy(() -> model.run(1, images.to(ScalarType.Double), null))
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("images: F32")
                            .hasMessageContaining("F64 came");
                    assertThatThrownBy(() ->
                                    model.run(2, images, torch.randn(2, 26, 16).to(ScalarType.BFloat16)))
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("tokens: F32")
                            .hasMessageContaining("BF16 came");
                }
                return null;
            });
        }
    }

    @Test
    void imagesOfABatchDoNotTouchEachOther() {
        ComputeThread.call(() -> {
            try (Scope scope = new Scope();
                    PackedStage stage = PackedStage.pack(NETWORK, 1, weights, DType.F32)) {
                Tensor batch = torch.randn(22, 3, 40, 40);
                float[] together = Tensors.toFloats(stage.run(batch, null).prediction());
                for (int i : new int[] {0, 15, 16, 19, 20, 21}) { // first and last of each group
                    float[] alone = Tensors.toFloats(
                            stage.run(batch.narrow(0, i, 1), null).prediction());
                    for (int c = 0; c < alone.length; c++) {
                        assertThat(alone[c]).isCloseTo(together[i * alone.length + c], within(1e-5f));
                    }
                }
            }
            return null;
        });
    }

    @Test
    void bf16StaysCloseToF32() {
        assumeTrue(Dnnl.isFast(DType.BF16), "this processor has no instructions for BF16");
        ComputeThread.call(() -> {
            try (Scope scope = new Scope();
                    PackedStage exact = new DnnlStage(NETWORK, 1, weights, DType.F32);
                    PackedStage rounded = new DnnlStage(NETWORK, 1, weights, DType.BF16)) {
                Tensor batch = torch.randn(5, 3, 40, 40);
                assertClose(
                        rounded.run(batch, null).tokens(),
                        exact.run(batch, null).tokens(),
                        0.05f);
            }
            return null;
        });
    }

    @Test
    void aStageThatIsClosedLeavesNothingBehind() {
        long before = ComputeThread.call(() -> {
            runOnce();
            return Pointer.totalCount();
        });
        long after = ComputeThread.call(() -> {
            runOnce();
            return Pointer.totalCount();
        });
        assertThat(after).isLessThanOrEqualTo(before);
    }

    private void runOnce() {
        try (Scope scope = new Scope();
                PackedStage stage = PackedStage.pack(NETWORK, 1, weights, DType.F32)) {
            stage.run(torch.randn(21, 3, 40, 40), null);
        }
    }

    private static void assertClose(Tensor came, Tensor expected, float tolerance) {
        float[] a = Tensors.toFloats(came);
        float[] b = Tensors.toFloats(expected);
        assertThat(a).hasSameSizeAs(b);
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i]).as("element %d", i).isCloseTo(b[i], within(tolerance * Math.max(1, Math.abs(b[i]))));
        }
    }
}
