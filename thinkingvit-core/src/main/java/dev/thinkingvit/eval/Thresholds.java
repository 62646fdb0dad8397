package dev.thinkingvit.eval;

import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/** Lists of thresholds: as people write them, and sensible ones for a router. */
public final class Thresholds {
    private static final int MAX_COUNT = 10_000;
    private static final int ENTROPY_ROWS = 25;

    private Thresholds() {}

    /**
     * Reads a comma-separated list of thresholds ({@code 0,0.1,0.5}), of ranges with their end included
     * ({@code 0:2.5:0.1}), and of thresholds for each boundary between two stages ({@code 0.3/0.8}).
     *
     * @return one entry a row of a sweep: a single threshold for all boundaries, or one for each
     */
    public static List<List<Double>> parse(String text) {
        List<List<Double>> thresholds = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            if (part.contains(":")) {
                range(part.strip()).forEach(threshold -> thresholds.add(List.of(threshold)));
            } else {
                List<Double> boundaries = new ArrayList<>();
                for (String number : part.split("/", -1)) {
                    boundaries.add(number(number, text).doubleValue());
                }
                thresholds.add(List.copyOf(boundaries));
            }
            if (thresholds.size() > MAX_COUNT) {
                throw new IllegalArgumentException("at most " + MAX_COUNT + " thresholds are swept, got " + text);
            }
        }
        return List.copyOf(thresholds);
    }

    private static List<Double> range(String text) {
        String[] parts = text.split(":", -1);
        if (parts.length != 3) {
            throw new IllegalArgumentException("a range of thresholds is first:last:step, got " + text);
        }
        return range(number(parts[0], text), number(parts[1], text), number(parts[2], text));
    }

    // Decimal arithmetic: 0.1 added three times to 0 must be the threshold 0.3.
    private static List<Double> range(BigDecimal first, BigDecimal last, BigDecimal step) {
        String text = first + ":" + last + ":" + step;
        if (step.signum() <= 0 || last.compareTo(first) < 0) {
            throw new IllegalArgumentException("a range must grow by a step above 0, got " + text);
        }
        if (last.subtract(first).divide(step, MathContext.DECIMAL64).compareTo(BigDecimal.valueOf(MAX_COUNT)) > 0) {
            throw new IllegalArgumentException("at most " + MAX_COUNT + " thresholds are swept, got " + text);
        }
        List<Double> thresholds = new ArrayList<>();
        for (BigDecimal next = first; next.compareTo(last) <= 0; next = next.add(step)) {
            thresholds.add(next.doubleValue());
        }
        return thresholds;
    }

    private static BigDecimal number(String text, String whole) {
        String number = text.strip();
        if (number.length() > 40 || !number.matches("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d{1,2})?")) {
            throw new IllegalArgumentException("a threshold must be a number, got '" + number + "' in '" + whole + "'");
        }
        return new BigDecimal(number);
    }

    /**
     * About two dozen thresholds that take in everything from always thinking to never thinking twice; for a model of one
     * stage a single entry without any, since none would change what it says.
     *
     * @param classes C, of the model: the largest entropy is that of C equal probabilities
     */
    public static List<List<Double>> defaults(Router router, int classes, int stages) {
        if (stages == 1) {
            return List.of(List.of());
        }
        List<Double> thresholds;
        if (router.id().equals(Routers.ENTROPY_TOP10.id())) {
            thresholds = upTo(Math.log(Math.min(10, Math.max(2, classes))));
        } else if (Routers.isEntropy(router.id())) {
            thresholds = upTo(Math.log(Math.max(2, classes)));
        } else {
            thresholds = range(BigDecimal.ZERO, BigDecimal.ONE, new BigDecimal("0.05"));
        }
        return thresholds.stream().map(List::of).toList();
    }

    private static List<Double> upTo(double largest) {
        for (String text : List.of("0.05", "0.1", "0.2", "0.25", "0.5", "1")) {
            BigDecimal step = new BigDecimal(text);
            BigDecimal steps = BigDecimal.valueOf(largest).divide(step, 0, RoundingMode.CEILING);
            if (steps.intValueExact() < ENTROPY_ROWS) {
                return range(BigDecimal.ZERO, steps.multiply(step), step);
            }
        }
        throw new IllegalArgumentException("an entropy of " + largest + " nats is beyond any number of classes");
    }

    /**
     * The number with the fewest digits between {@code low} and {@code high}, or {@code otherwise} where they are too
     * close: thresholds between two measures all stop the same images, and people have to read and type the one that
     * is chosen.
     */
    static double shortestBetween(double low, double high, double otherwise) {
        BigDecimal above = new BigDecimal(low);
        BigDecimal middle = above.add(new BigDecimal(high)).divide(BigDecimal.valueOf(2));
        for (int scale = 0; scale <= 17; scale++) {
            double candidate = middle.setScale(scale, RoundingMode.HALF_EVEN).doubleValue();
            if (candidate > low && candidate < high) {
                return candidate;
            }
        }
        return otherwise;
    }
}
