package dev.thinkingvit.model;

import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What one stage reads of the full-width weights, in F32. What costs nothing at load is folded in: the attention's scale
 * into the queries' rows, alpha into the recycling projection. Tensors belong to the innermost scope of who asks.
 *
 * <p>{@code N} tokens, {@code d} width of the stage, {@code d'} width of the stage before, {@code p} patch size.
 *
 * @param weights exactly the parameters of {@link ThinkingViTConfig#parameterShapes()}
 * @param stage from 1
 */
record StageWeights(ThinkingViTConfig config, Map<String, HostTensor> weights, int stage) {
    /** A linear layer: weight (out, in), bias (out). */
    record Linear(Tensor weight, Tensor bias) {}

    /** A LayerNorm's weight (d) and bias (d), in memory of their own. */
    record Norm(Tensor weight, Tensor bias, double eps) implements AutoCloseable {
        @Override
        public void close() {
            weight.close();
            bias.close();
        }
    }

    int width() {
        return config.width(stage);
    }

    int hidden() {
        return ThinkingViTConfig.mlpWidth(width());
    }

    /** The class token and the positions of the patches, (N, d): what embedded patches are added to. */
    Tensor positions() {
        Tensor positions = full("pos_embed").narrow(2, 0, width()).squeeze(0); // (N, d)
        Tensor classToken = full("cls_token").narrow(2, 0, width()).view(1, width());
        return torch.cat(
                new TensorVector(classToken.add(positions.narrow(0, 0, 1)), positions.narrow(0, 1, config.patches())),
                0);
    }

    /** (d, 3p²). */
    Linear patchEmbedding() {
        return new Linear(
                full("patch_embed.proj.weight").narrow(0, 0, width()).reshape(width(), config.patchElements()),
                leading("patch_embed.proj.bias", width()));
    }

    /** (d, d'), for stages after the first. */
    Linear recycling() {
        String name = ThinkingViTConfig.projectionName(stage);
        Tensor alpha = full(ThinkingViTConfig.alphaName(stage));
        return new Linear(
                leading(name + ".weight", width()).mul(alpha),
                leading(name + ".bias", width()).mul(alpha));
    }

    /** (3d, d): queries, keys, values. */
    Linear qkv(int block) {
        String name = "blocks." + block + ".attn.qkv";
        int full = config.embedDim();
        Tensor scale = Tensors.floats(new float[] {(float) (1 / Math.sqrt(config.headDim())), 1, 1}, 0, 3, 1, 1);
        Tensor weight = full(name + ".weight")
                .view(3, full, full)
                .narrow(1, 0, width())
                .narrow(2, 0, width())
                .mul(scale);
        Tensor bias =
                full(name + ".bias").view(3, full, 1).narrow(1, 0, width()).mul(scale);
        return new Linear(weight.reshape(3L * width(), width()), bias.reshape(3L * width()));
    }

    /** (d, d). */
    Linear projection(int block) {
        return linear("blocks." + block + ".attn.proj", width(), width());
    }

    /** (4d, d). */
    Linear fc1(int block) {
        return linear("blocks." + block + ".mlp.fc1", hidden(), width());
    }

    /** (d, 4d). */
    Linear fc2(int block) {
        return linear("blocks." + block + ".mlp.fc2", width(), hidden());
    }

    /** (C, d). */
    Linear head() {
        return new Linear(full("head.weight").narrow(1, 0, width()), full("head.bias"));
    }

    /** The caller closes it. */
    Norm norm1(int block) {
        return norm("blocks." + block + ".norm1");
    }

    /** The caller closes it. */
    Norm norm2(int block) {
        return norm("blocks." + block + ".norm2");
    }

    /** The last one; the caller closes it. */
    Norm norm() {
        return norm("norm");
    }

    private Norm norm(String name) {
        try (Scope scope = new Scope()) {
            return new Norm(
                    Scope.own(leading(name + ".weight", width()).clone()),
                    Scope.own(leading(name + ".bias", width()).clone()),
                    config.normEps());
        }
    }

    private Linear linear(String name, int rows, int columns) {
        return new Linear(leading(name + ".weight", rows).narrow(1, 0, columns), leading(name + ".bias", rows));
    }

    private Tensor leading(String name, int rows) {
        return full(name).narrow(0, 0, rows);
    }

    private Tensor full(String name) {
        HostTensor host = weights.get(name);
        if (host == null) {
            throw new IllegalStateException("no tensor " + name);
        }
        return Tensors.toNative(host).to(ScalarType.Float);
    }
}
