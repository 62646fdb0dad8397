package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class PackedStageTest {
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

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void whatOtherNetworksDoNotDoIsDoneToo(DType type) {
        assumeTrue(Dnnl.hasKernel(type), "oneDNN has no kernels here");
        Network network = new OddNetwork();
        Map<String, HostTensor> weights = network.parameters().draw(3);
        float tolerance = type == DType.F32 ? 1e-5f : 0.05f;
        ComputeThread.call(() -> {
            try (Scope scope = new Scope();
                    PackedStage dnnl = new DnnlStage(network, 1, weights, type);
                    PackedStage torchStage = new TorchStage(network, 1, weights, DType.F32)) {
                Tensor batch = torch.randn(6, 3, 4, 4);
                Network.Output<Tensor> came = dnnl.run(batch, null);
                Network.Output<Tensor> expected = torchStage.run(batch, null);
                assertClose(came.tokens(), expected.tokens(), tolerance);
                assertClose(came.prediction(), expected.prediction(), tolerance);
                assertThat(came.extras()).containsOnlyKeys("again", "tokens_again");
                came.extras().forEach((name, extra) -> {
                    assertThat(Tensors.dtype(extra)).isEqualTo(DType.F32);
                    assertClose(extra, name.equals("again") ? expected.prediction() : expected.tokens(), tolerance);
                });
            }
            return null;
        });
    }

    /** Within a share of the largest value. */
    private static void assertClose(Tensor came, Tensor expected, float tolerance) {
        float[] a = Tensors.toFloats(came);
        float[] b = Tensors.toFloats(expected);
        assertThat(a).hasSameSizeAs(b);
        float largest = 0;
        for (float value : b) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i]).as("element %d", i).isCloseTo(b[i], within(tolerance * largest));
        }
    }
}
