package dev.thinkingvit.run;

import dev.thinkingvit.run.RunInventory.OfClass;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * How a data set differs from what it was.
 *
 * @param renamed new name by old name of classes whose pictures, more than none, are the very same under another name
 * @param gone classes without a folder now
 * @param added class folders that were not there
 * @param pictures a phrase for each class whose pictures changed
 */
record InventoryChanges(Map<String, String> renamed, List<String> gone, List<String> added, List<String> pictures) {
    private static final int NAMED = 3;
    private static final int NAMED_CLASSES = 5;

    /** From one state of a data set to another; folders that were left out before do not count. */
    static InventoryChanges between(List<OfClass> before, List<OfClass> now, List<String> leftOut) {
        Map<String, OfClass> old = byName(before);
        Map<String, OfClass> present = byName(now);
        List<String> gone =
                old.keySet().stream().filter(name -> !present.containsKey(name)).collect(Collectors.toList());
        List<String> added = present.keySet().stream()
                .filter(name -> !old.containsKey(name) && !leftOut.contains(name))
                .collect(Collectors.toList());
        Map<String, String> renamed = new LinkedHashMap<>();
        for (String name : gone) {
            List<String> same = added.stream()
                    .filter(other -> isSame(old, name, present, other))
                    .toList();
            // of two that could be meant neither is
            if (same.size() == 1
                    && gone.stream()
                                    .filter(other -> isSame(old, other, present, same.get(0)))
                                    .count()
                            == 1) {
                renamed.put(name, same.get(0));
            }
        }
        gone.removeAll(renamed.keySet());
        added.removeAll(renamed.values());
        // a class that was empty or without a folder already has not gone now
        gone.removeIf(name -> {
            Map<String, Long> theirs = Objects.requireNonNull(old.get(name)).pictures();
            return theirs != null && theirs.isEmpty();
        });
        List<String> pictures = new ArrayList<>();
        for (OfClass each : before) {
            OfClass other = present.get(each.name());
            if (other != null && each.pictures() != null && other.pictures() != null) {
                compare(each.name(), each.pictures(), other.pictures(), each.replaced(other), pictures);
            }
        }
        return new InventoryChanges(renamed, List.copyOf(gone), List.copyOf(added), List.copyOf(pictures));
    }

    private static Map<String, OfClass> byName(List<OfClass> classes) {
        Map<String, OfClass> map = new LinkedHashMap<>();
        classes.forEach(each -> map.put(each.name(), each));
        return map;
    }

    private static boolean isSame(Map<String, OfClass> old, String name, Map<String, OfClass> present, String other) {
        return Objects.requireNonNull(old.get(name)).hasPicturesOf(Objects.requireNonNull(present.get(other)));
    }

    private static void compare(
            String name, Map<String, Long> before, Map<String, Long> now, List<String> replaced, List<String> phrases) {
        List<String> gone =
                before.keySet().stream().filter(key -> !now.containsKey(key)).toList();
        List<String> added =
                now.keySet().stream().filter(key -> !before.containsKey(key)).toList();
        List<String> other = now.keySet().stream()
                .filter(key -> before.containsKey(key) && !Objects.equals(before.get(key), now.get(key)))
                .toList();
        List<String> parts = new ArrayList<>();
        phrase(gone, "gone", parts);
        phrase(added, "new", parts);
        phrase(other, "of another size", parts);
        phrase(replaced, "of other content", parts);
        if (!parts.isEmpty()) {
            phrases.add("of class '" + name + "' " + String.join(" and ", parts));
        }
    }

    private static void phrase(List<String> names, String what, List<String> parts) {
        if (!names.isEmpty()) {
            parts.add(names.size() + (names.size() == 1 ? " picture is " : " pictures are ") + what + " ("
                    + abbreviated(names, NAMED) + ")");
        }
    }

    static String abbreviated(List<String> names, int most) {
        return names.stream().limit(most).collect(Collectors.joining(", ")) + (names.size() > most ? ", …" : "");
    }

    boolean isEmpty() {
        return renamed.isEmpty() && gone.isEmpty() && added.isEmpty() && pictures.isEmpty();
    }

    /** All of them in words, for one line. */
    String inWords() {
        List<String> words = new ArrayList<>();
        renamed.forEach((from, to) -> words.add("class '" + from + "' is called '" + to + "' now"));
        if (!gone.isEmpty()) {
            words.add((gone.size() == 1 ? "class " : gone.size() + " classes ")
                    + abbreviated(gone, NAMED_CLASSES)
                    + (gone.size() == 1 ? " is gone" : " are gone"));
        }
        if (!added.isEmpty()) {
            words.add((added.size() == 1 ? "class " : added.size() + " classes ")
                    + abbreviated(added, NAMED_CLASSES)
                    + (added.size() == 1 ? " is new" : " are new"));
        }
        words.addAll(pictures.subList(0, Math.min(NAMED_CLASSES, pictures.size())));
        if (pictures.size() > NAMED_CLASSES) {
            words.add("pictures of " + (pictures.size() - NAMED_CLASSES) + " more classes changed");
        }
        return String.join("; ", words);
    }
}
