package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A stage by libtorch's operations, for processors that oneDNN has no kernels for.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} width of this stage.
 */
final class TorchStage implements PackedStage {
    private final ThinkingViTConfig config;
    private final int stage;
    private final int heads;
    private final Precision precision;
    private final Linear patchEmbedding;
    private final Tensor classToken; // (1, 1, d), its position added
    private final Tensor patchPositions; // (1, N-1, d)
    private final @Nullable Linear recycling;
    private final List<Block> blocks = new ArrayList<>();
    private final StageWeights.Norm norm;
    private final Linear head;

    TorchStage(StageWeights weights, Precision precision) {
        this.config = weights.config();
        this.stage = weights.stage();
        this.heads = config.heads(stage);
        this.precision = precision;
        this.patchEmbedding = Linear.of(weights.patchEmbedding(), precision);
        Tensor positions = weights.positions().to(precision.type()).unsqueeze(0); // (1, N, d)
        this.classToken = Scope.own(positions.narrow(1, 0, 1).clone());
        this.patchPositions = Scope.own(positions.narrow(1, 1, config.patches()).clone());
        this.recycling = stage == 1 ? null : Linear.of(weights.recycling(), precision);
        for (int i = 0; i < config.depth(); i++) {
            blocks.add(new Block(
                    weights.norm1(i),
                    Linear.of(weights.qkv(i), precision),
                    Linear.of(weights.projection(i), precision),
                    weights.norm2(i),
                    Linear.of(weights.fc1(i), precision),
                    Linear.of(weights.fc2(i), precision)));
        }
        this.norm = weights.norm();
        this.head = Linear.of(weights.head(), Precision.FP32); // one row an image: F32 costs nothing here
    }

    @Override
    public StageOutput run(Tensor images, @Nullable Tensor previousTokens) {
        try (Scope scope = new Scope()) {
            Tensor x = embed(images, previousTokens); // (B, N, d)
            for (Block block : blocks) {
                Tensor before = x;
                x = block.apply(before, heads);
                before.close(); // activations are large: gone as soon as they are used
            }
            Tensor tokens = layerNorm(x, norm); // (B, N, d)
            Tensor logits = head.apply(tokens.select(1, 0).to(ScalarType.Float)); // (B, C)
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
                x = recycling.apply(previousTokens).add_(x); // (B, N, d)
            }
            return scope.keep(x);
        }
    }

    private static Tensor layerNorm(Tensor x, StageWeights.Norm norm) {
        return Layers.layerNorm(x, norm.weight(), norm.bias(), norm.eps());
    }

    @Override
    public long weightBytes() {
        return PackedThinkingViT.weightBytes(config, stage, precision);
    }

    @Override
    public int microBatch() {
        return PackedThinkingViT.microBatch(config, stage);
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

    private record Linear(Tensor weight, Tensor bias) {
        static Linear of(StageWeights.Linear plain, Precision precision) {
            return new Linear(cast(plain.weight(), precision), cast(plain.bias(), precision));
        }

        private static Tensor cast(Tensor tensor, Precision precision) {
            return Scope.own(tensor.to(precision.type()).contiguous().clone());
        }

        Tensor apply(Tensor x) {
            return torch.linear(x, weight, new TensorOptional(bias));
        }

        void close() {
            weight.close();
            bias.close();
        }
    }

    private record Block(
            StageWeights.Norm norm1, Linear qkv, Linear projection, StageWeights.Norm norm2, Linear fc1, Linear fc2) {

        /** @param x (B, N, d); not changed */
        Tensor apply(Tensor x, int heads) {
            try (Scope scope = new Scope()) {
                Tensor mixed = Layers.attention(qkv.apply(layerNorm(x, norm1)), heads); // (B, N, d)
                Tensor attended = projection.apply(mixed).add_(x); // (B, N, d)
                Tensor hidden = torch.gelu(fc1.apply(layerNorm(attended, norm2))); // (B, N, 4d)
                return scope.keep(fc2.apply(hidden).add_(attended)); // (B, N, d)
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
}
