package dev.thinkingvit.inference;

import java.util.List;
import java.util.Objects;

/**
 * What the network thought of one image: plain Java, nothing to close.
 *
 * @param stages the stages that ran, in order, at least one; the last one decided
 */
public record Outcome(List<StageOutcome> stages) {
    /** @throws IllegalArgumentException if no stage ran */
    public Outcome {
        if (Objects.requireNonNull(stages, "the list of stages is null").isEmpty()) {
            throw new IllegalArgumentException("an outcome needs at least one stage that ran");
        }
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

    /** Multiply-accumulates that all these stages spent on the image. */
    public long macs() {
        long macs = 0;
        for (StageOutcome stage : stages) {
            macs += stage.macs();
        }
        return macs;
    }

    /** 10⁹ multiply-accumulates that all these stages spent on the image. */
    public double gmacs() {
        return macs() / 1e9;
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
        return decisive().scores().top(count);
    }
}
