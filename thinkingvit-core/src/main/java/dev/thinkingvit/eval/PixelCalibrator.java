package dev.thinkingvit.eval;

import dev.thinkingvit.store.Routing;
import java.util.List;

/**
 * Picks the threshold for a target from a recording of labelled pixels, as {@link Calibrator} does for classes: accuracy is mean
 * intersection over union, cost that of a picture, load that of windows. Immutable.
 */
public final class PixelCalibrator {
    private final PixelRecording recording;
    private final ThresholdPath path;

    /** @throws IllegalArgumentException if the model has a single stage, and so nothing to decide */
    public PixelCalibrator(PixelRecording recording) {
        this.recording = recording;
        List<PixelRecord.Step> steps = recording.pictures().stream()
                .flatMap(picture -> picture.steps().stream())
                .toList();
        this.path =
                ThresholdPath.of(recording.router(), recording.stages(), steps, recording.endingAt(recording.stages()));
    }

    /**
     * The threshold for a target.
     *
     * @param row its cost and score
     * @param alwaysThink those of always thinking, to compare
     * @param curve some fifty thresholds over the whole range, by growing threshold, the chosen one among them
     */
    public record Choice(Target target, PixelRow row, PixelRow alwaysThink, List<Routing.Point> curve) {
        /** The chosen threshold. */
        public double threshold() {
            return row.thresholds().get(0);
        }
    }

    /**
     * Of the thresholds that reach the target, the one that spends most for a bounded cost or load, and the one that
     * spends least for a bounded loss of mean intersection over union.
     *
     * @throws IllegalArgumentException if no threshold reaches it; the message says what can be reached
     */
    public Choice choose(Target target) {
        ThresholdPath.Candidate chosen = path.choose(target);
        PixelSweep sweep = new PixelSweep(recording);
        return new Choice(target, sweep.at(path.threshold(chosen)), sweep.alwaysThink(), path.curve(chosen));
    }

    /** Some fifty thresholds, evenly spread over the cost from always thinking to never thinking twice. */
    public List<Routing.Point> curve() {
        return path.curve();
    }

    /**
     * About so many thresholds, evenly spread over the cost from always thinking to never thinking twice, for a table.
     *
     * @param count at least 2
     */
    public List<Double> thresholds(int count) {
        if (count < 2) {
            throw new IllegalArgumentException("at least 2 thresholds are needed, got " + count);
        }
        return path.curve(count).stream().map(Routing.Point::threshold).toList();
    }
}
