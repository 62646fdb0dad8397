package dev.thinkingvit.network;

import java.util.List;

/**
 * One dimension of a parameter, and what a stage reads of it: the leading entries of each of its chunks. Queries, keys
 * and values that lie one after the other are three chunks; most axes are one.
 *
 * @param size entries of the whole parameter, all chunks together
 * @param chunks how many equal parts it has, at least 1
 * @param leading entries of a chunk that stages 1, 2, … read; empty if every stage reads all
 * @param scales what the network multiplies each chunk by, such as attention's scale on the queries: cheaper on weights
 *     than on activations; empty for nothing
 * @param meaning what the entries stand for
 */
public record Axis(int size, int chunks, List<Integer> leading, List<Float> scales, Meaning meaning) {
    /** What the entries of an axis stand for. */
    public enum Meaning {
        /** Features or positions that belong to the architecture's shape. */
        FEATURES,
        /** Features between the two layers of an MLP, whose number a trained source may have chosen otherwise. */
        HIDDEN,
        /** Attention's heads. */
        HEADS,
        /** Classes, which every task has of its own. */
        CLASSES
    }

    public Axis {
        leading = List.copyOf(leading);
        scales = List.copyOf(scales);
        if (size < 1 || chunks < 1 || size % chunks != 0) {
            throw new IllegalArgumentException("an axis of " + size + " entries has no " + chunks + " equal chunks");
        }
        if (!scales.isEmpty() && scales.size() != chunks) {
            throw new IllegalArgumentException(chunks + " chunks take as many scales, " + scales.size() + " came");
        }
        for (int entries : leading) {
            if (entries < 0 || entries > size / chunks) {
                throw new IllegalArgumentException(
                        "a stage reads " + entries + " entries of chunks of " + size / chunks);
            }
        }
    }

    /** Every stage reads all of it. */
    public static Axis whole(int size) {
        return new Axis(size, 1, List.of(), List.of(), Meaning.FEATURES);
    }

    /** Stage k reads the first {@code leading[k − 1]} entries. */
    public static Axis leading(int size, List<Integer> leading) {
        return new Axis(size, 1, leading, List.of(), Meaning.FEATURES);
    }

    /**
     * {@code chunks} axes one after the other, of each of which stage k reads the first {@code leading[k − 1]} entries: the
     * outputs of a linear layer, not what goes into one nor a norm's features.
     */
    public static Axis chunks(int chunks, int chunk, List<Integer> leading) {
        return new Axis(Math.multiplyExact(chunks, chunk), chunks, leading, List.of(), Meaning.FEATURES);
    }

    /** The axis, whose entries stand for something else. */
    public Axis of(Meaning other) {
        return new Axis(size, chunks, leading, scales, other);
    }

    /** The axis, each chunk of which is multiplied by a number. */
    public Axis scaled(List<Float> by) {
        return new Axis(size, chunks, leading, by, meaning);
    }

    /** Entries of a chunk. */
    public int chunk() {
        return size / chunks;
    }

    /** Entries of each chunk that {@code stage} (from 1) reads. */
    public int read(int stage) {
        return leading.isEmpty() ? chunk() : leading.get(stage - 1);
    }
}
