package dev.thinkingvit.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What lies in a folder of pictures and is not used as one: counted by kind, the first few of each kind by name.
 * Immutable.
 *
 * @param kinds pictures in a wrong place first, then the most frequent, those of the system last
 */
public record PassedOver(List<Kind> kinds) {
    /** How many files of a kind are named. */
    static final int NAMED = 5;

    /** Pictures that look used and are not. */
    static final String MISPLACED = "pictures beside the class folders";

    /** Pictures of a folder that is read as the tars in it. */
    static final String BESIDE_TARS = "pictures beside the tars";

    /** Pictures of a WebDataset for which no class is given. */
    static final String UNLABELLED = "pictures without a label";

    private static final Set<String> UNUSED_PICTURES = Set.of(MISPLACED, BESIDE_TARS, UNLABELLED);
    private static final int SHOWN_KINDS = 8;
    private static final int NAMED_KINDS = 100;

    public PassedOver {
        kinds = List.copyOf(kinds);
    }

    /**
     * Files of a kind.
     *
     * @param what they are, in the plural, such as {@code HEIC files}
     * @param system whether a system put them there, and nobody will miss them
     * @param count how many there are
     * @param first the first few by name
     */
    public record Kind(String what, boolean system, int count, List<Path> first) {
        public Kind {
            first = List.copyOf(first);
        }

        @Override
        public String toString() {
            return what + " (" + count + "): "
                    + first.stream().map(Path::toString).collect(Collectors.joining(", "))
                    + (count > first.size() ? ", …" : "");
        }
    }

    /** How many there are in all. */
    public int count() {
        return kinds.stream().mapToInt(Kind::count).sum();
    }

    /** A line for each kind; nothing if nothing was passed over. */
    public List<String> lines() {
        List<Kind> own = kinds.stream().filter(kind -> !kind.system()).toList();
        List<Kind> more = own.subList(Math.min(SHOWN_KINDS, own.size()), own.size());
        List<String> lines = new ArrayList<>();
        own.stream().limit(SHOWN_KINDS).forEach(kind -> lines.add("passed over: " + kind));
        if (!more.isEmpty()) {
            lines.add("passed over: " + more.stream().mapToInt(Kind::count).sum() + " files of " + more.size()
                    + (more.size() == 1 ? " more kind: " : " more kinds: ")
                    + more.stream()
                            .limit(NAMED_KINDS)
                            .map(kind -> kind.what() + " (" + kind.count() + ")")
                            .collect(Collectors.joining(", "))
                    + (more.size() > NAMED_KINDS ? ", …" : ""));
        }
        kinds.stream().filter(Kind::system).forEach(kind -> lines.add("ignored: " + kind));
        return lines;
    }

    /** The most frequent kinds for the end of a message: {@code ; passed over: HEIC files (3): …}, or nothing. */
    String inBrief() {
        return kinds.stream()
                .filter(kind -> !kind.system())
                .limit(2)
                .map(kind -> "; passed over: " + kind)
                .collect(Collectors.joining());
    }

    /** Counts; not thread-safe. */
    static final class Counter {
        private record Key(String what, boolean system) {}

        private final Map<Key, Integer> counts = new LinkedHashMap<>();
        private final Map<Key, NavigableSet<Path>> first = new LinkedHashMap<>();

        void add(String what, boolean system, Path path) {
            Key key = new Key(what, system);
            counts.merge(key, 1, Integer::sum);
            NavigableSet<Path> named = first.computeIfAbsent(key, k -> byText());
            named.add(path);
            if (named.size() > NAMED) {
                named.pollLast();
            }
        }

        /** Adds all that another has counted. */
        void add(Counter other) {
            other.counts.forEach((key, count) -> counts.merge(key, count, Integer::sum));
            other.first.forEach((key, paths) -> {
                NavigableSet<Path> named = first.computeIfAbsent(key, k -> byText());
                named.addAll(paths);
                while (named.size() > NAMED) {
                    named.pollLast();
                }
            });
        }

        /** By text, since paths of different file systems do not compare. */
        private static NavigableSet<Path> byText() {
            return new TreeSet<>(Comparator.comparing(Path::toString));
        }

        PassedOver done() {
            List<Kind> kinds = new ArrayList<>();
            counts.forEach((key, count) -> kinds.add(
                    new Kind(key.what(), key.system(), count, List.copyOf(first.getOrDefault(key, byText())))));
            kinds.sort(Comparator.comparing(Kind::system)
                    .thenComparing(kind -> !UNUSED_PICTURES.contains(kind.what()))
                    .thenComparing(Kind::count, Comparator.reverseOrder()));
            return new PassedOver(kinds);
        }
    }
}
