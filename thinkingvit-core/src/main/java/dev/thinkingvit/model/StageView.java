package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Scope;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * One stage of a {@link ThinkingViT} while training, on weights that were cut for it.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} width of this stage, {@code d'} width of the stage before.
 */
final class StageView {
    private final ThinkingViTConfig config;
    private final Map<String, Tensor> weights;
    private final int stage;
    private final int width;
    private final DropPath dropPath;

    StageView(ThinkingViTConfig config, Map<String, Tensor> weights, int stage, DropPath dropPath) {
        this.config = config;
        this.weights = weights;
        this.stage = stage;
        this.width = config.width(stage);
        this.dropPath = dropPath;
    }

    StageOutput forward(Tensor patches, @Nullable Tensor recycled) {
        Tensor x = embed(patches, recycled);
        for (int block = 0; block < config.depth(); block++) {
            // What the way back does not need goes here, to be used again while it is in the caches.
            try (Scope scope = new Scope()) {
                x = scope.keep(block(x, block));
            }
        }
        return finish(x);
    }

    /**
     * @param patches (B, N-1, 3p²)
     * @param recycled (B, N, d') of the stage before; null in the first
     * @return (B, N, d)
     */
    Tensor embed(Tensor patches, @Nullable Tensor recycled) {
        Tensor embedded = linear(patches, "patch_embed.proj"); // (B, N-1, d)
        Tensor classToken = weight("cls_token").expand(patches.size(0), 1, width);
        Tensor x = torch.cat(new TensorVector(classToken, embedded), 1).add(weight("pos_embed")); // (B, N, d)
        if (recycled == null) {
            return x;
        }
        // Token recycling (paper, section 3.2): alpha · (W_p z + b_p)
        Tensor projected = linear(recycled, ThinkingViTConfig.projectionName(stage)); // (B, N, d)
        return x.add(projected.mul(weight(ThinkingViTConfig.alphaName(stage)).to(x.scalar_type())));
    }

    /** One pre-norm block on (B, N, d). */
    Tensor block(Tensor x, int block) {
        String name = "blocks." + block + ".";
        Tensor attended = dropPath.apply(attention(x, name), stage, block, 0).add_(x);
        return dropPath.apply(mlp(attended, name), stage, block, 1).add_(attended);
    }

    /** Final norm and classifier on (B, N, d). */
    StageOutput finish(Tensor x) {
        Tensor tokens = norm(x, "norm"); // (B, N, d)
        Tensor logits = torch.linear(
                tokens.select(1, 0).to(ScalarType.Float),
                weight("head.weight"),
                new TensorOptional(weight("head.bias"))); // (B, C)
        return new StageOutput(tokens, logits);
    }

    private Tensor attention(Tensor x, String block) {
        Tensor qkv = linear(norm(x, block + "norm1"), block + "attn.qkv"); // (B, N, 3d)
        return linear(Layers.attention(qkv, config.heads(stage)), block + "attn.proj"); // (B, N, d)
    }

    private Tensor mlp(Tensor x, String block) {
        Tensor expanded = linear(norm(x, block + "norm2"), block + "mlp.fc1"); // (B, N, 4d)
        return linear(torch.gelu(expanded), block + "mlp.fc2"); // (B, N, d)
    }

    private Tensor norm(Tensor x, String name) {
        return Layers.layerNorm(x, weight(name + ".weight"), weight(name + ".bias"), config.normEps());
    }

    private Tensor linear(Tensor x, String name) {
        return torch.linear(x, weight(name + ".weight"), new TensorOptional(weight(name + ".bias")));
    }

    private Tensor weight(String name) {
        Tensor tensor = weights.get(name);
        if (tensor == null) {
            throw new IllegalStateException("stage " + stage + " has no weight " + name);
        }
        return tensor;
    }
}
