package dev.thinkingvit.network;

import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The layers of which architectures write their forward pass, once. Who executes them gives them meaning: libtorch's
 * operations with gradients, oneDNN's programs, nodes of a graph, numbers to be counted.
 *
 * <p>An executor belongs to one stage: where a layer has parameters, it takes that stage's slices of them.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} features, {@code p} side of a patch in pixels.
 *
 * @param <T> what flows from layer to layer
 */
public interface Layers<T> {
    /**
     * Cuts images into patches, the values of a patch in the order of a convolution's weight. Images whose sides are no
     * multiples of p are filled up with zeros right and below.
     *
     * @param images (B, 3, h, w)
     * @return (B, ⌈h/p⌉ · ⌈w/p⌉, 3p²), row by row
     */
    T patches(T images, int patch);

    /**
     * Class token and patches, each with its position added.
     *
     * @param patches (B, N−1, d)
     * @param classToken (1, 1, d)
     * @param positions (1, N, d)
     * @return (B, N, d), class token first
     */
    T tokens(T patches, Parameter classToken, Parameter positions);

    /** x Wᵀ + b over the last dimension; F32 if its weight is not cast. */
    T linear(T x, Linear layer);

    /** LayerNorm over the last dimension. */
    T norm(T x, Norm layer);

    /** GELU with the exact error function. */
    T gelu(T x);

    /**
     * Multi-head self-attention among the tokens of an image.
     *
     * @param qkv (B, N, 3d): queries, which carry attention's scale already, keys and values
     * @return (B, N, d)
     */
    T attention(T qkv, int heads);

    /**
     * Cuts a grid of tokens into windows; each becomes like an image of its own.
     *
     * @param x (B, rows · columns, d)
     * @return (B · windows, n, d)
     */
    T windows(T x, Windows how);

    /** Undoes {@link #windows}. */
    T unwindow(T x, Windows how);

    /**
     * Self-attention among the tokens of a window, each pair with a learned bias that depends on their distance.
     *
     * @param qkv (B · windows, n, 3d), without attention's scale
     * @param bias (distances, heads)
     * @return (B · windows, n, d)
     */
    T windowAttention(T qkv, int heads, Parameter bias, Windows how);

    /**
     * Joins 2 × 2 neighbours: the upper left, the lower left, the upper right, the lower right. A grid whose sides are odd
     * is filled up with zeros below and right.
     *
     * @param x (B, rows · columns, d)
     * @return (B, ⌈rows/2⌉ · ⌈columns/2⌉, 4d)
     */
    T merge(T x, int rows, int columns);

    /**
     * Spreads each token over a square, each feature by a pattern of its own: a depthwise transposed convolution whose
     * stride is its kernel's size f.
     *
     * @param x (B, rows · columns, d)
     * @param kernel (d, 1, f, f)
     * @return (B, rows · f · columns · f, d)
     */
    T upsample(T x, int rows, int columns, Parameter kernel);

    /** How many parts of a size cover a length. */
    static long above(long length, long part) {
        return (length + part - 1) / part;
    }

    /** The first features of each token. */
    T leading(T x, int features);

    /** The mean of an image's tokens: (B, N, d) to (B, d). */
    T mean(T x);

    /** {@code x} times a parameter of one value. */
    T scale(T x, Parameter factor);

    /** The sum of two of one shape; {@code x} is not read again. */
    T add(T x, T y);

    /**
     * {@code x} and what a branch adds to it; while training, stochastic depth may leave the branch out. Neither is read
     * again.
     */
    T residual(T x, T branch);

    /** Token {@code index} of each image: (B, N, d) to (B, d). */
    T token(T x, int index);

    /** Tokens {@code from} to {@code from + count} of each image: (B, N, d) to (B, count, d). */
    T section(T x, int from, int count);

