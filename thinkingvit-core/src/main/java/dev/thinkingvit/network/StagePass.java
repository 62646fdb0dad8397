package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What of a stage is computed at a time, and of what. */
enum StagePass {
    /** See {@link Network#stage}. */
    WHOLE,
    /** See {@link Network#begin}. */
    BEGIN,
    /** See {@link Network#finish}. */
    FINISH;

    /**
     * What a pass leaves.
     *
     * @param tokens of every pass
     * @param said the prediction, then extras in the order of the ports; nothing if no images are looked at
     */
    record Left<T>(T tokens, List<T> said) {
        static <T> Left<T> of(Network.Output<T> output) {
            List<T> said = new ArrayList<>();
            said.add(output.prediction());
            said.addAll(output.extras().values());
            return new Left<>(output.tokens(), said);
        }

        /** The same, changed. */
        <R> Left<R> map(
                Function<? super T, ? extends R> recycled,
                Function<? super T, ? extends R> predicted,
                Function<? super T, ? extends R> besides) {
            List<R> all = new ArrayList<>();
            for (T each : said) {
                all.add(all.isEmpty() ? predicted.apply(each) : besides.apply(each));
            }
            return new Left<>(recycled.apply(tokens), all);
        }
    }

    boolean looksAtImages() {
        return this != FINISH;
    }

    /** The tokens of one image that it takes; null if it takes none. */
    @Nullable List<Long> takes(Network.Ports ports) {
        return this == FINISH ? ports.tokens() : ports.previous();
    }

    /** Of the tokens that it takes. What is to be finished is exact. */
    DType takes(DType products) {
        return this == FINISH ? DType.F32 : products;
    }

    /** Of the tokens that it leaves. */
    DType leaves(DType products) {
        return this == BEGIN ? DType.F32 : products;
    }

    /**
     * @param images null if it does not look at them
     * @param before null if it takes no tokens
     */
    <T> Left<T> on(Layers<T> on, Network network, int stage, @Nullable T images, @Nullable T before) {
        if (this == FINISH) {
            T begun = Objects.requireNonNull(before, "what was begun is finished");
            int tokens = Math.toIntExact(network.ports(stage).tokens().get(0));
            T copy = on.section(begun, 0, tokens); // a plan adds residuals in place, and what was begun is the caller's
            return new Left<>(network.finish(on, stage, copy), List.of());
        }
        T seen = Objects.requireNonNull(images, "a stage looks at images");
        return Left.of(this == BEGIN ? network.begin(on, stage, seen, before) : network.stage(on, stage, seen, before));
    }
}
