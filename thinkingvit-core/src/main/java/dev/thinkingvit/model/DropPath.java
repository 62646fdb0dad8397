package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Tensors;
import java.util.random.RandomGenerator;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Stochastic depth (Huang et al., 2016): while training, each image skips a residual branch with a probability that
 * grows linearly from 0 at the first block to {@code rate} at the last; surviving branches are scaled up to keep the
 * expectation.
 */
public final class DropPath {
    /** Skips nothing. */
    public static final DropPath NONE = new DropPath(0, null);

    private final double rate;
    private final @Nullable RandomGenerator random;

    private DropPath(double rate, @Nullable RandomGenerator random) {
        this.rate = rate;
        this.random = random;
    }

    /**
     * @param rate probability at the last block, in [0, 1)
     * @param random draws the decisions, on the thread that runs the model
     */
    public static DropPath of(double rate, RandomGenerator random) {
        if (!(rate >= 0 && rate < 1)) {
            throw new IllegalArgumentException("drop path rate must lie in [0, 1), got " + rate);
        }
        return rate == 0 ? NONE : new DropPath(rate, random);
    }

    /**
     * Applies the decisions to a residual branch.
     *
     * @param branch (B, N, d)
     */
    Tensor apply(Tensor branch, int block, int depth) {
        double probability = depth < 2 ? 0 : rate * block / (depth - 1);
        if (random == null || probability == 0) {
            return branch;
        }
        float[] keep = new float[Math.toIntExact(branch.size(0))];
        for (int i = 0; i < keep.length; i++) {
            keep[i] = random.nextDouble() < probability ? 0 : (float) (1 / (1 - probability));
        }
        return branch.mul(Tensors.floats(keep, 0, keep.length, 1, 1).to(branch.scalar_type()));
    }
}
