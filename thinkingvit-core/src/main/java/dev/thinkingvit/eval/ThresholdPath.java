package dev.thinkingvit.eval;

import dev.thinkingvit.inference.Router;
import dev.thinkingvit.store.Routing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What thresholds make of a recording, from nobody being sure to everybody being sure: every threshold that stops others than
 * its neighbours do. Between two neighbouring measures all thresholds do the same. One threshold serves all boundaries between
 * stages. Immutable.
 */
final class ThresholdPath {
    private static final int CURVE_POINTS = 50;

    private final int stages;
    private final boolean sureWhenLow;
    private final List<Candidate> candidates;

    /**
     * A threshold by the measures around it: those with a measure up to {@code low} are on one side of it, those from
     * {@code high} on the other.
     *
     * @param score in percent
     * @param shareNeeding each stage: 0–1
     */
    record Candidate(double low, double high, double gmacs, double score, List<Double> shareNeeding) {}

    /**
     * What is there while more and more end early.
     *
     * @param <E> what may happen: something ends at a stage
     */
    interface Endings<E> {
        /** The router's measure at which it happens. */
        double measure(E event);

        void happen(E event);

        /** Mean 10⁹ multiply-accumulates. */
        double gmacs();

        /** In percent. */
        double score();

        /** Share that needs a stage or a later one: 0–1. */
        double shareNeeding(int stage);
    }

    /** @throws IllegalArgumentException if the model has a single stage, and so nothing to decide */
    static <E> ThresholdPath of(Router router, int stages, List<E> events, Endings<E> endings) {
        if (stages < 2) {
            throw new IllegalArgumentException("a model of one stage has no threshold to calibrate");
        }
        boolean sureWhenLow = router.isSure(0, 1);
        return new ThresholdPath(stages, sureWhenLow, candidates(stages, sureWhenLow, events, endings));
    }

    private ThresholdPath(int stages, boolean sureWhenLow, List<Candidate> candidates) {
        this.stages = stages;
        this.sureWhenLow = sureWhenLow;
        this.candidates = candidates;
    }

    /** From nobody being sure to everybody being sure. */
    private static <E> List<Candidate> candidates(int stages, boolean sureWhenLow, List<E> events, Endings<E> endings) {
        List<E> sorted = new ArrayList<>(events);
        Comparator<E> surestFirst = Comparator.comparingDouble(endings::measure);
        sorted.sort(sureWhenLow ? surestFirst : surestFirst.reversed());
        List<Candidate> found = new ArrayList<>();
        // 0 nats and probability 1 are beyond every measure, and what people write for "always think".
        double surest = endings.measure(sorted.get(0));
        double beyond = sureWhenLow ? Math.min(0, surest) : Math.max(1, surest);
        found.add(candidate(beyond, beyond, stages, endings));
        for (int e = 0; e < sorted.size(); e++) {
            double measure = endings.measure(sorted.get(e));
            endings.happen(sorted.get(e));
            boolean isLast = e + 1 == sorted.size();
            double after = isLast ? measure + (sureWhenLow ? 0.1 : -0.1) : endings.measure(sorted.get(e + 1));
            if (after != measure) {
                found.add(candidate(measure, after, stages, endings));
            }
        }
        return found;
    }

    private static Candidate candidate(double measure, double next, int stages, Endings<?> endings) {
        List<Double> shares = new ArrayList<>();
        for (int stage = 1; stage <= stages; stage++) {
            shares.add(endings.shareNeeding(stage));
        }
        return new Candidate(
                Math.min(measure, next), Math.max(measure, next), endings.gmacs(), endings.score(), shares);
    }

    /**
     * Of the thresholds that reach the target, the one that spends most for a bounded cost or load, and the one that
     * spends least for a bounded loss.
     *
     * @throws IllegalArgumentException if no threshold reaches it; the message says what can be reached
     */
    Candidate choose(Target target) {
        if (target.kind() == Target.Kind.STAGE_SHARE && target.stage() > stages) {
            throw new IllegalArgumentException(target + ": the model has only " + stages + " stages");
        }
        double always = candidates.get(0).score();
        boolean spendLeast = target.kind() == Target.Kind.ACCURACY_DROP;
        Comparator<Candidate> better = spendLeast
                ? Comparator.comparingDouble(Candidate::gmacs).reversed().thenComparingDouble(Candidate::score)
                : Comparator.comparingDouble(Candidate::gmacs).thenComparingDouble(Candidate::score);
        return candidates.stream()
                .filter(candidate -> bounded(candidate, target, always) <= target.value())
                .max(better)
                .orElseThrow(() -> unreachable(target, always));
    }

    private static double bounded(Candidate candidate, Target target, double always) {
        return switch (target.kind()) {
            case GMACS -> candidate.gmacs();
            case ACCURACY_DROP -> dropped(always, candidate.score());
            case STAGE_SHARE -> candidate.shareNeeding().get(target.stage() - 1);
        };
    }

    /** Percentage points lost, without the dust of subtracting percents: 80.2 - 79.7 is 0.5. */
    private static double dropped(double always, double score) {
        return Math.rint((always - score) * 1e9) / 1e9;
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

    /** A number that people can read and type. */
    double threshold(Candidate candidate) {
        // Both comparisons are strict: of two measures without a number between them, one serves as the threshold.
        double otherwise = sureWhenLow ? candidate.high() : candidate.low();
        return Thresholds.shortestBetween(candidate.low(), candidate.high(), otherwise);
    }

    /** Some fifty thresholds, evenly spread over the cost from always thinking to never thinking twice. */
    List<Routing.Point> curve() {
        return curve(candidates.get(0), CURVE_POINTS);
    }

    /** The same, about so many. */
    List<Routing.Point> curve(int points) {
        return curve(candidates.get(0), points);
    }

    /** The same, the chosen one among them. */
    List<Routing.Point> curve(Candidate chosen) {
        return curve(chosen, CURVE_POINTS);
    }

    private List<Routing.Point> curve(Candidate chosen, int points) {
        Map<Double, Routing.Point> byThreshold = new TreeMap<>();
        put(byThreshold, chosen);
        put(byThreshold, candidates.get(candidates.size() - 1));
        double most = candidates.get(0).gmacs();
        double least = candidates.get(candidates.size() - 1).gmacs();
        int next = 0;
        for (Candidate candidate : candidates) {
            // Costs fall from candidate to candidate: each takes the steps it has reached.
            double reached = (most - candidate.gmacs()) / (most - least) * (points - 1);
            if (reached >= next - 1e-9) {
                put(byThreshold, candidate);
                next = (int) Math.floor(reached + 1e-9) + 1;
            }
        }
        return List.copyOf(byThreshold.values());
    }

    private void put(Map<Double, Routing.Point> points, Candidate candidate) {
        double threshold = threshold(candidate);
        points.put(threshold, new Routing.Point(threshold, candidate.gmacs(), candidate.score()));
    }
}
