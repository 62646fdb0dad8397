package dev.thinkingvit.inference;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * What the network thought of one image: plain Java, nothing to close.
 *
 * @param stages the stages that ran, in order; the last one decided
 * @param gmacs 10⁹ multiply-accumulates that these stages took
 */
public record Outcome(List<StageOutcome> stages, double gmacs) {
    public Outcome {
        stages = List.copyOf(stages);
    }

    /** The stage at which the image ended, counted from 1. */
    public int stage() {
        return decisive().stage();
    }

    /** The stage that decided. */
    public StageOutcome decisive() {
        return stages.get(stages.size() - 1);
    }

    /** The most probable class. */
    public int label() {
        return decisive().label();
    }

    /** The probability of {@link #label()}. */
    public double probability() {
        return decisive().probabilities()[label()];
    }

    /**
     * The {@code count} most probable classes, all if there are not so many, the most probable first; equal ones by index.
     *
     * @throws IllegalArgumentException if the count is negative
     */
    public int[] top(int count) {
        if (count < 0) {
            throw new IllegalArgumentException(
                    "how many of the most probable classes must not be negative, got " + count);
        }
        float[] probabilities = decisive().probabilities();
        Integer[] order = new Integer[probabilities.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparing(i -> -probabilities[i]));
        return Arrays.stream(order).limit(count).mapToInt(Integer::intValue).toArray();
    }
}
