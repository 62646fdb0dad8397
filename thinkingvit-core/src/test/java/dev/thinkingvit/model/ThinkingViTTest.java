package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class ThinkingViTTest {
    private static final ThinkingViTConfig FOUR_STAGES =
            new ThinkingViTConfig(16, 4, 40, 3, 5, List.of(1, 2, 3, 5), 7, 1e-6);

    /** Random weights whose recycling is switched on, unlike at the start of a training. */
    private static Map<String, HostTensor> weights(ThinkingViTConfig config) {
        try (NestedNetwork model = NestedNetwork.initialise(config, 3)) {
            Map<String, HostTensor> weights = model.stateDict();
            weights.replaceAll((name, tensor) ->
                    name.startsWith("alpha.") ? HostTensor.of(new float[] {-0.3f}, 1) : amplified(tensor));
            return weights;
        }
    }

    private static HostTensor amplified(HostTensor tensor) {
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
            values[i] = values[i] * 4 + 0.02f;
        }
        return HostTensor.of(values, tensor.shape());
    }

    /** What a plain ViT of {@code width} needs: each tensor cut by hand, value by value. */
    private static Map<String, HostTensor> sliced(
            Map<String, HostTensor> weights, ThinkingViTConfig full, ThinkingViTConfig plain) {
        Map<String, HostTensor> cut = new LinkedHashMap<>();
        plain.parameterShapes().forEach((name, shape) -> {
            long[] from = weights.get(name).shape();
            float[] source = weights.get(name).toFloats();
            int rows = (int) (shape.length < 2 ? 1 : shape[0]);
            int columns = (int) shape[shape.length - 1];
            if (name.startsWith("patch_embed.proj.weight")) {
                cut.put(name, HostTensor.of(java.util.Arrays.copyOf(source, size(shape)), shape));
                return;
            }
            if (name.equals("cls_token") || name.equals("pos_embed")) {
                rows = (int) shape[1];
            }
            float[] target = new float[rows * columns];
            int sourceColumns = (int) from[from.length - 1];
            boolean qkv = name.contains("attn.qkv");
            int perChunk = qkv ? plain.embedDim() : Integer.MAX_VALUE;
            if (qkv && shape.length == 1) {
                for (int i = 0; i < columns; i++) {
                    target[i] = source[i / perChunk * full.embedDim() + i % perChunk];
                }
            } else {
                for (int r = 0; r < rows; r++) {
                    int sourceRow = qkv ? r / perChunk * full.embedDim() + r % perChunk : r;
                    System.arraycopy(source, sourceRow * sourceColumns, target, r * columns, columns);
                }
            }
            cut.put(name, HostTensor.of(target, shape));
        });
        return cut;
    }

    private static int size(long[] shape) {
        int size = 1;
        for (long s : shape) {
            size *= (int) s;
        }
        return size;
    }

    @Test
    void stageOneIsAPlainViTWithTheSlicedWeights() {
        ThinkingViTConfig nested = new ThinkingViTConfig(16, 4, 40, 3, 5, List.of(2, 5), 7, 1e-6);
        ThinkingViTConfig plain = new ThinkingViTConfig(16, 4, 16, 3, 2, List.of(2), 7, 1e-6);
        Map<String, HostTensor> weights = weights(nested);
        try (Scope scope = new Scope();
                NestedNetwork big = NestedNetwork.of(nested, weights);
                NestedNetwork small = NestedNetwork.of(plain, sliced(weights, nested, plain))) {
            Tensor images = torch.randn(2, 3, 16, 16);
            float[] first = Tensors.toFloats(
                    big.forward(images, Precision.FP32, DropPath.NONE).get(0).prediction());
            float[] only = Tensors.toFloats(
                    small.forward(images, Precision.FP32, DropPath.NONE).get(0).prediction());
            assertThat(first).hasSize(14);
            for (int i = 0; i < first.length; i++) {
                assertThat(first[i]).isCloseTo(only[i], within(1e-5f));
            }
        }
    }

    @Test
    void everyParameterGetsAGradient() {
        try (Scope scope = new Scope();
                NestedNetwork model = NestedNetwork.of(FOUR_STAGES, weights(FOUR_STAGES))) {
            NestedWeights replica = model.cut(Precision.FP32).replica();
            replica.backward(torch.randn(2, 3, 16, 16), 4, ThinkingViTTest::loss, DropPath.NONE, false);
            Map<String, Tensor> gradients = zeros(model);
            replica.addGradientsTo(gradients);
            List<String> without = new ArrayList<>();
            gradients.forEach((name, gradient) -> {
                if (!(gradient.abs().max().item().toFloat() > 0)) {
                    without.add(name);
                }
            });
            assertThat(without).isEmpty();
        }
    }

    private static Tensor loss(int stage, Network.Output<Tensor> output) {
        return output.prediction().log_softmax(-1).select(1, 2).sum();
    }

    private static Map<String, Tensor> zeros(NestedNetwork model) {
        Map<String, Tensor> zeros = new LinkedHashMap<>();
        model.parameters().forEach((name, parameter) -> zeros.put(name, torch.zeros_like(parameter)));
        return zeros;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4})
    void checkpointingGivesTheSameGradients(int last) {
        try (Scope scope = new Scope();
                NestedNetwork model = NestedNetwork.of(FOUR_STAGES, weights(FOUR_STAGES))) {
            Tensor images = torch.randn(2, 3, 16, 16);
            DropPath dropPath = DropPath.draw(
                    0.5,
                    new ThinkingViTNetwork(FOUR_STAGES),
                    List.of(new SplittableRandom(1), new SplittableRandom(2)));
            List<Map<String, Tensor>> found = new ArrayList<>();
            for (boolean checkpointing : new boolean[] {false, true}) {
                NestedWeights replica = model.cut(Precision.FP32).replica();
                // the second stage has no loss of its own
                replica.backward(
                        images,
                        last,
                        (stage, output) -> stage == 2 ? null : loss(stage, output),
                        dropPath,
                        checkpointing);
                Map<String, Tensor> gradients = zeros(model);
                replica.addGradientsTo(gradients);
                found.add(gradients);
            }
            found.get(0).forEach((name, expected) -> {
                float difference =
                        expected.sub(found.get(1).get(name)).abs().max().item().toFloat();
                assertThat(difference)
                        .as(name)
                        .isLessThanOrEqualTo(
                                1e-5f * (1 + expected.abs().max().item().toFloat()));
            });
        }
    }

    @Test
    void aStageReadsOnlyTheLeadingSlices() {
        Map<String, HostTensor> weights = weights(FOUR_STAGES);
        Map<String, HostTensor> changed = new LinkedHashMap<>(weights);
        float[] fc1 = weights.get("blocks.1.mlp.fc1.weight").toFloats();
        fc1[fc1.length - 1] += 100; // the last row and column, which only the last stage reads
        changed.put("blocks.1.mlp.fc1.weight", HostTensor.of(fc1, 160, 40));
        try (Scope scope = new Scope();
                NestedNetwork one = NestedNetwork.of(FOUR_STAGES, weights);
                NestedNetwork other = NestedNetwork.of(FOUR_STAGES, changed)) {
            Tensor images = torch.randn(1, 3, 16, 16);
            List<StageOutput> a = one.forward(images, Precision.FP32, DropPath.NONE);
            List<StageOutput> b = other.forward(images, Precision.FP32, DropPath.NONE);
            for (int k = 0; k < 3; k++) {
                assertThat(Tensors.toFloats(a.get(k).prediction()))
                        .containsExactly(Tensors.toFloats(b.get(k).prediction()));
            }
            assertThat(Tensors.toFloats(a.get(3).prediction()))
                    .isNotEqualTo(Tensors.toFloats(b.get(3).prediction()));
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void thePackedViewComputesWhatTheTrainingViewDoes(Precision precision) {
        Map<String, HostTensor> weights = weights(FOUR_STAGES);
        float tolerance = precision == Precision.FP32 ? 1e-5f : 0.1f; // of the largest logit
        try (Scope scope = new Scope();
                NestedNetwork model = NestedNetwork.of(FOUR_STAGES, weights);
                PackedBackbone packed = PackedBackbone.of(FOUR_STAGES, weights, precision)) {
            torch.manual_seed(5);
            Tensor images = torch.randn(3, 3, 16, 16);
            List<StageOutput> expected = model.forward(images, Precision.FP32, DropPath.NONE);
            Tensor tokens = null;
            for (int stage = 1; stage <= 4; stage++) {
                StageOutput output = packed.run(stage, images, tokens);
                tokens = output.tokens();
                float worst = output.prediction()
                        .sub(expected.get(stage - 1).prediction())
                        .abs()
                        .max()
                        .item()
                        .toFloat();
                float largest =
                        expected.get(stage - 1).prediction().abs().max().item().toFloat();
                assertThat(worst / largest).as("stage %d", stage).isLessThan(tolerance);
            }
        }
    }

    @Test
    void aMissingTensorIsNamedWithItsShape() {
        Map<String, HostTensor> weights = weights(FOUR_STAGES);
        weights.remove("proj_layer3.bias");
        assertThatThrownBy(() -> NestedNetwork.of(FOUR_STAGES, weights))
                .isInstanceOf(WeightsException.class)
                .hasMessage("tensor proj_layer3.bias is missing: expected shape [40]");
    }

    @Test
    void aLeftOverTensorIsNamed() {
        Map<String, HostTensor> weights = weights(FOUR_STAGES);
        weights.put("dist_token", HostTensor.of(new float[40], 1, 1, 40));
        assertThatThrownBy(() -> PackedBackbone.of(FOUR_STAGES, weights, Precision.FP32))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining("tensor dist_token [1, 1, 40] is left over");
    }

    @Test
    void aWronglyShapedTensorIsNamedWithBothShapes() {
        Map<String, HostTensor> weights = weights(FOUR_STAGES);
        weights.put("head.bias", HostTensor.of(new float[8], 8));
        assertThatThrownBy(() -> NestedNetwork.of(FOUR_STAGES, weights))
                .hasMessage("tensor head.bias has the wrong shape: expected [7], came [8]");
    }

    @Test
    void theTrainingViewServesAsABackboneToo() {
        Map<String, HostTensor> weights = weights(FOUR_STAGES);
        try (Scope scope = new Scope();
                NestedNetwork model = NestedNetwork.of(FOUR_STAGES, weights);
                NestedBackbone backbone = NestedBackbone.of(FOUR_STAGES, weights, Precision.FP32, TorchDevice.CPU)) {
            Tensor images = torch.randn(3, 3, 16, 16);
            List<StageOutput> expected = model.forward(images, Precision.FP32, DropPath.NONE);
            Tensor tokens = null;
            for (int stage = 1; stage <= 4; stage++) {
                StageOutput output = backbone.run(stage, images, tokens);
                tokens = output.tokens();
                assertThat(Tensors.toFloats(output.prediction()))
                        .containsExactly(
                                Tensors.toFloats(expected.get(stage - 1).prediction()));
            }
            assertThat(backbone.weightBytes()).isGreaterThan(FOUR_STAGES.parameterCount() * Float.BYTES);
        }
    }
}
