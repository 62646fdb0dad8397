package dev.thinkingvit.network;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Which tokens go on, while a stage trains: all of them stay in the products, and those that chance has not chosen are kept
 * out of attention and means by numbers that are 0 going forward and have a gradient going back (Rao et al., "DynamicViT:
 * Efficient Vision Transformers with Dynamic Token Sparsification", 2021, sections 3.2 and 3.3). For one pass.
 *
 * <p>{@code B} images, {@code N} tokens, {@code n} of them besides the class token, {@code H} heads, {@code hd} width of a head.
 */
final class Choices {
    /** Keeps a row of attention finite where all that it sees was left out; as published. */
    private static final double EPS = 1e-6;

    private final Gumbel noise;
    private final int stage;
    private int made;

    Choices(Gumbel noise, int stage) {
        this.noise = noise;
        this.stage = stage;
    }

    /**
     * @param scores (B, n, 2)
     * @return (B, n): 1 or 0, with the gradient of the softmax that was drawn from; 0 where it was 0 before
     */
    Tensor choose(Tensor scores, @Nullable Tensor before) {
        Tensor drawn = noise.of(stage, made++, Math.toIntExact(scores.size(1)));
        Tensor soft = scores.to(ScalarType.Float)
                .add(drawn.to(scores.device(), ScalarType.Float))
                .softmax(-1)
                .select(2, 0); // (B, n)
        Tensor hard = soft.detach().ge(new Scalar(0.5)).to(ScalarType.Float);
        Tensor chosen = hard.sub(soft.detach()).add(soft);
        return before == null ? chosen : chosen.mul(before);
    }

    /** The mean of the chosen tokens, zeros if there are none: (B, n, d) to (B, 1, d). */
    Tensor mean(Tensor x, Tensor chosen) {
        Tensor weights = chosen.unsqueeze(2); // (B, n, 1)
        Tensor count = weights.sum(new long[] {1}, true, new ScalarTypeOptional());
        return x.mul(weights)
                .sum(new long[] {1}, true, new ScalarTypeOptional())
                .div(count.clamp_min(new Scalar(0.5)));
    }

    /**
     * Attention to the chosen tokens, the class token, and of each token to itself.
     *
     * @param split (3, B, H, N, hd)
     * @return (B, H, N, hd)
     */
    Tensor attention(Tensor split, Tensor chosen) {
        TensorVector qkv = split.unbind(0);
        Tensor scores = qkv.get(0).matmul(qkv.get(1).transpose(-2, -1)).to(ScalarType.Float); // (B, H, N, N)
        long tokens = scores.size(3);
        Tensor first = torch.ones_like(chosen.narrow(1, 0, 1).detach());
        Tensor keys = torch.cat(new TensorVector(first, chosen), 1).view(chosen.size(0), 1, 1, tokens);
        Tensor self = torch.eye(tokens).to(scores.device(), ScalarType.Float); // (N, N)
        Tensor seen = keys.add(self.mul(keys.neg().add(new Scalar(1)))); // (B, 1, N, N)
        Tensor largest = scores.amax(new long[] {-1}, true);
        Tensor weights = scores.sub(largest).exp().mul(seen);
        Tensor sums =
                weights.sum(new long[] {-1}, true, new ScalarTypeOptional()).add(new Scalar(EPS));
        Tensor shares = weights.add(new Scalar(EPS / tokens)).div(sums);
        return shares.to(split.scalar_type()).matmul(qkv.get(2));
    }

    /** The chosen tokens as they have become, the others as they were, the class token's row first. */
    Tensor restored(Tensor x, Tensor chosen, Tensor changed) {
        Tensor first = torch.ones_like(chosen.narrow(1, 0, 1).detach());
        Tensor gates = torch.cat(new TensorVector(first, chosen), 1).unsqueeze(2); // (B, N, 1)
        return x.add(changed.sub(x).mul(gates.to(x.scalar_type())));
    }
}
