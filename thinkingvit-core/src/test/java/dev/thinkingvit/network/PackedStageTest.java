package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TorchTensor;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
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
                        PackedStage dnnl = new DnnlStage(model.network(), 1, cut, Arithmetic.of(DType.F32));
                        PackedStage torchStage = new TorchStage(model.network(), 1, cut, DType.F32)) {
                    NativeTensor batch = new TorchTensor(torch.randn(1, 3, 128, 128));
                    assertClose(
                            dnnl.run(batch, null).tokens(),
                            torchStage.run(batch, null).tokens(),
                            1e-4f);
                }
                return null;
            });
        }
    }

    /** Though a prediction needs the class token alone: what is rounded by them may need all. */
    @Test
    void rangesAreThoseOfAllTokens() {
        assumeTrue(Dnnl.hasKernel(DType.F32), "oneDNN has no kernels here");
        ThinkingViTConfig config = new ThinkingViTConfig(16, 8, 16, 2, 2, List.of(1, 2), 3, 1e-6);
        Map<String, HostTensor> weights = config.parameters().draw(3);
        float[] pixels = new float[2 * config.imageSize().values()];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (float) Math.sin(i);
        }
        ActivationRanges ofPredictions = new ActivationRanges();
        try (ElasticEngine engine = new ElasticEngine(PackedBackbone.watching(config, weights, ofPredictions))) {
            engine.run(pixels, 2, StopPolicy.alwaysThink(Routers.ENTROPY));
        }
        ActivationRanges ofAll = new ActivationRanges();
        try (PackedBackbone backbone = PackedBackbone.watching(config, weights, ofAll)) {
            ComputeThread.call(() -> {
                try (Scope scope = new Scope()) {
                    NativeArray images = NativeArray.of(pixels, 2, 3, 16, 16);
                    return backbone.run(2, images, backbone.run(1, images, null).tokens())
                            .prediction()
                            .toFloats();
                }
            });
        }
        Map<String, HostTensor> came = ofPredictions.tensors();
        assertThat(came).containsOnlyKeys(ofAll.tensors().keySet());
        ofAll.tensors().forEach((name, expected) -> assertThat(
                        came.getOrDefault(name, HostTensor.of(new float[1], 1)).toFloats())
                .as(name)
                .usingComparatorWithPrecision(1e-4f)
                .containsExactly(expected.toFloats()));
    }

    @Test
    void whatWasBegunIsFinishedAsOftenAsAnybodyLikes() {
        assumeTrue(Dnnl.hasKernel(DType.F32), "oneDNN has no kernels here");
        ThinkingViTConfig config = new ThinkingViTConfig(16, 8, 16, 2, 2, List.of(1, 2), 3, 1e-6);
        try (NestedNetwork model = NestedNetwork.initialise(config, 3)) {
            Map<String, HostTensor> cut = model.stateDict();
            ComputeThread.call(() -> {
                try (Scope scope = new Scope();
                        PackedStage stage = new DnnlStage(model.network(), 1, cut, Arithmetic.of(DType.F32))) {
                    NativeTensor batch = new TorchTensor(torch.randn(5, 3, 16, 16));
                    NativeTensor whole = stage.run(batch, null).tokens();
                    NativeTensor begun = stage.begin(batch, null).tokens();
                    assertClose(stage.finish(begun), whole, 1e-4f);
                    assertClose(stage.finish(begun), whole, 1e-4f);
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
                    PackedStage dnnl = new DnnlStage(network, 1, weights, Arithmetic.of(type));
                    PackedStage torchStage = new TorchStage(network, 1, weights, DType.F32)) {
                torch.manual_seed(1);
                NativeTensor batch = new TorchTensor(torch.randn(6, 3, 4, 4));
                Network.Output<NativeTensor> came = dnnl.run(batch, null);
                Network.Output<NativeTensor> expected = torchStage.run(batch, null);
                assertClose(came.tokens(), expected.tokens(), tolerance);
                assertClose(came.prediction(), expected.prediction(), tolerance);
                assertThat(came.extras()).containsOnlyKeys("again", "tokens_again");
                came.extras().forEach((name, extra) -> {
                    assertThat(extra.dtype()).isEqualTo(DType.F32);
                    assertClose(extra, name.equals("again") ? expected.prediction() : expected.tokens(), tolerance);
                });
            }
            return null;
        });
    }

    /** Two attentions of unlike windows that share one table of biases. */
    private static final class TiedWindows implements Network {
        private static final int SIDE = 4;
        private final Linear embed = linear("embed", 6, 3);
        private final Linear qkv = linear("qkv", 18, 6);
        private final Parameter table = parameter("table", 9, 2); // distances of windows of 2 × 2

        private static Parameter parameter(String name, Integer... sizes) {
            Axis[] axes = List.of(sizes).stream().map(Axis::whole).toArray(Axis[]::new);
            return Parameter.of(name, Start.uniform(1), 0, axes);
        }

        private static Linear linear(String name, int out, int in) {
            return new Linear(parameter(name + "_weight", out, in), parameter(name + "_bias", out));
        }

        @Override
        public Parameters parameters() {
            return Parameters.of(List.of(embed.weight(), embed.bias(), qkv.weight(), qkv.bias(), table));
        }

        @Override
        public int stages() {
            return 1;
        }

        @Override
        public int depth() {
            return 1;
        }

        @Override
        public Ports ports(int stage) {
            return new Ports(List.of(3L, (long) SIDE, (long) SIDE), null, List.of(16L, 6L), List.of(6L));
        }

        @Override
        public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
            T x = on.linear(on.patches(images, 1), embed); // (B, 16, 6)
            for (boolean shifted : new boolean[] {false, true}) {
                Windows how = Windows.of(SIDE, SIDE, 2, shifted);
                T mixed = on.windowAttention(on.linear(on.windows(x, how), qkv), 2, table, how);
                x = on.add(on.unwindow(mixed, how), x);
            }
            return new Output<>(x, on.mean(x));
        }
    }

    @Test
    void oneTableOfBiasesServesUnlikeWindows() {
        assumeTrue(Dnnl.hasKernel(DType.F32), "oneDNN has no kernels here");
        Network network = new TiedWindows();
        Map<String, HostTensor> weights = network.parameters().draw(3);
        ComputeThread.call(() -> {
            try (Scope scope = new Scope();
                    PackedStage dnnl = new DnnlStage(network, 1, weights, Arithmetic.of(DType.F32));
                    PackedStage torchStage = new TorchStage(network, 1, weights, DType.F32)) {
                torch.manual_seed(1);
                NativeTensor batch = new TorchTensor(torch.randn(5, 3, 4, 4));
                assertClose(
                        dnnl.run(batch, null).tokens(),
                        torchStage.run(batch, null).tokens(),
                        1e-5f);
            }
            return null;
        });
    }

    /** Within a share of the largest value. */
    private static void assertClose(NativeTensor came, NativeTensor expected, float tolerance) {
        float[] a = came.toFloats();
        float[] b = expected.toFloats();
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
