package dev.thinkingvit.benchmarks;

import java.util.stream.Stream;

/** Columns of names in printed tables. */
final class Names {
    private Names() {}

    /** The format of a column as wide as its widest entry. */
    static String column(String heading, Stream<String> names) {
        return "%-" + names.mapToInt(String::length).reduce(heading.length(), Math::max) + "s";
    }
}
