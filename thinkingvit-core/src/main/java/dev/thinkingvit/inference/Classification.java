package dev.thinkingvit.inference;

import java.util.List;
import java.util.Objects;

/**
 * A picture's labels and what it took to find them: plain Java, nothing to close.
 *
 * @param source name of the picture
 * @param labels the most probable classes, the most probable first
 * @param outcome what each stage thought, and its cost
 */
public record Classification(String source, List<Label> labels, Outcome outcome) {
    /**
     * A class with its probability.
     *
     * @param index of the class
     * @param name of the class
     * @param probability 0–1
     */
    public record Label(int index, String name, double probability) {}

    public Classification {
        Objects.requireNonNull(source, "the source is null");
        Objects.requireNonNull(labels, "the list of labels is null");
        Objects.requireNonNull(outcome, "the outcome is null");
        labels = List.copyOf(labels);
    }

    /** The most probable class. */
    public Label best() {
        return labels.get(0);
    }

    /** The stage at which the picture ended, counted from 1. */
    public int stage() {
        return outcome.stage();
    }

    /** 10⁹ multiply-accumulates spent. */
    public double gmacs() {
        return outcome.gmacs();
    }
}
