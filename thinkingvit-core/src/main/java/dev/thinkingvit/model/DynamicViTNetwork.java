package dev.thinkingvit.model;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Norm;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.network.TokenPruning;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * DynamicViT in stages of a ThinkingViT, or in a plain Vision Transformer (arXiv 2106.02034, section 3): before some blocks a
 * predictor scores the patches that are left, from their own features and the mean of all, and the best go on. The last stage
 * leaves those that went on to the end, the best first; another one leaves all, the others as they were when they were left
 * out, for the next stage to recycle.
 *
 * <p>A stage that leaves tokens out says of predictor j {@code keep_score.j}, the logarithm of the probability to keep of each
 * patch that was left, and {@code kept.j}, the places among those of the ones that go on.
 *
 * <p>{@code B} images, {@code N} tokens, {@code n} of them patches that are left, {@code d} width of a stage.
 */
public final class DynamicViTNetwork implements Network {
    /** Of the predictors' norms, as published; the body's is the configuration's. */
    private static final double EPS = 1e-5;

    private final DynamicViTConfig config;
    private final TokenPruning pruning;
    private final ThinkingViTNetwork vit;
    private final List<Predictor> predictors = new ArrayList<>();
    private final Parameters parameters;

    /** d → d, then d → d/2 → d/4 → 2: to keep, and not to. */
    private record Predictor(Norm norm, Linear in, Linear half, Linear quarter, Linear odds) {}

    /** Tokens before some were left out, and those that went on. */
    private record Cut<T>(T all, T chosen) {}

    public DynamicViTNetwork(DynamicViTConfig config) {
        this.config = config;
        this.pruning = config.pruning();
        // it learns to leave tokens out where everything else is learned already
        this.vit = new ThinkingViTNetwork(config.vit(), Role.KEPT_RECYCLING);
        List<Parameter> inOrder = new ArrayList<>(vit.parameters().all());
        for (int j = 0; j < pruning.blocks().size(); j++) {
            Predictor predictor = predictor(j);
            predictor.norm.addTo(inOrder);
            predictor.in.addTo(inOrder);
            predictor.half.addTo(inOrder);
            predictor.quarter.addTo(inOrder);
            predictor.odds.addTo(inOrder);
            predictors.add(predictor);
        }
        this.parameters = Parameters.of(inOrder);
    }

    /** Products are F32 whatever the precision, so that rounding seldom changes who goes on. */
    private Predictor predictor(int j) {
        String name = DynamicViTConfig.PREDICTOR + j + ".";
        int layer = pruning.blocks().get(j) + 1;
        Axis whole = features(width -> width);
        Axis half = features(width -> width / 2);
        Axis quarter = features(width -> width / 4);
        Axis odds = features(width -> Math.min(width, 2));
        List<Integer> readers = pruning.stages();
        int reader = readers.size() == 1 ? readers.get(0) : 0;
        UnaryOperator<Parameter> own =
                parameter -> parameter.uncast().as(Role.PREDICTOR).readBy(reader);
        Norm norm = Norm.of(name + "in_conv.0", layer, whole, EPS);
        return new Predictor(
                new Norm(own.apply(norm.weight()), own.apply(norm.bias()), EPS),
                Linear.of(name + "in_conv.1", layer, whole, whole).with(own),
                Linear.of(name + "out_conv.0", layer, half, whole).with(own),
                Linear.of(name + "out_conv.2", layer, quarter, half).with(own),
                Linear.of(name + "out_conv.4", layer, odds, quarter).with(own));
    }

    /** As many as the widest of the pruned stages has; each of them reads its own, others nothing. */
    private Axis features(IntUnaryOperator of) {
        List<Integer> read = IntStream.rangeClosed(1, config.stages())
                .map(stage -> pruning.prunes(stage) ? config.vit().width(stage) : 0)
                .map(of)
                .boxed()
                .toList();
        int widest = read.stream().mapToInt(Integer::intValue).max().orElseThrow();
        return pruning.stages().size() == 1 ? Axis.whole(widest) : Axis.leading(widest, read);
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
        return vit.depth();
    }

    @Override
    public Ports ports(int stage) {
        Ports ports = vit.ports(stage);
        if (!pruning.prunes(stage)) {
            return ports;
        }
        Map<String, List<Long>> extras = new LinkedHashMap<>();
        long left = config.vit().patches();
        for (int j = 0; j < predictors.size(); j++) {
            long kept = pruning.kept(j);
            extras.put(TokenPruning.keepScore(j), List.of(left));
            extras.put(TokenPruning.keptTokens(j), List.of(kept));
            left = kept;
        }
        List<Long> tokens = stage < stages()
                ? ports.tokens()
                : List.of(1 + left, ports.tokens().get(1));
        return new Ports(ports.images(), ports.previous(), tokens, ports.prediction(), extras);
    }

    @Override
    public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
        if (!pruning.prunes(stage)) {
            return vit.stage(on, stage, images, previous);
        }
        T x = vit.encoder().embedded(on, stage, images, previous); // (B, N, d)
        T chosen = null;
        Deque<Cut<T>> cuts = new ArrayDeque<>();
        Map<String, T> extras = new LinkedHashMap<>();
        for (int block = 0; block < depth(); block++) {
            int j = pruning.blocks().indexOf(block);
            if (j >= 0) {
                T scores = scores(on, predictors.get(j), x, chosen); // (B, n, 2)
                chosen = on.choose(scores, pruning.kept(j), chosen); // (B, kept)
                cuts.push(new Cut<>(x, chosen));
                extras.put(TokenPruning.keepScore(j), on.entry(scores, 0));
                extras.put(TokenPruning.keptTokens(j), chosen);
                x = on.chosen(x, chosen); // (B, 1 + kept, d)
            }
            x = vit.encoder().block(on, stage, block, x, chosen);
        }
        if (stage < stages()) {
            for (Cut<T> cut : cuts) { // the latest first
                x = on.restored(cut.all, cut.chosen, x);
            }
        }
        return vit.read(on, vit.encoder().normed(on, x), extras);
    }

    /** Only where no tokens are left out. */
    @Override
    public boolean begins(int stage) {
        return !pruning.prunes(stage);
    }

    @Override
    public <T> Output<T> begin(Layers<T> on, int stage, T images, @Nullable T previous) {
        return begins(stage) ? vit.begin(on, stage, images, previous) : stage(on, stage, images, previous);
    }

    @Override
    public <T> T finish(Layers<T> on, int stage, T begun) {
        return begins(stage) ? vit.finish(on, stage, begun) : begun;
    }

    /** The logarithms of the probabilities that a patch goes on, and that it does not (section 3.2): (B, n, 2). */
    private static <T> T scores(Layers<T> on, Predictor predictor, T x, @Nullable T chosen) {
        T patches = on.rest(x); // (B, n, d)
        T features = on.gelu(on.linear(on.norm(patches, predictor.norm), predictor.in));
        T mixed = on.halfMean(features, chosen); // (B, n, d)
        T half = on.gelu(on.linear(mixed, predictor.half)); // (B, n, d/2)
        T quarter = on.gelu(on.linear(half, predictor.quarter)); // (B, n, d/4)
        return on.logSoftmax(on.linear(quarter, predictor.odds)); // (B, n, 2)
    }
}
