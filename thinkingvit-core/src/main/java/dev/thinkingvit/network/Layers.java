package dev.thinkingvit.network;

import java.util.function.UnaryOperator;

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
     * Cuts images into patches, the values of a patch in the order of a convolution's weight.
     *
     * @param images (B, 3, h, w)
     * @return (B, h/p · w/p, 3p²), row by row
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

    /**
     * A block of the network's depth: what it computes within is not needed after it.
     *
     * @param index from 0, on which stochastic depth depends
     * @param body called once or more, with {@code x} or a stand-in of it
     */
    T block(T x, int index, UnaryOperator<T> body);
}
