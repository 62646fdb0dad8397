package dev.thinkingvit.eval;

import dev.thinkingvit.store.Routing;
import java.util.ArrayList;
import java.util.List;

/**
 * Picks the threshold for a target from a recording. Every threshold that stops other images than its neighbours is
 * considered, not a grid: between two neighbouring measures all thresholds do the same. One threshold serves all
 * boundaries between stages. Immutable. {@link PixelCalibrator} does the same for labelled pixels.
 */
public final class Calibrator {
    private final Recording recording;
    private final ThresholdPath path;

    /** An image becomes sure at a stage once the threshold passes the measure. */
    private record Event(int image, int stage, double measure) {}

    /** Where images end. */
    private static final class Exits implements ThresholdPath.Endings<Event> {
        private final List<ImageRecord> images;
        private final int[] exits;
        private final Tally tally;

        Exits(Recording recording) {
            this.images = recording.images();
            this.tally = new Tally(recording.stages());
            this.exits = new int[images.size()];
            for (int i = 0; i < exits.length; i++) {
                exits[i] = recording.stages();
                tally.add(exits[i], images.get(i).stage(exits[i]));
            }
        }

        @Override
        public double measure(Event event) {
            return event.measure;
        }

        @Override
        public void happen(Event event) {
            int exit = exits[event.image];
            if (event.stage < exit) {
                ImageRecord image = images.get(event.image);
                tally.remove(exit, image.stage(exit));
                tally.add(event.stage, image.stage(event.stage));
                exits[event.image] = event.stage;
            }
        }

        @Override
        public double gmacs() {
            return tally.gmacs();
        }

        @Override
        public double score() {
            return tally.top1();
        }

        @Override
        public double shareNeeding(int stage) {
            return tally.shareNeeding(stage);
        }
    }

    /** @throws IllegalArgumentException if the model has a single stage, and so nothing to decide */
    public Calibrator(Recording recording) {
        this.recording = recording;
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < recording.images().size(); i++) {
            for (int stage = 1; stage < recording.stages(); stage++) {
                events.add(new Event(
                        i, stage, recording.images().get(i).stage(stage).measure()));
            }
        }
        this.path = ThresholdPath.of(recording.router(), recording.stages(), events, new Exits(recording));
    }

    /**
     * The threshold for a target.
     *
     * @param row its cost and score
     * @param alwaysThink those of always thinking, to compare
     * @param curve some fifty thresholds over the whole range, by growing threshold, the chosen one among them
     */
    public record Choice(Target target, SweepRow row, SweepRow alwaysThink, List<Routing.Point> curve) {
        /** The chosen threshold. */
        public double threshold() {
            return row.thresholds().get(0);
        }
    }

    /**
     * Of the thresholds that reach the target, the one that spends most for a bounded cost or load, and the one that
     * spends least for a bounded loss of accuracy.
     *
     * @throws IllegalArgumentException if no threshold reaches it; the message says what can be reached
     */
    public Choice choose(Target target) {
        ThresholdPath.Candidate chosen = path.choose(target);
        ThresholdSweep sweep = new ThresholdSweep(recording);
        return new Choice(target, sweep.at(path.threshold(chosen)), sweep.alwaysThink(), path.curve(chosen));
    }

    /** Some fifty thresholds, evenly spread over the cost from always thinking to never thinking twice. */
    public List<Routing.Point> curve() {
        return path.curve();
    }
}
