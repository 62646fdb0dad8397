package dev.thinkingvit.model;

import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * One stage of a {@link PackedThinkingViT}.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} width of this stage, {@code d'} width of the stage before. What
 * costs nothing at load is folded into the weights: the attention's scale into the queries' rows, alpha into the
 * recycling projection.
 */
final class PackedStage implements AutoCloseable {
    private final ThinkingViTConfig config;
    private final int heads;
    private final Precision precision;
    private final PackedLinear patchEmbedding;
    private final Tensor classToken; // (1, 1, d), its position added
    private final Tensor patchPositions; // (1, N-1, d)
    private final @Nullable PackedLinear recycling;
    private final List<Block> blocks;
    private final Norm norm;
    private final PackedLinear head;

    private PackedStage(ThinkingViTConfig config, Cutter cut, int stage) {
        this.config = config;
        this.heads = config.heads(stage);
        this.precision = cut.precision;
        this.patchEmbedding = cut.patchEmbedding();
        Tensor positions = cut.full("pos_embed").narrow(2, 0, cut.width);
        this.classToken = cut.own(cut.full("cls_token").narrow(2, 0, cut.width).add(positions.narrow(1, 0, 1)));
        this.patchPositions = cut.own(positions.narrow(1, 1, config.patches()));
        this.recycling = stage == 1 ? null : cut.recycling(stage);
        this.blocks = new ArrayList<>();
        for (int i = 0; i < config.depth(); i++) {
            blocks.add(cut.block("blocks." + i + "."));
        }
        this.norm = cut.norm("norm");
        this.head = cut.head();
    }

    /** Cuts, casts and packs what {@code stage} reads of the full-width weights. */
    static PackedStage pack(ThinkingViTConfig config, Map<String, HostTensor> weights, Precision precision, int stage) {
        return new PackedStage(config, new Cutter(config, weights, precision, config.width(stage)), stage);
    }

    /** See {@link Backbone#run}; shapes are checked there. */
    StageOutput run(Tensor images, @Nullable Tensor previousTokens) {
        try (Scope scope = new Scope()) {
            Tensor x = embed(images, previousTokens); // (B, N, d)
            for (Block block : blocks) {
                Tensor before = x;
                x = block.apply(before, heads);
                before.close(); // activations are large: gone as soon as they are used
            }
            Tensor tokens = norm.apply(x); // (B, N, d)
            Tensor logits = head.apply(tokens.select(1, 0).to(ScalarType.Float).contiguous()); // (B, C)
            return new StageOutput(scope.keep(tokens), scope.keep(logits));
        }
    }

    private Tensor embed(Tensor images, @Nullable Tensor previousTokens) {
        try (Scope scope = new Scope()) {
            long batch = images.size(0);
            Tensor patches = Layers.patchify(images, config).to(precision.type()); // (B, N-1, 3p²)
            Tensor embedded = patchEmbedding.apply(patches).add_(patchPositions); // (B, N-1, d)
            Tensor x = torch.cat(new TensorVector(classToken.expand(batch, 1, classToken.size(2)), embedded), 1);
            if (recycling != null && previousTokens != null) {
                x = recycling.applyAdd(previousTokens, x); // (B, N, d)
            }
            return scope.keep(x);
        }
    }

    @Override
    public void close() {
        patchEmbedding.close();
        classToken.close();
        patchPositions.close();
        if (recycling != null) {
            recycling.close();
        }
        blocks.forEach(Block::close);
        norm.close();
        head.close();
    }

    private record Norm(Tensor weight, Tensor bias, double eps) {
        Tensor apply(Tensor x) {
            return Layers.layerNorm(x, weight, bias, eps);
        }

        void close() {
            weight.close();
            bias.close();
        }
    }

    private record Block(
            Norm norm1, PackedLinear qkv, PackedLinear projection, Norm norm2, PackedLinear fc1, PackedLinear fc2) {

        /** @param x (B, N, d); not changed */
        Tensor apply(Tensor x, int heads) {
            try (Scope scope = new Scope()) {
                Tensor mixed = Layers.attention(qkv.apply(norm1.apply(x)), heads); // (B, N, d)
                Tensor attended = projection.applyAdd(mixed, x); // (B, N, d)
                Tensor hidden = fc1.applyGelu(norm2.apply(attended)); // (B, N, 4d)
                return scope.keep(fc2.applyAdd(hidden, attended)); // (B, N, d)
            }
        }

        void close() {
            norm1.close();
            qkv.close();
            projection.close();
            norm2.close();
            fc1.close();
            fc2.close();
        }
    }

    /** Makes a stage's parts from the full-width weights. */
    private static final class Cutter {
        private final ThinkingViTConfig config;
        private final Map<String, HostTensor> weights;
        private final Precision precision;
        private final int width;

        Cutter(ThinkingViTConfig config, Map<String, HostTensor> weights, Precision precision, int width) {
            this.config = config;
            this.weights = weights;
            this.precision = precision;
            this.width = width;
        }

        /** The whole tensor as F32; belongs to the innermost scope. */
        Tensor full(String name) {
            HostTensor host = weights.get(name);
            if (host == null) {
                throw new IllegalStateException("no tensor " + name);
            }
            return Tensors.toNative(host).to(ScalarType.Float);
        }

        Tensor own(Tensor tensor) {
            try (Scope scope = new Scope()) {
                return Scope.own(tensor.to(precision.type()).contiguous().clone());
            }
        }

        PackedLinear patchEmbedding() {
            try (Scope scope = new Scope()) {
                return new PackedLinear(
                        full("patch_embed.proj.weight").narrow(0, 0, width).reshape(width, config.patchElements()),
                        leading("patch_embed.proj.bias", width),
                        precision);
            }
        }

        PackedLinear recycling(int stage) {
            try (Scope scope = new Scope()) {
                String name = ThinkingViTConfig.projectionName(stage);
                Tensor alpha = full(ThinkingViTConfig.alphaName(stage));
                return new PackedLinear(
                        leading(name + ".weight", width).mul(alpha),
                        leading(name + ".bias", width).mul(alpha),
                        precision);
            }
        }

        Block block(String name) {
            int hidden = ThinkingViTConfig.mlpWidth(width);
            return new Block(
                    norm(name + "norm1"),
                    qkv(name + "attn.qkv"),
                    linear(name + "attn.proj", width, width),
                    norm(name + "norm2"),
                    linear(name + "mlp.fc1", hidden, width),
                    linear(name + "mlp.fc2", width, hidden));
        }

        PackedLinear head() {
            try (Scope scope = new Scope()) {
                // one row an image: F32 costs nothing here
                return new PackedLinear(full("head.weight").narrow(1, 0, width), full("head.bias"), Precision.FP32);
            }
        }

        Norm norm(String name) {
            try (Scope scope = new Scope()) {
                return new Norm(
                        Scope.own(leading(name + ".weight", width).clone()),
                        Scope.own(leading(name + ".bias", width).clone()),
                        config.normEps());
            }
        }

        private PackedLinear qkv(String name) {
            try (Scope scope = new Scope()) {
                int full = config.embedDim();
                Tensor scale =
                        Tensors.floats(new float[] {(float) (1 / Math.sqrt(config.headDim())), 1, 1}, 0, 3, 1, 1);
                Tensor weight = full(name + ".weight")
                        .view(3, full, full)
                        .narrow(1, 0, width)
                        .narrow(2, 0, width)
                        .mul(scale);
                Tensor bias = full(name + ".bias")
                        .view(3, full, 1)
                        .narrow(1, 0, width)
                        .mul(scale);
                return new PackedLinear(weight.reshape(3L * width, width), bias.reshape(3L * width), precision);
            }
        }

        private PackedLinear linear(String name, int rows, int columns) {
            try (Scope scope = new Scope()) {
                return new PackedLinear(
                        leading(name + ".weight", rows).narrow(1, 0, columns),
                        leading(name + ".bias", rows),
                        precision);
            }
        }

        private Tensor leading(String name, int rows) {
            return full(name).narrow(0, 0, rows);
        }
    }
}