    /**
     * Puts learned tokens behind those of each image.
     *
     * @param x (B, N, d)
     * @param tokens (1, n, d), of which every stage reads all
     * @return (B, N + n, d)
     */
    T append(T x, Parameter tokens);

    /** Each token divided by its length, so that products of two are their cosine; F32 whatever the precision of products. */
    T unit(T x);

    /** The scalar product of each token of {@code x} with each of {@code y}: (B, N, d) and (B, n, d) to (B, N, n), F32. */
    T products(T x, T y);

    /**
     * A block of the network's depth: what it computes within is not needed after it.
     *
     * @param index from 0, on which stochastic depth depends
     * @param body called once or more, with {@code x} or a stand-in of it
     */
    T block(T x, int index, UnaryOperator<T> body);

    /**
     * Self-attention among those tokens of an image that are {@linkplain #choose chosen}, where the others are still there.
     *
     * @param qkv (B, N, 3d): queries, which carry attention's scale already, keys and values
     * @param chosen the latest choice; null if none was made
     * @return (B, N, d)
     */
    default T attention(T qkv, int heads, @Nullable T chosen) {
        return attention(qkv, heads);
    }

    /**
     * What the first token of an image sees of all, itself included, as {@link #attention} has it.
     *
     * @param qkv (B, N, 3d), as there
     * @return (B, 1, d)
     */
    default T firstAttention(T qkv, int heads) {
        return section(attention(qkv, heads), 0, 1);
    }

    /** The tokens after the first: (B, 1 + n, d) to (B, n, d). */
    T rest(T x);

    /**
     * Puts the mean of an image's chosen tokens in place of the second half of each token's features. {@code x} is not read
     * again.
     *
     * @param x (B, n, d), d even, without class token
     * @param chosen the latest choice; null if none was made
     */
    T halfMean(T x, @Nullable T chosen);

    /** The logarithm of the softmax over the last dimension, F32. */
    T logSoftmax(T x);

    /** Entry {@code index} of the last dimension: (B, n, c) to (B, n). */
    T entry(T x, int index);

    /**
     * Chooses the tokens of an image that go on: those whose first entry is largest, the largest first, and of equal ones the
     * earlier. While training, chance decides with the entries as odds, and how many go on is for the loss to see to (Rao et
     * al., "DynamicViT", 2021, section 3.2).
     *
     * @param scores (B, n, 2): the logarithm of the probability that a token goes on, and that it does not
     * @param count how many go on, at least 1 and at most n
     * @param before the choice before; null if this is the first
     * @return (B, count), their places from 0; while training (B, n), 1 for a token that goes on and 0 for another
     */
    T choose(T scores, int count, @Nullable T before);

    /**
     * Leaves out what was not chosen; while training nothing is left out.
     *
     * @param x (B, 1 + n, d), a class token first, which always stays
     * @param chosen among the n others
     * @return (B, 1 + count, d), in the order of the choice
     */
    T chosen(T x, T chosen);

    /**
     * Puts tokens back among those that were left out. {@code x} is not read again.
     *
     * @param x (B, 1 + n, d), as it was when they were chosen
     * @param chosen among its tokens
     * @param changed (B, 1 + count, d), what became of the chosen ones; while training (B, 1 + n, d)
     * @return (B, 1 + n, d)
     */
    T restored(T x, T chosen, T changed);

    /**
     * Runs blocks one after the other, each token until it halts (A-ViT, arXiv 2112.07658, section 3): after block l a token
     * scores {@code h = sigmoid(scale · x₀ − centre)} of its first feature x₀, 1 after the last block; it halts where its
     * scores sum to {@code 1 − ε} or more, and its last score is then what was left of 1. No token attends to one that has
     * halted. Each token's result is the sum of what the blocks left of it, weighted by its scores.
     *
     * @param x (B, N, d)
     * @param body what a block computes of tokens that go on, which see each other through {@link #attention} alone
     */
    Halting.Outcome<T> halting(T x, Halting how, Halting.Body<T> body);
}
