package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.ThinkingViTNetwork;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class DropPathTest {
    private static final ThinkingViTConfig FOUR_STAGES =
            new ThinkingViTConfig(16, 4, 40, 3, 5, List.of(1, 2, 3, 5), 7, 1e-6);

    @Test
    void dropPathKeepsTheExpectationAndSparesTheFirstBlock() {
        try (Scope scope = new Scope()) {
            List<SplittableRandom> images = new ArrayList<>();
            for (int i = 0; i < 4000; i++) {
                images.add(new SplittableRandom(i * 7919L));
            }
            DropPath dropPath = DropPath.draw(0.5, new ThinkingViTNetwork(FOUR_STAGES), images);
            Tensor ones = torch.ones(4000, 1, 1);
            assertThat(Tensors.toFloats(dropPath.apply(ones, 2, 0, 0))).containsOnly(1f);
            float[] last = Tensors.toFloats(dropPath.apply(ones, 2, 2, 1));
            assertThat(last).containsOnly(0f, 2f);
            double mean = 0;
            for (float value : last) {
                mean += value / last.length;
            }
            assertThat(mean).isCloseTo(1, within(0.1));
        }
    }
}
