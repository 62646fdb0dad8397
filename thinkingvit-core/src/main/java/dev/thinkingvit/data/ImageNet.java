package dev.thinkingvit.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/**
 * The 1,000 classes of ImageNet-1k in the order in which networks count them: sorted by synset, WordNet's number of a
 * meaning ({@code n01440764}), with all of its names ({@code tench, Tinca tinca}).
 */
public final class ImageNet {
    /** How many classes there are. */
    public static final int CLASSES = 1000;

    private static final String PLACE = "imagenet/";

    private ImageNet() {}

    /** What is read once, when it is first asked for. */
    private static final class Tables {
        static final List<String> SYNSETS = new ArrayList<>();
        static final List<String> NAMES = new ArrayList<>();
        static final List<String> SHORT_NAMES = new ArrayList<>();
        static final List<String> LOOSE_NAMES = new ArrayList<>();

        static {
            for (String line : lines("classes.txt")) {
                int tab = line.indexOf('\t');
                SYNSETS.add(line.substring(0, tab));
                NAMES.add(line.substring(tab + 1));
                LOOSE_NAMES.add(loose(line.substring(tab + 1)));
            }
            List<String> first =
                    NAMES.stream().map(names -> names.split(",", -1)[0]).toList();
            for (int i = 0; i < first.size(); i++) {
                boolean alone = Collections.frequency(first, first.get(i)) == 1;
                SHORT_NAMES.add(alone ? first.get(i) : first.get(i) + " (" + SYNSETS.get(i) + ")");
            }
        }
    }

    /** {@code n01440764} of each class. Unmodifiable. */
    public static List<String> synsets() {
        return Collections.unmodifiableList(Tables.SYNSETS);
    }

    /** All names of each class, the first one first: {@code tench, Tinca tinca}. Unmodifiable. */
    public static List<String> names() {
        return Collections.unmodifiableList(Tables.NAMES);
    }

    /** The first name of each class, {@code tench}; two that share theirs have the synset behind it. Unmodifiable. */
    public static List<String> shortNames() {
        return Collections.unmodifiableList(Tables.SHORT_NAMES);
    }

    /**
     * Whether a network's classes are these, in this order: there are 1,000, and they have no names at all, as in most
     * published files, or at least half of them has one of the class's own. Libraries spell and choose names differently;
     * of another order, or another thousand, next to none would fit.
     *
     * @param labels what the network calls its classes, in order; empty if it does not say
     */
    public static boolean is(int classes, List<String> labels) {
        if (classes != CLASSES || labels.isEmpty()) {
            return classes == CLASSES;
        }
        int fitting = 0;
        for (int i = 0; i < CLASSES; i++) {
            fitting += isName(i, labels.get(i)) ? 1 : 0;
        }
        return 2 * fitting >= CLASSES;
    }

    /** Whether a class is called so: its synset, all of its names, or any of them; case does not matter. */
    public static boolean isName(int index, String label) {
        String wanted = loose(label);
        String names = Tables.LOOSE_NAMES.get(index);
        return wanted.equals(names)
                || wanted.equals(Tables.SYNSETS.get(index))
                || Arrays.asList(names.split(", ", -1)).contains(wanted.split(", ", -1)[0]);
    }

    /**
     * The synset of the one class that is called so; the label itself if none is, or several are.
     *
     * @param label a synset, all names of a class, or its first
     */
    static String synsetOf(String label) {
        String found = label;
        for (int i = 0; i < CLASSES; i++) {
            if (isName(i, label)) {
                if (!found.equals(label)) {
                    return label;
                }
                found = Tables.SYNSETS.get(i);
            }
        }
        return found;
    }

    private static String loose(String label) {
        return label.strip().replace('_', ' ').toLowerCase(Locale.ROOT);
    }

    /** The indices of a list of synsets that is one of this package's resources. */
    static int[] subset(String resource) {
        Map<String, Integer> indices = new HashMap<>();
        for (int i = 0; i < CLASSES; i++) {
            indices.put(Tables.SYNSETS.get(i), i);
        }
        return lines(resource).stream().mapToInt(indices::get).toArray();
    }

    /** The ReaL labels of the validation pictures: the text of the published JSON. */
    static String realLabels() {
        try (InputStream in = new GZIPInputStream(open("real.json.gz"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> lines(String resource) {
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(open(resource), StandardCharsets.UTF_8))) {
            return reader.lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream open(String resource) {
        return Objects.requireNonNull(ImageNet.class.getResourceAsStream(PLACE + resource), resource);
    }
}
