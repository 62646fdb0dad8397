package dev.thinkingvit.inference;

import dev.thinkingvit.files.Words;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.tensor.NativeTensor;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What of a stage's tokens is an image's embedding. All are taken after the final LayerNorm, as timm's
 * {@code forward_features} gives them, and F32.
 *
 * <p>{@code B} images, {@code N} tokens, a class token first if there is one, {@code d} the stage's width.
 */
public enum Pooling {
    /** The class token, {@code d} values: what a ViT's classifier reads, and timm's {@code forward_head(pre_logits=True)}. */
    TOKEN,
    /**
     * The mean of all patches' tokens, {@code d} values, without the class token where there is one: what timm's {@code
     * pool(…, 'avg')} gives, and what a Swin's classifier reads.
     */
    AVG,
    /** Every token, {@code N·d} values, token by token: timm's {@code forward_features} as it is. */
    NONE;

    /** The pooling of that name, in the letters of {@link #id}. */
    public static Pooling named(String name) {
        Objects.requireNonNull(name, "the pooling's name is null");
        for (Pooling pooling : values()) {
            if (pooling.id().equals(name)) {
                return pooling;
            }
        }
        throw new IllegalArgumentException("pooling must be one of "
                + Stream.of(values()).map(Pooling::id).collect(Collectors.joining(", ")) + "; got " + name);
    }

    /** What the classifier of that architecture reads. */
    static Pooling of(Architecture architecture) {
        return named(architecture.globalPool());
    }

    /** @throws IllegalArgumentException if networks of that architecture have no such token */
    void check(Architecture architecture) {
        if (this == TOKEN && architecture.prefixTokens() == 0) {
            throw new IllegalArgumentException(Words.a(architecture.name())
                    + " has no class token to embed a picture by; its classifier reads the pooling "
                    + of(architecture).id());
        }
    }

    /** As commands and files spell it: {@code token}, {@code avg}, {@code none}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Rows of an embedding of {@code tokens} tokens. */
    int rows(int tokens) {
        return this == NONE ? tokens : 1;
    }

    /**
     * The values of each image, image by image.
     *
     * @param tokens (B, N, d) of any float type
     * @param prefix of the N, those before the patches'
     */
    float[] of(NativeTensor tokens, int prefix) {
        float[] values = tokens.toFloats();
        if (this == NONE) {
            return values;
        }
        int images = Math.toIntExact(tokens.size(0));
        int count = Math.toIntExact(tokens.size(1));
        int width = Math.toIntExact(tokens.size(2));
        float[] pooled = new float[images * width]; // (B, d)
        for (int image = 0; image < images; image++) {
            int start = image * count * width;
            if (this == TOKEN) {
                System.arraycopy(values, start, pooled, image * width, width);
            } else {
                mean(values, start + prefix * width, count - prefix, width, pooled, image * width);
            }
        }
        return pooled;
    }

    private static void mean(float[] tokens, int start, int count, int width, float[] means, int at) {
        double[] sums = new double[width];
        for (int i = 0; i < count * width; i++) {
            sums[i % width] += tokens[start + i];
        }
        for (int i = 0; i < width; i++) {
            means[at + i] = (float) (sums[i] / count);
        }
    }
}
