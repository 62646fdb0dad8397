package dev.thinkingvit.network;

import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.bytedeco.pytorch.Tensor;

/**
 * The noise by which a training chooses tokens (Jang et al., "Categorical Reparameterization with Gumbel-Softmax", 2017), of a
 * few images. Each image's is drawn from a generator of its own, so that it does not depend on how a batch is divided. Immutable.
 */
@FunctionalInterface
public interface Gumbel {
    /**
     * The noise of one choice.
     *
     * @param stage from 1
     * @param choice of the stage, from 0
     * @param tokens n, among which is chosen
     * @return (B, n, 2) F32, of the innermost scope, in the processor's memory
     */
    Tensor of(int stage, int choice, int tokens);

    /**
     * Noise of B images.
     *
     * @param images a generator for each
     */
    static Gumbel draw(List<? extends RandomGenerator> images) {
        List<Long> seeds = new ArrayList<>();
        images.forEach(each -> seeds.add(each.nextLong()));
        return (stage, choice, tokens) -> {
            float[] noise = new float[seeds.size() * tokens * 2];
            int at = 0;
            for (long seed : seeds) {
                SplittableRandom random = new SplittableRandom(seed + 1024L * stage + choice);
                for (int i = 0; i < tokens * 2; i++) {
                    noise[at++] = (float) -Math.log(-Math.log(random.nextDouble(Double.MIN_NORMAL, 1)));
                }
            }
            return Tensors.floats(noise, 0, seeds.size(), tokens, 2);
        };
    }
}
