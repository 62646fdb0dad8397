package dev.thinkingvit.model;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Axis.Meaning;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Norm;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.network.Start;
import dev.thinkingvit.network.Windows;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Thinking Swin: a Swin Transformer whose round k uses the leading features and heads of each level, and starts from what
 * the last level of round k − 1 left.
 *
 * <p>{@code B} images, {@code N} tokens of a level, {@code D} full width of a level, {@code d} its width in a round,
 * {@code w} side of a window, {@code C} classes.
 */
public final class SwinNetwork implements Network {
    private static final int CHANNELS = 3;
    private static final int MLP_RATIO = 4;

    private final SwinConfig config;
    private final Linear patchEmbedding; // 3p² → D, whole in every round
    private final Norm patchNorm;
    private final List<Level> levels = new ArrayList<>();
    private final Norm norm;
    private final Linear head;
    private final List<Projector> projectors = new ArrayList<>();
    private final Parameters parameters;

    private record Level(@Nullable Merging merging, List<Block> blocks) {}

    private record Merging(Norm norm, Linear reduction) {}

    private record Block(
            Norm norm1,
            Linear qkv,
            Parameter bias,
            Linear projection,
            Norm norm2,
            Linear fc1,
            Linear fc2,
            Windows windows) {}

    /** Recycling into a round: alpha · (W_p upsampled z + b_p). */
    private record Projector(Parameter alpha, Parameter upsampling, Linear projection) {}

    public SwinNetwork(SwinConfig config) {
        this.config = config;
        int last = config.depths().stream().mapToInt(Integer::intValue).sum() + 1;
        int patch = config.patchSize();
        Start convolution = Start.uniform(1 / Math.sqrt((double) CHANNELS * patch * patch));
        Axis embedded = Axis.whole(config.embedDim());
        this.patchEmbedding = new Linear(
                Parameter.of(
                        "patch_embed.proj.weight",
                        convolution,
                        0,
                        embedded,
                        Axis.whole(CHANNELS),
                        Axis.whole(patch),
                        Axis.whole(patch)),
                Parameter.of("patch_embed.proj.bias", convolution, 0, embedded));
        this.patchNorm = Norm.of("patch_embed.norm", 0, embedded, SwinConfig.NORM_EPS);
        int layer = 1;
        for (int level = 0; level < config.levels(); level++) {
            String name = "layers." + level + ".";
            List<Block> blocks = new ArrayList<>();
            for (int i = 0; i < config.depths().get(level); i++) {
                blocks.add(block(name + "blocks." + i + ".", level, i, layer++));
            }
            levels.add(new Level(level == 0 ? null : merging(name + "downsample.", level, layer), blocks));
        }
        Axis features = features(config.levels() - 1, 1);
        this.norm = Norm.of("norm", last - 1, features, SwinConfig.NORM_EPS);
        Linear classes =
                Linear.of("head.fc", last, Axis.whole(config.numClasses()).of(Meaning.CLASSES), features);
        this.head = classes.with(parameter -> parameter.uncast().as(Role.HEAD));
        for (int stage = 2; stage <= config.stages(); stage++) {
            projectors.add(projector(stage, last));
        }
        this.parameters = Parameters.of(inOrder());
    }

    /** A level's features, {@code times} over. */
    private Axis features(int level, int times) {
        IntUnaryOperator width = stage -> times * config.width(stage, level);
        return Axis.leading(
                times * config.width(level),
                IntStream.rangeClosed(1, config.stages()).map(width).boxed().toList());
    }

    private Block block(String name, int level, int index, int layer) {
        Axis features = features(level, 1);
        Axis hidden = features(level, MLP_RATIO).of(Meaning.HIDDEN);
        Axis heads = Axis.leading(
                        config.numHeads().get(level),
                        config.headRounds().stream()
                                .map(round -> round.get(level))
                                .toList())
                .of(Meaning.HEADS);
        Windows windows = config.windows(level, index % 2 == 1);
        return new Block(
                Norm.of(name + "norm1", layer, features, SwinConfig.NORM_EPS),
                Linear.of(
                        name + "attn.qkv", layer, features(level, 3), features), // the first 3d rows, not three chunks
                Parameter.of(
                                SwinConfig.biasTable(level, index),
                                Start.normal(0.02),
                                layer,
                                Axis.whole(windows.biasTable()),
                                heads)
                        .undecayed(),
                Linear.of(name + "attn.proj", layer, features, features),
                Norm.of(name + "norm2", layer, features, SwinConfig.NORM_EPS),
                Linear.of(name + "mlp.fc1", layer, hidden, features),
                Linear.of(name + "mlp.fc2", layer, features, hidden),
                windows);
    }

