package dev.thinkingvit.benchmarks;

import java.util.Arrays;
import java.util.List;

/**
 * What one contender reached.
 *
 * @param rates units a second of each turn
 * @param cpuSeconds processor time of the whole process per unit, of each turn: tells a slow contender from one that
 *     had to share its cores
 * @param stepNanos of each timed step
 */
record Measurement(List<Double> rates, List<Double> cpuSeconds, List<Long> stepNanos) {
    Measurement {
        rates = List.copyOf(rates);
        cpuSeconds = List.copyOf(cpuSeconds);
        stepNanos = List.copyOf(stepNanos);
    }

    /** Median of the turns, units a second. */
    double rate() {
        return median(rates);
    }

    /** The slowest turn's. */
    double slowest() {
        return rates.stream().mapToDouble(Double::doubleValue).min().orElse(Double.NaN);
    }

    /** The fastest turn's. */
    double fastest() {
        return rates.stream().mapToDouble(Double::doubleValue).max().orElse(Double.NaN);
    }

    /** Median of the turns, seconds per unit. */
    double cpuSecondsPerUnit() {
        return median(cpuSeconds);
    }

    /** The time below which {@code share} of the steps stay, milliseconds. */
    double stepMillis(double share) {
        long[] sorted = stepNanos.stream().mapToLong(Long::longValue).sorted().toArray();
        int rank = (int) Math.ceil(share * sorted.length);
        return sorted[Math.max(0, rank - 1)] / 1e6;
    }

    private static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
        if (sorted.length == 0) {
            return Double.NaN;
        }
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
