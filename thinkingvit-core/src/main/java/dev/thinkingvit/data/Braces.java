package dev.thinkingvit.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names that a pattern with braces stands for, as in a shell: {@code train-{000..009}.tar}, {@code {a,b}.tar}. */
final class Braces {
    private static final int MAX_NAMES = 100_000;
    private static final Pattern FIRST = Pattern.compile("\\{([^{}]*)}");
    private static final Pattern RANGE = Pattern.compile("(\\d{1,9})\\.\\.(\\d{1,9})");

    private Braces() {}

    /**
     * All names, in order; the pattern itself where its braces stand for nothing.
     *
     * @throws DatasetException for more than 100,000
     */
    static List<String> expand(String pattern) throws DatasetException {
        Matcher braces = FIRST.matcher(pattern);
        int from = 0;
        while (braces.find(from)) {
            List<String> choices = choices(pattern, braces.group(1));
            if (choices.isEmpty()) {
                from = braces.end();
                continue;
            }
            List<String> names = new ArrayList<>();
            for (String choice : choices) {
                names.addAll(expand(pattern.substring(0, braces.start()) + choice + pattern.substring(braces.end())));
                if (names.size() > MAX_NAMES) {
                    throw tooMany(pattern);
                }
            }
            return names;
        }
        return List.of(pattern);
    }

    private static List<String> choices(String pattern, String inside) throws DatasetException {
        Matcher range = RANGE.matcher(inside);
        if (!range.matches()) {
            return inside.indexOf(',') < 0 ? List.of() : List.of(inside.split(",", -1));
        }
        int first = Integer.parseInt(range.group(1));
        int last = Integer.parseInt(range.group(2));
        if (Math.abs(last - first) >= MAX_NAMES) {
            throw tooMany(pattern);
        }
        boolean padded = range.group(1).startsWith("0") || range.group(2).startsWith("0");
        int digits = padded ? Math.max(range.group(1).length(), range.group(2).length()) : 1;
        List<String> choices = new ArrayList<>();
        for (int i = first; first <= last ? i <= last : i >= last; i += first <= last ? 1 : -1) {
            choices.add(String.format(Locale.ROOT, "%0" + digits + "d", i));
        }
        return choices;
    }

    private static DatasetException tooMany(String pattern) {
        return new DatasetException(pattern + ": stands for more than the " + MAX_NAMES + " names that are read");
    }
}
