package dev.thinkingvit.train;

import dev.thinkingvit.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Where tokens should halt, by A-ViT's distributional prior (arXiv 2112.07658, section 3.3): the mean scores of the blocks
 * are held to a bell around one of them.
 *
 * <p>{@code B} images, {@code L} blocks.
 *
 * @param depth the block at which the bell stands, counted from 0
 * @param target what the blocks' scores should be, (L)
 */
public record HaltingPrior(int depth, List<Double> target) {
    private static final double BEFORE = 0.98;
    private static final double LEAST = 0.01;
    private static final double MOST = 0.99;

    /**
     * The published one: a normal density of deviation 1, scaled so that what it gives the blocks before its middle sums to
     * 0.98.
     *
     * @param blocks L
     * @param depth of its middle, from 1 on; the published code's is 8, of 12 blocks or of fewer: then all lie before it
     * @throws IllegalArgumentException if nothing of the bell reaches the blocks
     */
    public static HaltingPrior of(int blocks, int depth) {
        double[] target = new double[blocks];
        double before = 0;
        for (int i = 0; i < blocks; i++) {
            target[i] = Math.exp(-0.5 * (i - depth) * (i - depth));
            before += i < depth ? target[i] : 0;
        }
        if (depth < 1 || before < Float.MIN_NORMAL) {
            throw new IllegalArgumentException("distr_prior_depth must be at least 1 and not far beyond the network's "
                    + blocks + " blocks, got " + depth);
        }
        for (int i = 0; i < blocks; i++) {
            target[i] *= BEFORE / before;
        }
        return new HaltingPrior(depth, Arrays.stream(target).boxed().toList());
    }

    public HaltingPrior {
        target = List.copyOf(target);
    }

    /**
     * The mean score of each block over the images that go together, the first left out where there are others, as the
     * published code does.
     *
     * @param scores (B, L)
     * @return (L)
     */
    public static Tensor mean(Tensor scores) {
        long images = scores.size(0);
        return (images > 1 ? scores.narrow(0, 1, images - 1) : scores).mean(0);
    }

    /**
     * How far scores are from the target: the mean over the blocks of target · (ln target − ln share), where a share is a
     * score's of all, at least 0.01 and at most 0.99.
     *
     * @param mean (L), with gradient
     * @return a scalar
     */
    public Tensor distance(Tensor mean) {
        float[] wanted = new float[target.size()];
        float[] logs = new float[target.size()];
        for (int i = 0; i < wanted.length; i++) {
            wanted[i] = target.get(i).floatValue();
            logs[i] = wanted[i] > 0 ? (float) Math.log(wanted[i]) : 0;
        }
        Tensor shares = mean.div(mean.sum()).clamp(scalar(LEAST), scalar(MOST));
        Tensor gap = Tensors.floats(logs, 0, logs.length)
                .to(mean.device(), mean.scalar_type())
                .sub(shares.log());
        Tensor weights = Tensors.floats(wanted, 0, wanted.length).to(mean.device(), mean.scalar_type());
        return weights.mul(gap).mean();
    }

    private static ScalarOptional scalar(double value) {
        return new ScalarOptional(new Scalar(value));
    }
}
