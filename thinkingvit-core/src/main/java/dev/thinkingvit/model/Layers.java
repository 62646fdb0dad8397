package dev.thinkingvit.model;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Tensors;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Arithmetic that the training view and the packed inference view share. */
final class Layers {
    private Layers() {}

    /**
     * Cuts images into patches, so that the patch embedding is one linear layer.
     *
     * @param images (B, 3, S, S)
     * @return (B, N-1, 3p²), the values of a patch in the order of a convolution's weight
     */
    static Tensor patchify(Tensor images, ThinkingViTConfig config) {
        long batch = images.size(0);
        long side = config.imageSize() / config.patchSize();
        long patch = config.patchSize();
        return images.reshape(batch, 3, side, patch, side, patch)
                .permute(0, 2, 4, 1, 3, 5) // (B, side, side, 3, p, p)
                .reshape(batch, side * side, 3 * patch * patch);
    }

    /** LayerNorm over the last dimension; computed in F32 whatever the type of {@code x}. */
    static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        return torch.layer_norm(
                x, new long[] {x.size(-1)}, new TensorOptional(weight), new TensorOptional(bias), eps, false);
    }

    /**
     * Multi-head self-attention.
     *
     * @param qkv (B, N, 3d); the queries carry the factor headDim^-0.5 already
     * @return (B, N, d)
     */
    static Tensor attention(Tensor qkv, int heads) {
        long batch = qkv.size(0);
        long tokens = qkv.size(1);
        long width = qkv.size(2) / 3;
        long headDim = width / heads;
        Tensor split = qkv.view(batch, tokens, 3, heads, headDim).permute(2, 0, 3, 1, 4); // (3, B, H, N, hd)
        boolean fusedIsFaster = qkv.is_cuda() || Tensors.dtype(qkv) == DType.F32;
        Tensor mixed = fusedIsFaster ? fused(split) : byProducts(split); // (B, H, N, hd)
        return mixed.transpose(1, 2).reshape(batch, tokens, width);
    }

    // The fused CPU kernel is the faster one in F32 and by far the slower one in BF16.
    private static Tensor fused(Tensor split) {
        TensorVector qkv = split.unbind(0);
        return torch.scaled_dot_product_attention(
                qkv.get(0), qkv.get(1), qkv.get(2), new TensorOptional(), 0.0, false, new DoubleOptional(1.0), false);
    }

    private static Tensor byProducts(Tensor split) {
        long batch = split.size(1);
        long heads = split.size(2);
        long tokens = split.size(3);
        long headDim = split.size(4);
        // one copy for all three here, and one for their gradients on the way back
        TensorVector qkv = split.reshape(3, batch * heads, tokens, headDim).unbind(0);
        Tensor scores = qkv.get(0).bmm(qkv.get(1).transpose(1, 2)); // (BH, N, N)
        return scores.softmax(-1).bmm(qkv.get(2)).view(batch, heads, tokens, headDim);
    }
}
