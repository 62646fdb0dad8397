package dev.thinkingvit.network;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A network that thinks in stages, written once: what it learns, and how a stage computes. Immutable. */
public interface Network {
    /** All that it learns. */
    Parameters parameters();

    /** Number of stages, at least 1. */
    int stages();

    /** Number of blocks of the deepest stage. */
    int depth();

    /**
     * Number of blocks of a stage, which it numbers from 0; all are alike unless an architecture says otherwise.
     *
     * @param stage from 1
     */
    default int depth(int stage) {
        return depth();
    }

    /**
     * Whether tokens of a stage {@linkplain Layers#halting halt} one by one.
     *
     * @param stage from 1
     */
    default boolean halts(int stage) {
        return false;
    }

    /**
     * One stage's forward pass.
     *
     * @param on who executes the layers, for this stage
     * @param stage from 1
     * @param images (B, 3, h, w)
     * @param previous what the stage before left; null in the first
     */
    <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous);

    /**
     * As {@link #stage}, for whom reads no tokens: of them there may be fewer, which the prediction is read from, and what only
     * others need is not computed. The prediction is the same.
     *
     * @return tokens (B, n, d), n at least 1
     */
    default <T> Output<T> prediction(Layers<T> on, int stage, T images, @Nullable T previous) {
        return stage(on, stage, images, previous);
    }

    /**
     * Whether {@link #begin} leaves anything of a stage to {@link #finish}.
     *
     * @param stage from 1
     */
    default boolean begins(int stage) {
        return false;
    }

    /**
     * As {@link #stage}, up to the prediction: what none but the tokens need is left to {@link #finish}, so that an image that
     * ends with this stage is spared it. The prediction is the same.
     *
     * @return tokens (B, N, d) to be finished
     */
    default <T> Output<T> begin(Layers<T> on, int stage, T images, @Nullable T previous) {
        return stage(on, stage, images, previous);
    }

    /**
     * The rest of a stage.
     *
     * @param begun as {@link #begin} left them
     * @return the tokens (B, N, d) that {@link #stage} leaves
     */
    default <T> T finish(Layers<T> on, int stage, T begun) {
        return begun;
    }

    /** What goes into a stage and comes out of it. */
    Ports ports(int stage);

    /**
     * The shapes of a stage's inputs and outputs, of one image each.
     *
     * @param images what it sees
     * @param previous what it takes of the stage before; null if it takes nothing
     * @param tokens what it leaves for the next one
     * @param prediction what it says
     * @param extras what else it says, by name, in order
     */
    record Ports(
            List<Long> images,
            @Nullable List<Long> previous,
            List<Long> tokens,
            List<Long> prediction,
            Map<String, List<Long>> extras) {
        public Ports {
            extras = ordered(extras);
        }

        /** Of a stage that says nothing else. */
        public Ports(List<Long> images, @Nullable List<Long> previous, List<Long> tokens, List<Long> prediction) {
            this(images, previous, tokens, prediction, Map.of());
        }
    }

    /**
     * What a stage leaves.
     *
     * @param tokens (B, N, d), which the next stage recycles
     * @param prediction (B, …) F32: class logits (B, C), or whatever else the architecture's {@code Readout} reads
     * @param extras (B, …) F32 each, by name, in the order of the ports: what else is worth knowing of an image, such as
     *     how deep each of its tokens went
     */
    record Output<T>(T tokens, T prediction, Map<String, T> extras) {
        public Output {
            extras = ordered(extras);
        }

        /** Of a stage that says nothing else. */
        public Output(T tokens, T prediction) {
            this(tokens, prediction, Map.of());
        }

        /** The same without what is said beyond {@code ports}, which only a training asks for. */
        public Output<T> within(Ports ports) {
            if (extras.size() <= ports.extras().size()) {
                return this;
            }
            Map<String, T> kept = new LinkedHashMap<>(extras);
            kept.keySet().retainAll(ports.extras().keySet());
            return new Output<>(tokens, prediction, kept);
        }

        /** The same outputs, each after {@code change}. */
        public <R> Output<R> map(Function<? super T, ? extends R> change) {
            return map(change, change);
        }

        /**
         * The same outputs, changed.
         *
         * @param recycled what becomes of the tokens
         * @param said what becomes of the prediction and of each extra
         */
        public <R> Output<R> map(Function<? super T, ? extends R> recycled, Function<? super T, ? extends R> said) {
            return new Output<>(recycled.apply(tokens), said.apply(prediction), mapped(extras, said));
        }
    }

    private static <T> Map<String, T> ordered(Map<String, T> named) {
        return named.isEmpty() ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(named));
    }

    private static <T, R> Map<String, R> mapped(Map<String, T> named, Function<? super T, ? extends R> change) {
        if (named.isEmpty()) {
            return Map.of();
        }
        Map<String, R> mapped = new LinkedHashMap<>();
        named.forEach((name, value) -> mapped.put(name, change.apply(value)));
        return mapped;
    }
}