    private Merging merging(String name, int level, int layer) {
        Axis joined = features(level - 1, 4);
        Linear reduction = Linear.of(name + "reduction", layer, features(level, 1), joined);
        return new Merging(
                Norm.of(name + "norm", layer, joined, SwinConfig.NORM_EPS), new Linear(reduction.weight(), null));
    }

    private Projector projector(int stage, int layer) {
        String name = stage == 2 ? "proj_layer" : "proj_layer" + (stage - 1);
        int from = config.width(stage - 1, config.levels() - 1);
        int factor = 1 << (config.levels() - 1);
        Start spread = Start.uniform(1.0 / factor);
        Start start = Start.uniform(1 / Math.sqrt(from));
        Axis one = Axis.whole(1);
        Axis to = Axis.whole(config.width(stage, 0));
        Linear projection = new Linear(
                Parameter.of(name + ".proj.weight", start, layer, to, Axis.whole(from), one, one),
                Parameter.of(name + ".proj.bias", start, layer, to));
        return new Projector(
                Parameter.of("alpha." + (stage - 2), Start.ZEROS, layer, one)
                        .uncast()
                        .as(Role.RECYCLING)
                        .readBy(stage),
                Parameter.of(
                                name + ".upsample.weight",
                                spread,
                                layer,
                                Axis.whole(from),
                                one,
                                Axis.whole(factor),
                                Axis.whole(factor))
                        .as(Role.RECYCLING)
                        .readBy(stage),
                projection.with(parameter -> parameter.as(Role.RECYCLING).readBy(stage)));
    }

    private List<Parameter> inOrder() {
        List<Parameter> all = new ArrayList<>();
        patchEmbedding.addTo(all);
        patchNorm.addTo(all);
        for (Level level : levels) {
            Merging merging = level.merging;
            if (merging != null) {
                merging.norm.addTo(all);
                merging.reduction.addTo(all);
            }
            for (Block block : level.blocks) {
                block.norm1.addTo(all);
                all.add(block.bias);
                block.qkv.addTo(all);
                block.projection.addTo(all);
                block.norm2.addTo(all);
                block.fc1.addTo(all);
                block.fc2.addTo(all);
            }
        }
        norm.addTo(all);
        head.addTo(all);
        for (Projector projector : projectors) {
            all.add(projector.alpha);
            all.add(projector.upsampling);
            projector.projection.addTo(all);
        }
        return all;
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    @Override
    public int stages() {
        return config.stages();
    }

    @Override
    public int depth() {
        return config.depths().stream().mapToInt(Integer::intValue).sum();
    }

    @Override
    public Ports ports(int stage) {
        int level = config.levels() - 1;
        long tokens = config.grid(level).pixels();
        return new Ports(
                List.of((long) CHANNELS, (long) config.imageSize().height(), (long)
                        config.imageSize().width()),
                stage == 1 ? null : List.of(tokens, (long) config.width(stage - 1, level)),
                List.of(tokens, (long) config.width(stage, level)),
                List.of((long) config.numClasses()));
    }

    @Override
    public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
        T patches = on.linear(on.patches(images, config.patchSize()), patchEmbedding); // (B, N, D)
        T x = on.leading(on.norm(patches, patchNorm), config.width(stage, 0)); // (B, N, d)
        if (previous != null) {
            Projector projector = projectors.get(stage - 2);
            ImageSize grid = config.grid(config.levels() - 1);
            T spread = on.upsample(previous, grid.height(), grid.width(), projector.upsampling); // (B, N, d')
            x = on.add(x, on.scale(on.linear(spread, projector.projection), projector.alpha));
        }
        int index = 0;
        for (int level = 0; level < levels.size(); level++) {
            Merging merging = levels.get(level).merging;
            if (merging != null) {
                ImageSize grid = config.grid(level - 1);
                T joined = on.merge(x, grid.height(), grid.width()); // (B, N, 4d')
                x = on.linear(on.norm(joined, merging.norm), merging.reduction); // (B, N, d)
            }
            int heads = config.heads(stage, level);
            for (Block block : levels.get(level).blocks) {
                x = on.block(x, index++, input -> block(on, input, block, heads));
            }
        }
        T tokens = on.norm(x, norm); // (B, N, d)
        return new Output<>(tokens, on.linear(on.mean(tokens), head)); // (B, C)
    }

    /** A pre-norm block on (B, N, d). */
    private static <T> T block(Layers<T> on, T x, Block block, int heads) {
        T cut = on.windows(on.norm(x, block.norm1), block.windows); // (B·windows, w², d)
        T mixed = on.windowAttention(on.linear(cut, block.qkv), heads, block.bias, block.windows);
        T attended = on.residual(x, on.unwindow(on.linear(mixed, block.projection), block.windows)); // (B, N, d)
        T hidden = on.gelu(on.linear(on.norm(attended, block.norm2), block.fc1)); // (B, N, 4d)
        return on.residual(attended, on.linear(hidden, block.fc2));
    }
}
