package dev.thinkingvit.network;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A network that thinks in stages, written once: what it learns, and how a stage computes. Immutable. */
public interface Network {
    /** All that it learns. */
    Parameters parameters();

    /** Number of stages, at least 1. */
    int stages();

    /** Number of blocks of a stage. */
    int depth();

    /**
     * One stage's forward pass.
     *
     * @param on who executes the layers, for this stage
     * @param stage from 1
     * @param images (B, 3, S, S)
     * @param previous what the stage before left; null in the first
     */
    <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous);

    /** What goes into a stage and comes out of it. */
    Ports ports(int stage);

    /**
     * The shapes of a stage's inputs and outputs, of one image each.
     *
     * @param images what it sees
     * @param previous what it takes of the stage before; null if it takes nothing
     * @param tokens what it leaves for the next one
     * @param logits what it says
     */
    record Ports(List<Long> images, @Nullable List<Long> previous, List<Long> tokens, List<Long> logits) {}

    /**
     * What a stage leaves.
     *
     * @param tokens (B, N, d), which the next stage recycles
     * @param logits (B, C)
     */
    record Output<T>(T tokens, T logits) {}
}
