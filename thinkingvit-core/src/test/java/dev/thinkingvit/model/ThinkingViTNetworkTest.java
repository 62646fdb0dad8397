package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class ThinkingViTNetworkTest {
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
}
