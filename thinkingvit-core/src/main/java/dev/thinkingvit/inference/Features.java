package dev.thinkingvit.inference;

import dev.thinkingvit.model.NoNumberException;
import dev.thinkingvit.tensor.NativeTensor;
import java.util.Arrays;

/**
 * Collects what each image's last stage made of it, pooled, while a batch is thought about. Threads may put different
 * images side by side.
 */
final class Features {
    private final Pooling pooling;
    private final int prefix; // tokens before the patches'
    private final int[] widths; // B
    private final float[][] values; // B

    /**
     * @param count B images
     * @param prefix tokens before the patches'
     */
    Features(int count, Pooling pooling, int prefix) {
        this.prefix = prefix;
        this.pooling = pooling;
        this.widths = new int[count];
        this.values = new float[count][];
    }

    /**
     * Takes the tokens of images that end.
     *
     * @param images positions of a micro-batch's images in the batch
     * @param ending R rows of the micro-batch
     * @param tokens (R, N, d)
     */
    void put(int stage, int[] images, long[] ending, NativeTensor tokens) {
        float[] pooled = pooling.of(tokens, prefix);
        int length = pooled.length / ending.length;
        int width = Math.toIntExact(tokens.size(2));
        for (int row = 0; row < ending.length; row++) {
            int image = images[Math.toIntExact(ending[row])];
            values[image] = Arrays.copyOfRange(pooled, row * length, (row + 1) * length);
            widths[image] = width;
            requireNumbers(values[image], stage);
        }
    }

    /** The class token may be sound where another token is not. */
    private static void requireNumbers(float[] values, int stage) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new NoNumberException("stage " + stage + " gave " + value + " in an embedding, a finite number is"
                        + " required; the model's weights or the input are damaged");
            }
        }
    }

    Embedding embedding(int image, Classification classification) {
        return new Embedding(classification, widths[image], values[image]);
    }
}
