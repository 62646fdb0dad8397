package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * One stage of a {@link ThinkingViT} while training: slices of the shared parameters, made as views so that gradients
 * reach them, and cast to the precision of the products.
 *
 * <p>{@code B} images, {@code N} tokens, {@code D} full width, {@code d} width of this stage, {@code d'} width of the
 * stage before.
 */
final class StageView {
    private final ThinkingViTConfig config;
    private final Map<String, Tensor> parameters;
    private final Precision precision;
    private final int stage;
    private final int width;
    /** The attention's headDim^-0.5 on the queries' rows: cheaper on weights than on activations. */
    private final Tensor queryScale;

    StageView(ThinkingViTConfig config, Map<String, Tensor> parameters, Precision precision, int stage) {
        this.config = config;
        this.parameters = parameters;
        this.precision = precision;
        this.stage = stage;
        this.width = config.width(stage);
        this.queryScale = Tensors.floats(new float[] {(float) (1 / Math.sqrt(config.headDim())), 1, 1}, 0, 3, 1, 1);
    }

    StageOutput forward(Tensor patches, @Nullable Tensor recycled, DropPath dropPath) {
        long batch = patches.size(0);
        Tensor embedded = linear(
                patches,
                leading("patch_embed.proj.weight").reshape(width, config.patchElements()),
                leading("patch_embed.proj.bias")); // (B, N-1, d)
        Tensor classToken = cast(last("cls_token")).expand(batch, 1, width);
        Tensor x = torch.cat(new TensorVector(classToken, embedded), 1).add(cast(last("pos_embed"))); // (B, N, d)
        if (recycled != null) {
            x = x.add(recycle(recycled));
        }
        for (int block = 0; block < config.depth(); block++) {
            String name = "blocks." + block + ".";
            x = x.add(dropPath.apply(attention(x, name), block, config.depth()));
            x = x.add(dropPath.apply(mlp(x, name), block, config.depth()));
        }
        Tensor tokens = norm(x, "norm"); // (B, N, d)
        Tensor logits = torch.linear(
                tokens.select(1, 0).to(ScalarType.Float),
                last("head.weight"),
                new TensorOptional(parameter("head.bias"))); // (B, C)
        return new StageOutput(tokens, logits);
    }

    // Token recycling (paper, section 3.2): alpha · (W_p z + b_p)
    private Tensor recycle(Tensor tokens) {
        String projection = ThinkingViTConfig.projectionName(stage);
        Tensor projected = linear(
                tokens,
                parameter(projection + ".weight").narrow(0, 0, width),
                leading(projection + ".bias")); // (B, N, d)
        return projected.mul(cast(parameter(ThinkingViTConfig.alphaName(stage))));
    }

    private Tensor attention(Tensor x, String block) {
        Tensor normalised = norm(x, block + "norm1");
        Tensor weight = threeChunks(parameter(block + "attn.qkv.weight").view(3, config.embedDim(), config.embedDim()))
                .narrow(2, 0, width)
                .mul(queryScale)
                .reshape(3L * width, width);
        Tensor bias = threeChunks(parameter(block + "attn.qkv.bias").view(3, config.embedDim(), 1))
                .mul(queryScale)
                .reshape(3L * width);
        Tensor qkv = linear(normalised, weight, bias); // (B, N, 3d)
        Tensor mixed = Layers.attention(qkv, config.heads(stage)); // (B, N, d)
        return linear(mixed, corner(block + "attn.proj.weight", width, width), leading(block + "attn.proj.bias"));
    }

    /** Queries, keys and values are three chunks of rows, each cut to its first d. */
    private Tensor threeChunks(Tensor chunks) {
        return chunks.narrow(1, 0, width);
    }

    private Tensor mlp(Tensor x, String block) {
        int hidden = ThinkingViTConfig.mlpWidth(width);
        Tensor normalised = norm(x, block + "norm2");
        Tensor expanded = linear(
                normalised,
                corner(block + "mlp.fc1.weight", hidden, width),
                parameter(block + "mlp.fc1.bias").narrow(0, 0, hidden)); // (B, N, 4d)
        return linear(
                torch.gelu(expanded), corner(block + "mlp.fc2.weight", width, hidden), leading(block + "mlp.fc2.bias"));
    }

    private Tensor norm(Tensor x, String name) {
        return Layers.layerNorm(x, leading(name + ".weight"), leading(name + ".bias"), config.normEps());
    }

    private Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        return torch.linear(x, cast(weight), new TensorOptional(cast(bias)));
    }

    private Tensor cast(Tensor slice) {
        return slice.to(precision.type());
    }

    private Tensor parameter(String name) {
        Tensor tensor = parameters.get(name);
        if (tensor == null) {
            throw new IllegalStateException("no parameter " + name);
        }
        return tensor;
    }

    /** The first d entries along the first dimension. */
    private Tensor leading(String name) {
        return parameter(name).narrow(0, 0, width);
    }

    /** The first d entries along the last dimension. */
    private Tensor last(String name) {
        return parameter(name).narrow(-1, 0, width);
    }

    private Tensor corner(String name, long rows, long columns) {
        return parameter(name).narrow(0, 0, rows).narrow(1, 0, columns);
    }
}
