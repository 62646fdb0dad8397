package dev.thinkingvit.network;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A weight that training changes, declared once: all that the rest of the program has to know of it.
 *
 * @param name as published checkpoints have it
 * @param axes its dimensions, outermost first
 * @param start how it begins
 * @param decays whether weight decay applies to it
 * @param cast whether it takes part in products whose precision can be chosen; others stay F32
 * @param role what becomes of it when a network starts from another one
 * @param layer its place in the network's depth, 0 being what embeds the input: what layer-wise learning rates count
 * @param reader the only stage (from 1) that reads it; 0 if all do
 */
public record Parameter(
        String name, List<Axis> axes, Start start, boolean decays, boolean cast, Role role, int layer, int reader) {
    /** What becomes of a parameter when a network starts from another one. */
    public enum Role {
        /** It is taken. */
        BODY,
        /** It belongs to the task: it is taken if both know the same classes. */
        HEAD,
        /** It recycles what a stage before left: it starts anew. */
        RECYCLING,
        /** It recycles too, in a network that goes on from one that does: it is taken from a source that has it. */
        KEPT_RECYCLING,
        /** It scores tokens, of which some go on: it is taken from a source that has it, and is learned faster than the body. */
        PREDICTOR
    }

    /**
     * @throws IllegalArgumentException if an axis besides the outermost is in chunks or scaled: exports, sources and widths
     *     to be cut know of the outermost alone
     */
    public Parameter {
        axes = List.copyOf(axes);
        for (int i = 1; i < axes.size(); i++) {
            Axis axis = axes.get(i);
            if (axis.chunks() > 1 || !axis.scales().isEmpty()) {
                throw new IllegalArgumentException(name + ": only its first axis may be in chunks or scaled, axis "
                        + (i + 1) + " is " + axis.chunks() + " of " + axis.chunk() + "; whole and leading are left");
            }
        }
    }

    /** A parameter of the body that all stages read, that decays if it is a matrix, and is cast. */
    public static Parameter of(String name, Start start, int layer, Axis... axes) {
        return new Parameter(name, List.of(axes), start, axes.length > 1, true, Role.BODY, layer, 0);
    }

    /** The same without weight decay. */
    public Parameter undecayed() {
        return new Parameter(name, axes, start, false, cast, role, layer, reader);
    }

    /** The same, F32 whatever the precision of products. */
    public Parameter uncast() {
        return new Parameter(name, axes, start, decays, false, role, layer, reader);
    }

    /** The same in another role. */
    public Parameter as(Role other) {
        return new Parameter(name, axes, start, decays, cast, other, layer, reader);
    }

    /** The same, read by one stage alone. */
    public Parameter readBy(int stage) {
        return new Parameter(name, axes, start, decays, cast, role, layer, stage);
    }

    /** Whether {@code stage} reads any of it. */
    public boolean isReadBy(int stage) {
        return reader == 0 || reader == stage;
    }

    /** Sizes of the whole parameter. */
    public long[] shape() {
        return axes.stream().mapToLong(Axis::size).toArray();
    }

    /** Sizes of what {@code stage} reads of it, chunks side by side. */
    public long[] shape(int stage) {
        return axes.stream()
                .mapToLong(axis -> (long) axis.chunks() * axis.read(stage))
                .toArray();
    }

    /**
     * What {@code stage} reads of the parameter's values, chunks side by side and multiplied by their scales.
     *
     * @param whole of the shape {@link #shape()}, of any float type
     * @return row-major, of the shape {@link #shape(int)}
     */
    float[] cut(int stage, HostTensor whole) {
        FloatBuffer values = FloatBuffer.wrap(whole.toFloats());
        FloatBuffer read = values;
        if (!isWholeAt(stage)) {
            read = FloatBuffer.allocate(
                    Math.toIntExact(Arrays.stream(shape(stage)).reduce(1, Math::multiplyExact)));
            cut(stage, values, read);
        }
        scale(read);
        return read.array();
    }

    /** Whether {@code stage} reads all of it. */
    boolean isWholeAt(int stage) {
        return Arrays.equals(shape(), shape(stage));
    }

    /**
     * What {@code stage} reads of the parameter's values, chunks side by side, as they are stored.
     *
     * @param whole row-major, of the shape {@link #shape()}
     * @param read where it is written to: row-major, of the shape {@link #shape(int)}
     */
    void cut(int stage, FloatBuffer whole, FloatBuffer read) {
        cut(stage, 0, whole, entries(shape()), 0, read, entries(shape(stage)), 0);
    }

    /** Multiplies chunks side by side by their scales. */
    void scale(FloatBuffer read) {
        List<Float> scales = scales().orElse(List.of());
        int chunk = scales.isEmpty() ? 0 : read.capacity() / scales.size();
        for (int i = 0; i < chunk * scales.size(); i++) {
            read.put(i, read.get(i) * scales.get(i / chunk));
        }
    }

    /**
     * Copies what is read of the axes from {@code depth} on; in one piece as soon as all that follows is read.
     *
     * @param entries values of an entry of each axis
     * @param start of the first value
     */
    private void cut(
            int stage,
            int depth,
            FloatBuffer from,
            int[] entries,
            int start,
            FloatBuffer to,
            int[] toEntries,
            int toStart) {
        Axis axis = axes.get(depth);
        int entry = entries[depth];
        int toEntry = toEntries[depth];
        int read = axis.read(stage);
        for (int chunk = 0; chunk < axis.chunks(); chunk++) {
            int source = start + chunk * axis.chunk() * entry;
            int target = toStart + chunk * read * toEntry;
            if (entry == toEntry) {
                to.put(target, from, source, read * entry);
                continue;
            }
            for (int i = 0; i < read; i++) {
                cut(stage, depth + 1, from, entries, source + i * entry, to, toEntries, target + i * toEntry);
            }
        }
    }

    /** Values of an entry of each axis: the product of the axes after it. */
    private static int[] entries(long[] shape) {
        int[] entries = new int[shape.length];
        long entry = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            entries[i] = Math.toIntExact(entry);
            entry *= shape[i];
        }
        return entries;
    }

    /** Number of values. */
    public long elements() {
        return Arrays.stream(shape()).reduce(1, Math::multiplyExact);
    }

    /** Into how many chunks its outermost axis falls. */
    public int chunks() {
        return axes.isEmpty() ? 1 : axes.get(0).chunks();
    }

    /** The place of the first axis with that meaning. */
    public OptionalInt axis(Axis.Meaning meaning) {
        for (int i = 0; i < axes.size(); i++) {
            if (axes.get(i).meaning() == meaning) {
                return OptionalInt.of(i);
            }
        }
        return OptionalInt.empty();
    }

    /** What the network multiplies the chunks of its outermost axis by, if anything. */
    public Optional<List<Float>> scales() {
        return axes.isEmpty() || axes.get(0).scales().isEmpty()
                ? Optional.empty()
                : Optional.of(axes.get(0).scales());
    }
}
