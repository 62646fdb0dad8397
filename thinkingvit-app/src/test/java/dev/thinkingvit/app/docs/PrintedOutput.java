package dev.thinkingvit.app.docs;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Compares what a page shows with what was printed. The page may leave lines out, and with {@code …} the rest of one.
 * Whole numbers are the same; others may differ by 2 % and one in the last place, since processors round differently.
 */
final class PrintedOutput {
    private static final Pattern NUMBER = Pattern.compile("\\d[\\d,]*(\\.\\d+)?");
    private static final double TOLERANCE = 0.02;

    private PrintedOutput() {}

    /** @throws AssertionError if a line is not there, after those before it */
    static void requireLike(List<String> shown, List<String> printed) {
        int next = 0;
        for (String line : shown) {
            int at = next;
            while (at < printed.size() && !isLike(line, printed.get(at))) {
                at++;
            }
            if (at == printed.size()) {
                throw new AssertionError("the page shows\n    " + line + "\nwhich was not printed"
                        + (next == 0 ? "" : " after\n    " + printed.get(next - 1)) + "\nbut\n    "
                        + String.join("\n    ", printed.subList(next, printed.size())));
            }
            next = line.isBlank() || line.equals("…") ? next : at + 1;
        }
    }

    static boolean isLike(String shown, String printed) {
        String one = shown.strip().replaceAll("\\s+", " ");
        String other = printed.strip().replaceAll("\\s+", " ");
        if (one.isEmpty()) {
            return true;
        }
        if (one.endsWith("…")) {
            one = one.substring(0, one.length() - 1).strip();
            other = firstWords(other, one.isEmpty() ? 0 : one.split(" ", -1).length);
        }
        if (!words(one).equals(words(other))) {
            return false;
        }
        Matcher left = NUMBER.matcher(one);
        Matcher right = NUMBER.matcher(other);
        while (left.find() && right.find()) {
            if (!isNear(left.group(), right.group())) {
                return false;
            }
        }
        return true;
    }

    private static String firstWords(String line, int count) {
        String[] words = line.split(" ", -1);
        return String.join(" ", List.of(words).subList(0, Math.min(count, words.length)));
    }

    private static String words(String line) {
        return NUMBER.matcher(line).replaceAll("0");
    }

    private static boolean isNear(String one, String other) {
        int point = one.indexOf('.');
        if (point < 0 || other.indexOf('.') < 0) {
            return one.equals(other);
        }
        double a = Double.parseDouble(one.replace(",", ""));
        double b = Double.parseDouble(other.replace(",", ""));
        double last = Math.pow(10, -(one.length() - point - 1));
        return Math.abs(a - b) <= TOLERANCE * Math.max(a, b) + 1.001 * last;
    }
}
