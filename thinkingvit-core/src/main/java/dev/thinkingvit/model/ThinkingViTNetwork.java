package dev.thinkingvit.model;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Axis.Meaning;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.network.Start;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * ThinkingViT (arXiv 2507.10800): a Vision Transformer whose stage k uses the leading features and heads of every layer,
 * and starts from what stage k − 1 left.
 *
 * <p>{@code B} images, {@code N} tokens, {@code D} full width, {@code d} width of a stage, {@code d'} width of the stage
 * before, {@code C} classes, {@code p} side of a patch.
 */
public final class ThinkingViTNetwork implements Network {
    private final ThinkingViTConfig config;
    private final ViTEncoder encoder;
    private final Linear head; // D → C
    private final Parameters parameters;

    public ThinkingViTNetwork(ThinkingViTConfig config) {
        this(config, Role.RECYCLING);
    }

    /** @param recycles what becomes of what recycles tokens when a network starts from another one */
    ThinkingViTNetwork(ThinkingViTConfig config, Role recycles) {
        this.config = config;
        int last = config.depth() + 1; // what is as deep as the head
        this.encoder =
                new ViTEncoder(config, "", (stage, features) -> recycling(config, stage, features, last, recycles));
        Linear classes =
                Linear.of("head", last, Axis.whole(config.numClasses()).of(Meaning.CLASSES), encoder.features());
        // one row an image: F32 costs nothing here
        this.head = classes.with(parameter -> parameter.uncast().as(Role.HEAD));
        List<Parameter> inOrder = new ArrayList<>();
        encoder.addTo(inOrder);
        head.addTo(inOrder);
        encoder.addRecyclingTo(inOrder);
        this.parameters = Parameters.of(inOrder);
    }

    private static ViTEncoder.Recycling recycling(
            ThinkingViTConfig config, int stage, Axis features, int layer, Role role) {
        Parameter alpha = Parameter.of(ThinkingViTConfig.alphaName(stage), Start.ZEROS, layer, Axis.whole(1))
                .uncast();
        Linear projection = Linear.of(
                ThinkingViTConfig.projectionName(stage), layer, features, Axis.whole(config.width(stage - 1)));
        UnaryOperator<Parameter> own = parameter -> parameter.as(role).readBy(stage);
        return new ViTEncoder.Recycling(own.apply(alpha), projection.with(own));
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
                List.of((long) ViTEncoder.CHANNELS, (long) size.height(), (long) size.width()),
                stage == 1 ? null : List.of(tokens, (long) config.width(stage - 1)),
                List.of(tokens, (long) config.width(stage)),
                List.of((long) config.numClasses()));
    }

    /** What all stages compute but for the head. */
    ViTEncoder encoder() {
        return encoder;
    }

    @Override
    public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
        return read(on, encoder.tokens(on, stage, images, previous), Map.of());
    }

    @Override
    public <T> Output<T> prediction(Layers<T> on, int stage, T images, @Nullable T previous) {
        T x = encoder.beforeLast(on, stage, images, previous);
        return read(on, encoder.lastOfFirst(on, stage, x), Map.of());
    }

    @Override
    public boolean begins(int stage) {
        return true;
    }

    @Override
    public <T> Output<T> begin(Layers<T> on, int stage, T images, @Nullable T previous) {
        T x = encoder.beforeLast(on, stage, images, previous); // (B, N, d)
        return new Output<>(
                x, read(on, encoder.lastOfFirst(on, stage, x), Map.of()).prediction());
    }

    @Override
    public <T> T finish(Layers<T> on, int stage, T begun) {
        return encoder.last(on, stage, begun);
    }

    /** What a stage leaves, of its normalised tokens (B, N, d), the class token first. */
    <T> Output<T> read(Layers<T> on, T tokens, Map<String, T> extras) {
        return new Output<>(tokens, on.linear(on.token(tokens, 0), head), extras); // (B, C)
    }
}
