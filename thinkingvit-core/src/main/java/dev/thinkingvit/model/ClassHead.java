package dev.thinkingvit.model;

import java.util.HashSet;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Whether a trained head serves a model's classes, and how. It does if it knows as many classes and, where both sides
 * name theirs, the same ones; a row of any other head stands for something that the model does not ask.
 *
 * @param rows the head's row of each of the model's classes, in the model's order; empty if the head starts anew
 * @param line what is to be said
 */
public record ClassHead(List<Integer> rows, String line) {
    private static final Predicate<String> SYNSET = Pattern.compile("n\\d{8}").asMatchPredicate();

    public ClassHead {
        rows = List.copyOf(rows);
    }

    /** Whether the trained rows are taken. */
    boolean kept() {
        return !rows.isEmpty();
    }

    /** As {@link #of(int, List, int, List)} where nobody names classes. */
    public static ClassHead of(int trained, int classes) {
        return of(trained, List.of(), classes, List.of());
    }

    /**
     * @param trained classes of the trained head; 0 if there is no head
     * @param namings what its classes are called, in order, in each way in which they are called; empty if nobody says
     * @param classes of the model
     * @param names what the model's classes are called, in order; empty if nobody says
     */
    public static ClassHead of(int trained, List<List<String>> namings, int classes, List<String> names) {
        if (trained == 0) {
            return new ClassHead(List.of(), "the source has no head: it starts at random");
        }
        if (trained != classes) {
            return new ClassHead(
                    List.of(),
                    String.format(
                            "the source's head has %,d classes, this model %,d: it starts at random",
                            trained, classes));
        }
        List<Integer> inOrder = IntStream.range(0, classes).boxed().toList();
        List<List<String>> comparable = namings.stream()
                .filter(naming -> naming.size() == trained
                        && names.size() == classes
                        && naming.stream().allMatch(SYNSET) == names.stream().allMatch(SYNSET))
                .toList();
        if (comparable.isEmpty()) {
            String why = namings.isEmpty()
                    ? "the source does not name its classes, so that only their number, " + classes + ", was compared"
                    : "the source names its classes in other terms, so that only their number, " + classes
                            + ", was compared";
            return new ClassHead(inOrder, "the head is kept: " + why);
        }
        for (List<String> naming : comparable) {
            if (naming.equals(names)) {
                return new ClassHead(inOrder, "the head is kept: its " + classes + " classes are this model's");
            }
            if (new HashSet<>(naming).equals(new HashSet<>(names)) && new HashSet<>(names).size() == classes) {
                return new ClassHead(
                        names.stream().map(naming::indexOf).toList(),
                        "the head is kept, its rows in another order: its " + classes
                                + " classes are this model's, by name");
            }
        }
        List<String> other = comparable.get(0);
        int first = IntStream.range(0, classes)
                .filter(i -> !names.contains(other.get(i)))
                .findFirst()
                .orElse(0);
        return new ClassHead(
                List.of(),
                "the source's head knows other classes, such as '" + other.get(first) + "': it starts at random");
    }
}
