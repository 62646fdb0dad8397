package dev.thinkingvit.network;

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
        RECYCLING
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
