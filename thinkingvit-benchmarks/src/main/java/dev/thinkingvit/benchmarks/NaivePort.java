package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.ThinkingViTConfig;
import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The published forward pass line by line: full-width layers, sliced at each call, attention by libtorch's fused kernel.
 *
 * <p>{@code B} images, {@code N} tokens, {@code D} full width, {@code d} width of a stage, {@code C} classes.
 *
 * @param parameters full-width, by name; stay the caller's
 */
record NaivePort(ThinkingViTConfig config, Map<String, Tensor> parameters) {
    /**
     * A stage's tokens.
     *
     * @param images (B, 3, S, S)
     * @param recycled (B, N, d') of the stage before; null for the first
     * @return (B, N, d)
     */
    Tensor stage(Tensor images, @Nullable Tensor recycled, int stage) {
        int width = config.width(stage);
        Tensor embedded = torch.conv2d(
                        images,
                        parameter("patch_embed.proj.weight").narrow(0, 0, width),
                        new TensorOptional(parameter("patch_embed.proj.bias").narrow(0, 0, width)),
                        new long[] {config.patchSize(), config.patchSize()},
                        new long[] {0, 0},
                        new long[] {1, 1},
                        1)
                .flatten(2, 3)
                .transpose(1, 2); // (B, N-1, d)
        Tensor classToken = parameter("cls_token").narrow(2, 0, width).expand(images.size(0), 1, width);
        Tensor x = torch.cat(new TensorVector(classToken, embedded), 1)
                .add(parameter("pos_embed").narrow(2, 0, width)); // (B, N, d)
        if (recycled != null) {
            String projection = ThinkingViTConfig.projectionName(stage);
            Tensor projected = linear(
                    recycled,
                    parameter(projection + ".weight").narrow(0, 0, width),
                    parameter(projection + ".bias").narrow(0, 0, width));
            x = x.add(projected.mul(parameter(ThinkingViTConfig.alphaName(stage))));
        }
        for (int block = 0; block < config.depth(); block++) {
            x = block(x, "blocks." + block + ".", config.heads(stage));
        }
        return norm(x, "norm");
    }

    /** A stage's logits (B, C) from its tokens. */
    Tensor logits(Tensor tokens) {
        return linear(
                tokens.select(1, 0), parameter("head.weight").narrow(1, 0, tokens.size(-1)), parameter("head.bias"));
    }

    private Tensor block(Tensor x, String name, int heads) {
        Tensor attended = x.add(attention(norm(x, name + "norm1"), name + "attn.", heads));
        long width = x.size(-1);
        long hidden = ThinkingViTConfig.mlpWidth((int) width);
        Tensor expanded = torch.gelu(sliced(norm(attended, name + "norm2"), name + "mlp.fc1", hidden)); // (B, N, 4d)
        return attended.add(sliced(expanded, name + "mlp.fc2", width)); // (B, N, d)
    }

    private Tensor attention(Tensor x, String name, int heads) {
        long images = x.size(0);
        long tokens = x.size(1);
        long width = x.size(2);
        long full = config.embedDim();
        Tensor weight = parameter(name + "qkv.weight")
                .view(3, full, full)
                .narrow(1, 0, width)
                .narrow(2, 0, width)
                .reshape(3 * width, width);
        Tensor bias =
                parameter(name + "qkv.bias").view(3, full).narrow(1, 0, width).reshape(3 * width);
        TensorVector qkv = linear(x, weight, bias)
                .reshape(images, tokens, 3, heads, config.headDim())
                .permute(2, 0, 3, 1, 4)
                .unbind(0); // 3 of (B, H, N, hd)
        Tensor mixed = torch.scaled_dot_product_attention(
                qkv.get(0), qkv.get(1), qkv.get(2), new TensorOptional(), 0.0, false, new DoubleOptional(), false);
        return sliced(mixed.transpose(1, 2).reshape(images, tokens, width), name + "proj", width); // (B, N, d)
    }

    /** A linear layer of as many inputs as come and {@code out} outputs. */
    private Tensor sliced(Tensor x, String name, long out) {
        return linear(
                x,
                parameter(name + ".weight").narrow(0, 0, out).narrow(1, 0, x.size(-1)),
                parameter(name + ".bias").narrow(0, 0, out));
    }

    private Tensor norm(Tensor x, String name) {
        long width = x.size(-1);
        return torch.layer_norm(
                x,
                new long[] {width},
                new TensorOptional(parameter(name + ".weight").narrow(0, 0, width)),
                new TensorOptional(parameter(name + ".bias").narrow(0, 0, width)),
                config.normEps(),
                false);
    }

    private static Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        return torch.linear(x, weight, new TensorOptional(bias));
    }

    private Tensor parameter(String key) {
        Tensor parameter = parameters.get(key);
        if (parameter == null) {
            throw new IllegalStateException("no parameter " + key);
        }
        return parameter;
    }
}
