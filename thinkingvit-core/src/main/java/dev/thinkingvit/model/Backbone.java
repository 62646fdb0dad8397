package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.NativeTensor;
import java.util.Map;
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

    /** C, classes that the predictions tell apart. */
    int numClasses();

    /** How its predictions are read. */
    default Readout readout() {
        return Readout.CLASSES;
    }

    /** Of an input image. */
    ImageSize imageSize();

    /**
     * The network as it takes images of a size: this one where it is its own. There is nothing to close: what it holds is
     * this one's, and closed with it.
     *
     * @throws IllegalArgumentException if it takes no images of that size: names the sizes that it takes
     */
    default Backbone at(ImageSize size) {
        if (size.equals(imageSize())) {
            return this;
        }
        throw new IllegalArgumentException("images of " + imageSize() + " pixels are required, of " + size
                + " came; a model that is opened with dynamicImageSize takes other sizes");
    }

    /**
     * Runs one stage, and nothing but that stage.
     *
     * @param stage from 1 to {@link #stages()}
     * @param images (B, 3, h, w) F32, normalised, in the processor's memory or on the device that computes
     * @param previousTokens the tokens that stage − 1 returned for the same images, of the type it returned
     *     them in; null at stage 1, passed over by a stage that takes none
     * @return tensors of the calling thread's innermost scope, or, without one, the caller's, who closes them
     * @throws IllegalArgumentException if there is no such stage, or a tensor has another shape or type
     * @throws IllegalStateException if it is closed
     */
    StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens);

    /**
     * As {@link #run}, for whoever reads predictions and goes on with this method alone: what of a stage only the next one needs
     * may be computed when that one is called, and an image that ends here is spared it. The predictions are those of run but for
     * the order of sums.
     *
     * @param previousTokens the tokens that this method, not {@link #run}, returned at stage − 1 for the same images
     * @return tokens of use to the next stage's call alone; owned as those of {@link #run}
     */
    default StageOutput predict(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        return run(stage, images, previousTokens);
    }

    /** Multiply-accumulates of one image at {@code stage} alone, as predicted. */
    long macs(int stage);

    /**
     * Multiply-accumulates that one image really took at {@code stage} alone, where images differ.
     *
     * @param extras what the stage said of the image besides its prediction, by name
     */
    default long macs(int stage, Map<String, float[]> extras) {
        return macs(stage);
    }

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

    /** Frees the weights, behind the work under way; on any thread, and nothing happens when it is closed again. */
    @Override
    void close();
}
