package dev.thinkingvit.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Numbers for readers. */
final class Numbers {
    private Numbers() {}

    static String fixed(double value, int decimals) {
        return String.format(Locale.ROOT, "%,." + decimals + "f", value);
    }

    static String count(int value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    static String percent(double part, double whole) {
        return fixed(100 * part / whole, 1) + " %";
    }

    /** GMACs with as many digits as a model's largest cost calls for: small models are far below one. */
    static String gmacs(double value, double largest) {
        return fixed(value, largest < 1 ? 4 : 2);
    }

    /** Thresholds without needless digits. */
    static String thresholds(List<Double> thresholds) {
        return thresholds.isEmpty()
                ? "none"
                : thresholds.stream().map(String::valueOf).collect(Collectors.joining(" / "));
    }
}
