package dev.thinkingvit.train;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Guesses what was meant by a name that nobody knows. */
final class Spelling {
    private Spelling() {}

    /** " (did you mean X?)" with the closest of the names, or nothing if none is close. */
    static String hint(String name, Collection<String> known) {
        String plain = plain(name);
        int most = Math.max(1, plain.length() / 3);
        Optional<String> closest = known.stream()
                .filter(other -> distance(plain, plain(other)) <= most)
                .min(Comparator.comparingInt((String other) -> distance(plain, plain(other))));
        return closest.map(other -> " (did you mean " + other + "?)").orElse("");
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace('-', '_');
    }

    /** Letters to insert, delete or exchange (Levenshtein, 1966). */
    private static int distance(String one, String other) {
        int[] row = new int[other.length() + 1];
        for (int j = 0; j <= other.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= other.length(); j++) {
                int exchanged = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(exchanged, 1 + Math.min(row[j - 1], row[j]));
            }
        }
        return row[other.length()];
    }
}
