package dev.thinkingvit.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * When images stop: a router and a threshold for each boundary between two stages.
 *
 * @param router measures certainty
 * @param thresholds one for every boundary; a single one serves all of them, none at all means that no image stops early
 */
public record StopPolicy(Router router, List<Double> thresholds) {
    public StopPolicy {
        Objects.requireNonNull(router, "the policy's router is null");
        Objects.requireNonNull(thresholds, "the policy's thresholds are null; none is an empty list");
        for (int i = 0; i < thresholds.size(); i++) {
            double threshold = Objects.requireNonNull(thresholds.get(i), "threshold " + (i + 1) + " is null");
            if (!Double.isFinite(threshold)) {
                throw new IllegalArgumentException("a threshold must be a finite number, got " + thresholds);
            }
        }
        thresholds = List.copyOf(thresholds);
    }

    /** One threshold for every boundary, or one for each. */
    public static StopPolicy of(Router router, double... thresholds) {
        Objects.requireNonNull(thresholds, "the policy's thresholds are null");
        List<Double> list = new ArrayList<>();
        for (double threshold : thresholds) {
            list.add(threshold);
        }
        return new StopPolicy(router, list);
    }

    /** Every image goes through all stages. */
    public static StopPolicy alwaysThink(Router router) {
        return new StopPolicy(router, List.of());
    }

    /**
     * Every image ends at the same stage, after those before it.
     *
     * @param stage from 1
     * @param stages of the model
     * @throws IllegalArgumentException if the model has no such stage
     */
    public static StopPolicy endingAt(int stage, int stages) {
        if (stage < 1 || stage > stages) {
            throw new IllegalArgumentException("stage " + stage + " does not exist: the model has "
                    + (stages == 1 ? "one stage" : "stages 1 to " + stages));
        }
        // no entropy lies below 0, each lies below the other
        return new StopPolicy(
                Routers.ENTROPY,
                IntStream.range(1, stages)
                        .mapToObj(boundary -> boundary < stage ? 0 : Double.MAX_VALUE)
                        .toList());
    }

    /** @throws IllegalArgumentException if the thresholds do not fit a model of {@code stages} stages */
    public void check(int stages) {
        if (thresholds.size() > 1 && thresholds.size() != stages - 1) {
            String takes = stages <= 2 ? "1 threshold" : "1 or " + (stages - 1) + " thresholds";
            throw new IllegalArgumentException(
                    "a model of " + stages + " stages takes " + takes + ", got " + thresholds.size());
        }
    }

    /**
     * The stage, from 1, at which an image ends.
     *
     * @param measures the router's, of every stage of the model
     */
    public int stageOf(List<Double> measures) {
        int last = Objects.requireNonNull(measures, "the measures are null").size();
        for (int stage = 1; stage < last; stage++) {
            if (stopsAfter(stage, measures.get(stage - 1))) {
                return stage;
            }
        }
        return last;
    }

    /** Whether an image with this measure ends at {@code stage}, which is not the last. */
    boolean stopsAfter(int stage, double measure) {
        if (thresholds.isEmpty()) {
            return false;
        }
        return router.isSure(measure, thresholds.size() == 1 ? thresholds.get(0) : thresholds.get(stage - 1));
    }
}
