package dev.thinkingvit.eval;

import java.util.ArrayList;
import java.util.List;

/** Scores thresholds from a recording of labelled pixels, without running the network for each row. Immutable. */
public final class PixelSweep {
    private final PixelRecording recording;

    public PixelSweep(PixelRecording recording) {
        this.recording = recording;
    }

    /**
     * Scores one policy.
     *
     * @param thresholds a single one for all boundaries, one for each, or none for always thinking
     * @throws IllegalArgumentException if their number does not fit the stages, or they differ from boundary to boundary and
     *     were not recorded
     */
    public PixelRow at(List<Double> thresholds) {
        int boundaries = recording.stages() - 1;
        if (thresholds.size() > 1 && thresholds.size() != boundaries) {
            throw new IllegalArgumentException("a model of " + recording.stages() + " stages takes 1 or " + boundaries
                    + " thresholds, got " + thresholds);
        }
        if (thresholds.stream().distinct().count() > 1) {
            return recording.apart(thresholds).row(thresholds);
        }
        PixelTally tally = recording.endingAt(recording.stages());
        if (!thresholds.isEmpty()) {
            for (PixelRecord picture : recording.pictures()) {
                for (PixelRecord.Step step : picture.steps()) {
                    if (recording.router().isSure(step.measure(), thresholds.get(0))) {
                        tally.happen(step);
                    }
                }
            }
        }
        return tally.row(thresholds);
    }

    /** Scores a threshold that serves all boundaries. */
    public PixelRow at(double threshold) {
        return at(List.of(threshold));
    }

    /** Scores a list, in its order. */
    public List<PixelRow> at(Iterable<List<Double>> list) {
        List<PixelRow> rows = new ArrayList<>();
        list.forEach(thresholds -> rows.add(at(thresholds)));
        return List.copyOf(rows);
    }

    /** Every window through all stages. */
    public PixelRow alwaysThink() {
        return at(List.<Double>of());
    }

    /** Every window ends at {@code stage}, counted from 1. */
    public PixelRow always(int stage) {
        return recording.endingAt(stage).row(List.of());
    }
}
