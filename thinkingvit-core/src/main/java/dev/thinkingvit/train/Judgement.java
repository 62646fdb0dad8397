package dev.thinkingvit.train;

import java.util.List;

/**
 * What a validation found.
 *
 * @param accuracies top-1 of each stage, 0–1; empty where nothing was judged
 * @param losses mean cross entropy of each stage in nats; empty where nothing was judged
 * @param pictures of which these are
 * @param unreadable further pictures, that could not be read
 */
public record Judgement(List<Double> accuracies, List<Double> losses, long pictures, long unreadable) {
    /** Of an epoch without validation. */
    public static final Judgement NONE = new Judgement(List.of(), List.of(), 0, 0);

    public Judgement {
        accuracies = List.copyOf(accuracies);
        losses = List.copyOf(losses);
    }

    public boolean isEmpty() {
        return accuracies.isEmpty();
    }
}
