package dev.thinkingvit.model;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A network that thinks in stages: all that elastic inference has to know of an architecture.
 *
 * <p>Threading: a backbone is immutable, but its native work belongs on the
 * {@linkplain dev.thinkingvit.tensor.ComputeThread compute thread} and its workers, or on other
 * {@linkplain dev.thinkingvit.tensor.Workers workers} where it {@linkplain #runsSideBySide runs side by side}.
 */
public interface Backbone extends AutoCloseable {
    /** Number of stages, at least 1. */
    int stages();

    /** C, the length of a row of logits. */
    int numClasses();

    /** Height and width of an input image in pixels. */
    int imageSize();

    /**
     * Runs one stage, and nothing but that stage.
     *
     * @param stage from 1 to {@link #stages()}
     * @param images (B, 3, S, S) F32, normalised
     * @param previousTokens the tokens that stage − 1 returned for the same images, of the type it returned
     *     them in; null at stage 1, passed over by a stage that takes none
     */
    StageOutput run(int stage, Tensor images, @Nullable Tensor previousTokens);

    /** Multiply-accumulates of one image at {@code stage} alone. */
    long macs(int stage);

    /**
     * Images that go through {@code stage} together: enough to fill the machine, few enough that a block's activations
     * stay in its caches.
     */
    int microBatch(int stage);

    /** Whether threads with one native thread each may run it side by side, on different images. */
    default boolean runsSideBySide() {
        return false;
    }

    /** Bytes of native memory that the weights hold. */
    long weightBytes();

    @Override
    void close();
}
