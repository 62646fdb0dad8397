package dev.thinkingvit.eval;

import java.util.ArrayList;
import java.util.List;

/**
 * Scores thresholds from a recording: the published threshold tables, without running the network for each row.
 * Immutable.
 */
public final class ThresholdSweep {
    private final Recording recording;

    public ThresholdSweep(Recording recording) {
        this.recording = recording;
    }

    /**
     * Scores one policy.
     *
     * @param thresholds a single one for all boundaries, one for each, or none for always thinking
     * @throws IllegalArgumentException if their number does not fit the stages
     */
    public SweepRow at(List<Double> thresholds) {
        int boundaries = recording.stages() - 1;
        if (thresholds.size() > 1 && thresholds.size() != boundaries) {
            throw new IllegalArgumentException("a model of " + recording.stages() + " stages takes 1 or " + boundaries
                    + " thresholds, got " + thresholds);
        }
        Tally tally = new Tally(recording.stages());
        for (ImageRecord image : recording.images()) {
            int stage = recording.exit(image, thresholds);
            tally.add(stage, image.stage(stage));
        }
        return tally.row(thresholds);
    }

    /** Scores a threshold that serves all boundaries. */
    public SweepRow at(double threshold) {
        return at(List.of(threshold));
    }

    /** Scores a list, in its order. */
    public List<SweepRow> at(Iterable<List<Double>> list) {
        List<SweepRow> rows = new ArrayList<>();
        list.forEach(thresholds -> rows.add(at(thresholds)));
        return List.copyOf(rows);
    }

    /** Every image through all stages. */
    public SweepRow alwaysThink() {
        return at(List.<Double>of());
    }

    /** Every image ends at {@code stage}, counted from 1. */
    public SweepRow always(int stage) {
        Tally tally = new Tally(recording.stages());
        recording.images().forEach(image -> tally.add(stage, image.stage(stage)));
        return tally.row(List.of());
    }
}
