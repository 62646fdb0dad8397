package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.tensor.Scope;
import java.util.IdentityHashMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class TorchLayersTest {
    @Test
    void patchesAreMultipliedAsAConvolutionWould() {
        try (Scope scope = new Scope()) {
            Tensor images = torch.randn(2, 3, 16, 16);
            Tensor weight = torch.randn(5, 3, 4, 4);
            Tensor expected = torch.conv2d(
                            images,
                            weight,
                            new org.bytedeco.pytorch.TensorOptional(),
                            new long[] {4, 4},
                            new long[] {0, 0},
                            new long[] {1, 1},
                            1)
                    .flatten(2, 3)
                    .transpose(1, 2);
            Tensor patches = new TorchLayers(new IdentityHashMap<>(), ScalarType.Float, TorchLayers.Branches.ALL)
                    .patches(images, 4);
            Tensor ours = patches.matmul(weight.reshape(5, 48).t());
            assertThat(ours.sub(expected).abs().max().item().toFloat()).isLessThan(1e-4f);
        }
    }

    @Test
    void rowsAreMadeLongerThatWouldNotEndWithATile() {
        assertThat(TorchLayers.beyondTile(10)).isZero();
        assertThat(TorchLayers.beyondTile(32)).isZero();
        assertThat(TorchLayers.beyondTile(48)).isEqualTo(16);
        assertThat(TorchLayers.beyondTile(75)).isEqualTo(21);
        assertThat(TorchLayers.beyondTile(384)).isZero();
    }
}
