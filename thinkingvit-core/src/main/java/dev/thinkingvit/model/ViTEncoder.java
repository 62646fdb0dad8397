package dev.thinkingvit.model;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Norm;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Start;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A ThinkingViT without its head: stage k uses the leading features and heads of every layer, and starts from what stage
 * k − 1 left.
 *
 * <p>{@code B} images, {@code N} tokens, {@code D} full width, {@code d} width of a stage, {@code d'} width of the stage
 * before, {@code p} side of a patch.
 */
final class ViTEncoder {
    /** Of images. */
    static final int CHANNELS = 3;

    private final ThinkingViTConfig config;
    private final Axis features;
    private final Parameter classToken; // (1, 1, D)
    private final Parameter positions; // (1, N, D)
    private final Linear patchEmbedding; // 3p² → D
    private final List<PreNormBlock> blocks = new ArrayList<>();
    private final Norm norm;
    private final List<Recycling> recyclings;

    /** Token recycling into a stage (paper, section 3.2): alpha · (W_p z + b_p), from d' to d. */
    record Recycling(Parameter alpha, Linear projection) {}

    /** Names what recycles tokens, and draws it. */
    interface Recycles {
        /**
         * @param stage into which tokens go, from 2
         * @param features of the encoder's layers
         */
        Recycling into(int stage, Axis features);
    }

    /** @param prefix of its parameters' names */
    ViTEncoder(ThinkingViTConfig config, String prefix, Recycles recycles) {
        this.config = config;
        int width = config.embedDim();
        List<Integer> widths = IntStream.rangeClosed(1, config.stages())
                .mapToObj(config::width)
                .toList();
        this.features = Axis.leading(width, widths);
        Axis one = Axis.whole(1);
        this.classToken = Parameter.of(prefix + "cls_token", Start.normal(1e-6), 0, one, one, features)
                .undecayed();
        this.positions = Parameter.of(
                        prefix + "pos_embed", Start.normal(0.02), 0, one, Axis.whole(config.tokens()), features)
                .undecayed();
        // PyTorch's default for a convolution: uniform within 1/√fan-in, bias too
        Start convolution = Start.uniform(1 / Math.sqrt(config.patchElements()));
        Axis patch = Axis.whole(config.patchSize());
        String embedding = prefix + "patch_embed.proj.";
        this.patchEmbedding = new Linear(
                Parameter.of(embedding + "weight", convolution, 0, features, Axis.whole(CHANNELS), patch, patch),
                Parameter.of(embedding + "bias", convolution, 0, features));
        for (int i = 0; i < config.depth(); i++) {
            String name = prefix + "blocks." + i + ".";
            blocks.add(PreNormBlock.of(name, i + 1, width, widths, config.headDim(), config.normEps()));
        }
        this.norm = Norm.of(prefix + "norm", config.depth(), features, config.normEps());
        this.recyclings = IntStream.rangeClosed(2, config.stages())
                .mapToObj(stage -> recycles.into(stage, features))
                .toList();
    }

    /** Of every layer: the leading ones in a stage. */
    Axis features() {
        return features;
    }

    /** What every stage reads. */
    void addTo(List<Parameter> all) {
        all.add(classToken);
        all.add(positions);
        patchEmbedding.addTo(all);
        blocks.forEach(block -> block.addTo(all));
        norm.addTo(all);
    }

    /** What recycles tokens. */
    void addRecyclingTo(List<Parameter> all) {
        recyclings.forEach(recycling -> all.add(recycling.alpha));
        recyclings.forEach(recycling -> recycling.projection.addTo(all));
    }

    /** What goes into the first block: (B, N, d). */
    <T> T embedded(Layers<T> on, int stage, T images, @Nullable T previous) {
        T patches = on.linear(on.patches(images, config.patchSize()), patchEmbedding); // (B, N-1, d)
        T x = on.tokens(patches, classToken, positions); // (B, N, d)
        if (previous == null) {
            return x;
        }
        Recycling recycling = recyclings.get(stage - 2);
        return on.add(x, on.scale(on.linear(previous, recycling.projection), recycling.alpha));
    }

    /**
     * A block on (B, N, d).
     *
     * @param index from 0
     * @param chosen the tokens that take part; null for all
     */
    <T> T block(Layers<T> on, int stage, int index, T x, @Nullable T chosen) {
        PreNormBlock block = blocks.get(index);
        return on.block(x, index, input -> block.run(on, input, config.heads(stage), chosen, on::residual));
    }

    /** A block's layers on (B, N, d), for executors that say themselves what is a block. */
    <T> T inBlock(Layers<T> on, int stage, int index, T x) {
        return blocks.get(index).run(on, x, config.heads(stage), on::residual);
    }

    /** All blocks and the norm behind them, of all tokens: (B, N, d). */
    <T> T tokens(Layers<T> on, int stage, T images, @Nullable T previous) {
        return last(on, stage, beforeLast(on, stage, images, previous));
    }

    /** All blocks but the last, of all tokens: (B, N, d). */
    <T> T beforeLast(Layers<T> on, int stage, T images, @Nullable T previous) {
        T x = embedded(on, stage, images, previous);
        for (int i = 0; i < blocks.size() - 1; i++) {
            x = block(on, stage, i, x, null);
        }
        return x;
    }

    /** The last block and the norm behind it: (B, N, d). */
    <T> T last(Layers<T> on, int stage, T x) {
        return normed(on, block(on, stage, blocks.size() - 1, x, null));
    }

    /** As {@link #last}, of which only the class token is wanted: (B, 1, d). The block computes no others. */
    <T> T lastOfFirst(Layers<T> on, int stage, T x) {
        int last = blocks.size() - 1;
        PreNormBlock block = blocks.get(last);
        return normed(on, on.block(x, last, input -> block.runFirst(on, input, config.heads(stage), on::residual)));
    }

    /** What came out of the last block, normalised. */
    <T> T normed(Layers<T> on, T x) {
        return on.norm(x, norm);
    }
}
