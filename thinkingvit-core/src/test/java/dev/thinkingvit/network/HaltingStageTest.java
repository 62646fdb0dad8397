package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.model.AdaptiveViT;
import dev.thinkingvit.model.Specimen;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tokens that are taken out, beside tokens that are masked. */
@NullUnmarked // a null fails the test
class HaltingStageTest {
    private static final int DEPTH = 5;

    @BeforeEach
    void requireKernels() {
        Libtorch.load();
        assumeTrue(Dnnl.hasKernel(DType.F32), "oneDNN has no kernels for this processor");
    }

    private static AdaptiveViT network(int side, double scale, double center) {
        return new AdaptiveViT(new ThinkingViTConfig(side, 8, 24, DEPTH, 3, List.of(3), 4, 1e-6), scale, center, 0.01);
    }

    private interface Packing {
        PackedStage pack(Network network, int stage, Map<String, HostTensor> weights, DType type);
    }

    private static Map<String, float[]> run(AdaptiveViT config, float[] images, int count, Packing how) {
        Map<String, HostTensor> weights = new Specimen("halting", config).weights();
        long height = config.imageSize().height();
        return ComputeThread.call(() -> Natives.onThreads(1, () -> {
            try (Scope scope = new Scope();
                    PackedStage stage = how.pack(config.network(), 1, weights, DType.F32)) {
                Network.Output<NativeTensor> output = stage.run(NativeArray.of(images, count, 3, height, height), null);
                Map<String, float[]> values = new LinkedHashMap<>();
                values.put("tokens", output.tokens().toFloats());
                values.put("prediction", output.prediction().toFloats());
                output.extras().forEach((name, extra) -> values.put(name, extra.toFloats()));
                return values;
            }
        }));
    }

    /** As a training sees it that keeps tokens that have halted. */
    private static Map<String, float[]> masked(AdaptiveViT config, float[] images, int count) {
        return ComputeThread.call(() -> {
            try (Scope scope = new Scope()) {
                Map<String, Tensor> weights = new LinkedHashMap<>();
                new Specimen("halting", config)
                        .weights()
                        .forEach((name, tensor) -> weights.put(name, Tensors.toNative(tensor)));
                long height = config.imageSize().height();
                Network.Output<Tensor> output = NestedWeights.cut(config.network(), weights, ScalarType.Float)
                        .forward(Tensors.floats(images, 0, count, 3, height, height), 1, DropPath.NONE)
                        .get(0)
                        .within(config.network().ports(1));
                Map<String, float[]> values = new LinkedHashMap<>();
                values.put("tokens", Tensors.toFloats(output.tokens()));
                values.put("prediction", Tensors.toFloats(output.prediction()));
                output.extras().forEach((name, extra) -> values.put(name, Tensors.toFloats(extra)));
                return values;
            }
        });
    }

    private static float[] images(AdaptiveViT config, int count) {
        SplittableRandom random = new SplittableRandom(11);
        float[] images = new float[count * config.imageSize().values()];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        return images;
    }

    /** Small images, many to a group; images of more tokens than go through a block together; more images than a group has. */
    @ParameterizedTest
    @CsvSource({"24, 1, 3, 3", "24, 30, 3, 3", "24, 30, 40, 20", "256, 5, 3, 3", "256, 2, 40, 20"})
    void leavesWhatMaskingLeaves(int side, int count, double scale, double center) {
        AdaptiveViT config = network(side, scale, center);
        float[] images = images(config, count);

        Map<String, float[]> masked = masked(config, images, count);
        assertThat(masked.get(Halting.TOKEN_DEPTH)).contains(1, DEPTH);

        for (Packing how : List.<Packing>of(Executors::oneDnn, Executors::operators)) {
            Map<String, float[]> taken = run(config, images, count, how);

            assertThat(taken.get(Halting.TOKEN_DEPTH)).containsExactly(masked.get(Halting.TOKEN_DEPTH));
            masked.forEach(
                    (name, expected) -> assertThat(taken.get(name)).as(name).containsExactly(expected, within(1e-5f)));
        }
    }

    @Test
    void everyTokenMayHaltAfterTheFirstBlock() {
        AdaptiveViT config = network(24, 1, -60);
        float[] images = images(config, 3);

        Map<String, float[]> masked = masked(config, images, 3);
        for (Packing how : List.<Packing>of(Executors::oneDnn, Executors::operators)) {
            Map<String, float[]> taken = run(config, images, 3, how);

            assertThat(taken.get(Halting.TOKEN_DEPTH)).containsOnly(1);
            assertThat(taken.get(Halting.RHO_TOKEN)).containsOnly(2);
            assertThat(taken.get("prediction")).containsExactly(masked.get("prediction"), within(1e-5f));
        }
        assertThat(config.macs(1, Map.of(Halting.TOKEN_DEPTH, new float[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1})))
                .isLessThan(config.macs(1) / 3);
    }

    @Test
    void noTokenNeedHaltBeforeTheLastBlock() {
        AdaptiveViT config = network(24, 1, 60);
        float[] images = images(config, 3);

        Map<String, float[]> taken = run(config, images, 3, Executors::oneDnn);

        assertThat(taken.get(Halting.TOKEN_DEPTH)).containsOnly(DEPTH);
        assertThat(taken.get(Halting.RHO_TOKEN)).containsOnly(DEPTH + 1);
    }

    /** An image in which nothing is a number halts, and the others do not see it. */
    @Test
    void whatIsNoNumberIsNoneAloneAndHaltsNowhere() {
        whatIsNoNumberIsNoneAlone(Executors::oneDnn);
        whatIsNoNumberIsNoneAlone(Executors::operators);
    }

    private static void whatIsNoNumberIsNoneAlone(Packing how) {
        AdaptiveViT config = network(24, 3, 3);
        float[] images = images(config, 3);
        Map<String, float[]> before = run(config, images, 3, how);
        images[config.imageSize().values()] = Float.NaN; // of the second

        Map<String, float[]> after = run(config, images, 3, how);

        before.forEach((name, expected) -> {
            int each = expected.length / 3;
            for (int i = 0; i < expected.length; i++) {
                if (i / each == 1) {
                    assertThat(after.get(name)[i]).as(name).isNaN();
                } else {
                    assertThat(after.get(name)[i]).as(name).isEqualTo(expected[i], within(1e-6f));
                }
            }
        });
    }
}
