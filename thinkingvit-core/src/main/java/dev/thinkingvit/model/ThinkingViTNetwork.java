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
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * ThinkingViT (arXiv 2507.10800): a Vision Transformer whose stage k uses the leading features and heads of every layer,
 * and starts from what stage k − 1 left.
 *
 * <p>{@code B} images, {@code N} tokens, {@code D} full width, {@code d} width of a stage, {@code d'} width of the stage
 * before, {@code C} classes, {@code p} side of a patch.
 */
public final class ThinkingViTNetwork implements Network {
    private static final int CHANNELS = 3;

    private final ThinkingViTConfig config;
    private final Parameter classToken; // (1, 1, D)
    private final Parameter positions; // (1, N, D)
    private final Linear patchEmbedding; // 3p² → D
    private final List<Block> blocks = new ArrayList<>();
    private final Norm norm;
    private final Linear head; // D → C
    private final List<Recycling> recyclings = new ArrayList<>();
    private final Parameters parameters;

    private record Block(Norm norm1, Linear qkv, Linear projection, Norm norm2, Linear fc1, Linear fc2) {}

    /** Token recycling into a stage (paper, section 3.2): alpha · (W_p z + b_p). */
    private record Recycling(Parameter alpha, Linear projection) {}

    public ThinkingViTNetwork(ThinkingViTConfig config) {
        this.config = config;
        int width = config.embedDim();
        int last = config.depth() + 1; // what is as deep as the head
        List<Integer> widths = IntStream.rangeClosed(1, config.stages())
                .mapToObj(config::width)
                .toList();
        Axis features = Axis.leading(width, widths);
        Axis hidden = Axis.leading(
                        ThinkingViTConfig.mlpWidth(width),
                        widths.stream().map(ThinkingViTConfig::mlpWidth).toList())
                .of(Meaning.HIDDEN);
        Axis qkv = Axis.chunks(3, width, widths).scaled(List.of((float) (1 / Math.sqrt(config.headDim())), 1f, 1f));

        this.classToken = Parameter.of("cls_token", Start.normal(1e-6), 0, Axis.whole(1), Axis.whole(1), features)
                .undecayed();
        this.positions = Parameter.of(
                        "pos_embed", Start.normal(0.02), 0, Axis.whole(1), Axis.whole(config.tokens()), features)
                .undecayed();
        // PyTorch's default for a convolution: uniform within 1/√fan-in, bias too
        Start convolution = Start.uniform(1 / Math.sqrt(config.patchElements()));
        Axis patch = Axis.whole(config.patchSize());
        this.patchEmbedding = new Linear(
                Parameter.of("patch_embed.proj.weight", convolution, 0, features, Axis.whole(CHANNELS), patch, patch),
                Parameter.of("patch_embed.proj.bias", convolution, 0, features));
        for (int i = 0; i < config.depth(); i++) {
            String block = "blocks." + i + ".";
            int layer = i + 1;
            blocks.add(new Block(
                    Norm.of(block + "norm1", layer, features, config.normEps()),
                    Linear.of(block + "attn.qkv", layer, qkv, features),
                    Linear.of(block + "attn.proj", layer, features, features),
                    Norm.of(block + "norm2", layer, features, config.normEps()),
                    Linear.of(block + "mlp.fc1", layer, hidden, features),
                    Linear.of(block + "mlp.fc2", layer, features, hidden)));
        }
        this.norm = Norm.of("norm", config.depth(), features, config.normEps());
        Linear classes = Linear.of("head", last, Axis.whole(config.numClasses()).of(Meaning.CLASSES), features);
        // one row an image: F32 costs nothing here
        this.head = classes.with(parameter -> parameter.uncast().as(Role.HEAD));
        for (int stage = 2; stage <= config.stages(); stage++) {
            recyclings.add(recycling(stage, features, last));
        }
        this.parameters = Parameters.of(inOrder());
    }

    private Recycling recycling(int stage, Axis features, int layer) {
        Parameter alpha = Parameter.of(ThinkingViTConfig.alphaName(stage), Start.ZEROS, layer, Axis.whole(1))
                .uncast();
        Linear projection = Linear.of(
                ThinkingViTConfig.projectionName(stage), layer, features, Axis.whole(config.width(stage - 1)));
        UnaryOperator<Parameter> own = parameter -> parameter.as(Role.RECYCLING).readBy(stage);
        return new Recycling(own.apply(alpha), projection.with(own));
    }

    private List<Parameter> inOrder() {
        List<Parameter> all = new ArrayList<>(List.of(classToken, positions));
        patchEmbedding.addTo(all);
        for (Block block : blocks) {
            block.norm1.addTo(all);
            block.qkv.addTo(all);
            block.projection.addTo(all);
            block.norm2.addTo(all);
            block.fc1.addTo(all);
            block.fc2.addTo(all);
        }
        norm.addTo(all);
        head.addTo(all);
        recyclings.forEach(recycling -> all.add(recycling.alpha));
        recyclings.forEach(recycling -> recycling.projection.addTo(all));
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
        return config.depth();
    }

    @Override
    public Ports ports(int stage) {
        ImageSize size = config.imageSize();
        long tokens = config.tokens();
        return new Ports(
                List.of((long) CHANNELS, (long) size.height(), (long) size.width()),
                stage == 1 ? null : List.of(tokens, (long) config.width(stage - 1)),
                List.of(tokens, (long) config.width(stage)),
                List.of((long) config.numClasses()));
    }

    @Override
    public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
        T patches = on.linear(on.patches(images, config.patchSize()), patchEmbedding); // (B, N-1, d)
        T x = on.tokens(patches, classToken, positions); // (B, N, d)
        if (previous != null) {
            Recycling recycling = recyclings.get(stage - 2);
            x = on.add(x, on.scale(on.linear(previous, recycling.projection), recycling.alpha));
        }
        for (int i = 0; i < blocks.size(); i++) {
            Block block = blocks.get(i);
            x = on.block(x, i, input -> block(on, input, block, config.heads(stage)));
        }
        T tokens = on.norm(x, norm); // (B, N, d)
        return new Output<>(tokens, on.linear(on.token(tokens, 0), head)); // (B, C)
    }

    /** A pre-norm block on (B, N, d). */
    private static <T> T block(Layers<T> on, T x, Block block, int heads) {
        T mixed = on.attention(on.linear(on.norm(x, block.norm1), block.qkv), heads); // (B, N, d)
        T attended = on.residual(x, on.linear(mixed, block.projection));
        T hidden = on.gelu(on.linear(on.norm(attended, block.norm2), block.fc1)); // (B, N, 4d)
        return on.residual(attended, on.linear(hidden, block.fc2));
    }
}
