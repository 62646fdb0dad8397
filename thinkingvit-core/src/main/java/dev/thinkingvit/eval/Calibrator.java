package dev.thinkingvit.eval;

import dev.thinkingvit.store.Routing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Picks the threshold for a target from a recording. Every threshold that stops other images than its neighbours is
 * considered, not a grid: between two neighbouring measures all thresholds do the same. One threshold serves all
 * boundaries between stages. Immutable.
 */
public final class Calibrator {
    private static final int CURVE_POINTS = 50;

    private final Recording recording;
    private final boolean sureWhenLow;
    private final List<Candidate> candidates;

    /**
     * A threshold by the measures around it: images with a measure up to {@code low} are on one side of it, those from
     * {@code high} on the other.
     */
    private record Candidate(double low, double high, double gmacs, double top1, List<Double> shareNeeding) {}

    /** An image becomes sure at a stage once the threshold passes the measure. */
    private record Event(int image, int stage, double measure) {}

    /** @throws IllegalArgumentException if the model has a single stage, and so nothing to decide */
    public Calibrator(Recording recording) {
        if (recording.stages() < 2) {
            throw new IllegalArgumentException("a model of one stage has no threshold to calibrate");
        }
        this.recording = recording;
        this.sureWhenLow = recording.router().isSure(0, 1);
        this.candidates = candidates();
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
        if (target.kind() == Target.Kind.STAGE_SHARE && target.stage() > recording.stages()) {
            throw new IllegalArgumentException(target + ": the model has only " + recording.stages() + " stages");
        }
        double always = candidates.get(0).top1();
        boolean spendLeast = target.kind() == Target.Kind.ACCURACY_DROP;
        Comparator<Candidate> better = spendLeast
                ? Comparator.comparingDouble(Candidate::gmacs).reversed().thenComparingDouble(Candidate::top1)
                : Comparator.comparingDouble(Candidate::gmacs).thenComparingDouble(Candidate::top1);
        Candidate chosen = candidates.stream()
                .filter(candidate -> bounded(candidate, target, always) <= target.value())
                .max(better)
                .orElseThrow(() -> unreachable(target, always));
        ThresholdSweep sweep = new ThresholdSweep(recording);
        return new Choice(target, sweep.at(threshold(chosen)), sweep.alwaysThink(), curve(chosen));
    }

    /** Some fifty thresholds, evenly spread over the cost from always thinking to never thinking twice. */
    public List<Routing.Point> curve() {
        return curve(candidates.get(0));
    }

    private static double bounded(Candidate candidate, Target target, double always) {
        return switch (target.kind()) {
            case GMACS -> candidate.gmacs();
            case ACCURACY_DROP -> dropped(always, candidate.top1());
            case STAGE_SHARE -> candidate.shareNeeding().get(target.stage() - 1);
        };
    }

    /** Percentage points lost, without the dust of subtracting percents: 80.2 - 79.7 is 0.5. */
    private static double dropped(double always, double top1) {
        return Math.rint((always - top1) * 1e9) / 1e9;
    }

    private IllegalArgumentException unreachable(Target target, double always) {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (Candidate candidate : candidates) {
            double value = bounded(candidate, target, always);
            least = Math.min(least, value);
            most = Math.max(most, value);
        }
        String unit = target.kind() == Target.Kind.GMACS ? " GMACs" : "";
        return new IllegalArgumentException(String.format(
                Locale.ROOT, "%s cannot be reached; thresholds reach from %.4g to %.4g%s", target, least, most, unit));
    }

    /** From nobody being sure to everybody being sure. */
    private List<Candidate> candidates() {
        List<ImageRecord> images = recording.images();
        int last = recording.stages();
        List<Event> events = new ArrayList<>();
        Tally tally = new Tally(recording.stages());
        int[] exits = new int[images.size()];
        for (int i = 0; i < exits.length; i++) {
            exits[i] = last;
            tally.add(last, images.get(i).stage(last));
            for (int stage = 1; stage < last; stage++) {
                events.add(new Event(i, stage, images.get(i).stage(stage).measure()));
            }
        }
        Comparator<Event> surestFirst = Comparator.comparingDouble(Event::measure);
        events.sort(sureWhenLow ? surestFirst : surestFirst.reversed());
        List<Candidate> found = new ArrayList<>();
        // 0 nats and probability 1 are beyond every measure, and what people write for "always think".
        double surest = events.get(0).measure();
        double beyond = sureWhenLow ? Math.min(0, surest) : Math.max(1, surest);
        found.add(candidate(beyond, beyond, tally));
        for (int e = 0; e < events.size(); e++) {
            Event event = events.get(e);
            int exit = exits[event.image];
            if (event.stage < exit) {
                ImageRecord image = images.get(event.image);
                tally.remove(exit, image.stage(exit));
                tally.add(event.stage, image.stage(event.stage));
                exits[event.image] = event.stage;
            }
            boolean isLast = e + 1 == events.size();
            double after = isLast
                    ? event.measure + (sureWhenLow ? 0.1 : -0.1)
                    : events.get(e + 1).measure();
            if (after != event.measure) {
                found.add(candidate(event.measure, after, tally));
            }
        }
        return found;
    }

    private Candidate candidate(double measure, double next, Tally tally) {
        List<Double> shares = new ArrayList<>();
        for (int stage = 1; stage <= recording.stages(); stage++) {
            shares.add(tally.shareNeeding(stage));
        }
        return new Candidate(Math.min(measure, next), Math.max(measure, next), tally.gmacs(), tally.top1(), shares);
    }

    private double threshold(Candidate candidate) {
        // Both comparisons are strict: of two measures without a number between them, one serves as the threshold.
        double otherwise = sureWhenLow ? candidate.high() : candidate.low();
        return Thresholds.shortestBetween(candidate.low(), candidate.high(), otherwise);
    }

    private List<Routing.Point> curve(Candidate chosen) {
        Map<Double, Routing.Point> byThreshold = new TreeMap<>();
        put(byThreshold, chosen);
        put(byThreshold, candidates.get(candidates.size() - 1));
        double most = candidates.get(0).gmacs();
        double least = candidates.get(candidates.size() - 1).gmacs();
        int next = 0;
        for (Candidate candidate : candidates) {
            // Costs fall from candidate to candidate: each takes the steps it has reached.
            double reached = (most - candidate.gmacs()) / (most - least) * (CURVE_POINTS - 1);
            if (reached >= next - 1e-9) {
                put(byThreshold, candidate);
                next = (int) Math.floor(reached + 1e-9) + 1;
            }
        }
        return List.copyOf(byThreshold.values());
    }

    private void put(Map<Double, Routing.Point> points, Candidate candidate) {
        double threshold = threshold(candidate);
        points.put(threshold, new Routing.Point(threshold, candidate.gmacs(), candidate.top1()));
    }
}
