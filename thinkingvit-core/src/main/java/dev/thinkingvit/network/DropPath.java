package dev.thinkingvit.network;

import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.random.RandomGenerator;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Stochastic depth (Huang et al., 2016): while training, each image skips a residual branch with a probability that
 * grows linearly from 0 at a stage's first block to {@code rate} at its last; surviving branches are scaled up to keep the
 * expectation.
 *
 * <p>The decisions for a batch are drawn beforehand, each image's from a generator of its own, so that they do not depend
 * on how a batch is divided and a block that is computed again meets the same ones. Immutable.
 */
public final class DropPath {
    /** Skips nothing. */
    public static final DropPath NONE = new DropPath(new int[0], 0, null);

    private static final int BRANCHES = 2; // of a block: attention and MLP

    private final int[] blocks; // of all stages before each stage
    private final int images;
    private final float @Nullable [] scales; // [stage][block][branch][image]

    private DropPath(int[] blocks, int images, float @Nullable [] scales) {
        this.blocks = blocks;
        this.images = images;
        this.scales = scales;
    }

    /**
     * @param rate probability at the last block, in [0, 1)
     * @param network whose stages and blocks are meant
     * @param images a generator for each image of the batch
     */
    public static DropPath draw(double rate, Network network, List<? extends RandomGenerator> images) {
        if (!(rate >= 0 && rate < 1)) {
            throw new IllegalArgumentException("drop path rate must lie in [0, 1), got " + rate);
        }
        if (rate == 0 || network.depth() < 2) {
            return NONE;
        }
        int[] blocks = new int[network.stages() + 1];
        for (int stage = 1; stage <= network.stages(); stage++) {
            blocks[stage] = blocks[stage - 1] + network.depth(stage);
        }
        float[] scales = new float[blocks[network.stages()] * BRANCHES * images.size()];
        for (int i = 0; i < images.size(); i++) {
            RandomGenerator random = images.get(i);
            for (int stage = 1; stage <= network.stages(); stage++) {
                int depth = network.depth(stage);
                for (int branch = 0; branch < depth * BRANCHES; branch++) {
                    int block = branch / BRANCHES;
                    double probability = rate * block / Math.max(1, depth - 1);
                    boolean dropped = random.nextDouble() < probability;
                    int at = blocks[stage - 1] * BRANCHES + branch;
                    scales[at * images.size() + i] = dropped ? 0 : (float) (1 / (1 - probability));
                }
            }
        }
        return new DropPath(blocks, images.size(), scales);
    }

    /**
     * Applies the decisions to a residual branch.
     *
     * @param branch (B, N, d)
     * @param stage from 1
     * @param which 0 for attention, 1 for the MLP
     */
    Tensor apply(Tensor branch, int stage, int block, int which) {
        if (scales == null || block == 0) {
            return branch;
        }
        int offset = ((blocks[stage - 1] + block) * BRANCHES + which) * images;
        return branch.mul(TorchDevice.of(branch)
                .place(Tensors.floats(scales, offset, images, 1, 1))
                .to(branch.scalar_type()));
    }

    /**
     * Writes by what each image's branches are multiplied.
     *
     * @param stage from 1
     * @param factors (branches, B) F32
     */
    void write(int stage, NativeArray factors) {
        FloatBuffer values = factors.memory().asFloatBuffer();
        if (scales == null) {
            while (values.hasRemaining()) {
                values.put(1);
            }
        } else {
            values.put(scales, blocks[stage - 1] * BRANCHES * images, values.remaining());
        }
    }
}
