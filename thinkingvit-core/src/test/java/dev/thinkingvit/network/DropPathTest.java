package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.ThinkingViTNetwork;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
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

    /** As far as this test asks. */
    private record UnlikeDepths(Network inner, List<Integer> depths) implements Network {
        @Override
        public int depth() {
            return Collections.max(depths);
        }

        @Override
        public int depth(int stage) {
            return depths.get(stage - 1);
        }

        @Override
        public int stages() {
            return depths.size();
        }

        @Override
        public Parameters parameters() {
            return inner.parameters();
        }

        @Override
        public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
            return inner.stage(on, stage, images, previous);
        }

        @Override
        public Ports ports(int stage) {
            return inner.ports(stage);
        }
    }

    @Test
    void stagesOfUnlikeDepthHaveTheirOwnLastBlock() {
        List<Integer> depths = List.of(1, 2, 5);
        Network network = new UnlikeDepths(new OddNetwork(), depths);
        try (Scope scope = new Scope()) {
            List<SplittableRandom> images = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                images.add(new SplittableRandom(i * 7919L));
            }
            DropPath dropPath = DropPath.draw(0.5, network, images);
            Tensor ones = torch.ones(1000, 1, 1);
            for (int stage = 1; stage <= 3; stage++) {
                int depth = depths.get(stage - 1);
                for (int block = 0; block < depth; block++) {
                    float kept = (float) (1 / (1 - 0.5 * block / Math.max(1, depth - 1)));
                    for (int branch = 0; branch < 2; branch++) {
                        float[] scales = Tensors.toFloats(dropPath.apply(ones, stage, block, branch));
                        if (block == 0) {
                            assertThat(scales).containsOnly(1);
                        } else {
                            assertThat(scales).containsOnly(0, kept);
                        }
                    }
                }
            }
        }
    }
}
