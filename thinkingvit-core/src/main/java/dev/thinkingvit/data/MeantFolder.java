package dev.thinkingvit.data;

import dev.thinkingvit.archive.Archives;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What to say where a folder is no data set for a network: which other folder, or name of one, is meant. */
final class MeantFolder {
    private static final int NAMED = 3;

    private MeantFolder() {}

    /**
     * Names the folders further down that are class folders.
     *
     * @param areClasses whether folders so called are the network's classes
     * @return the whole message; null if there are none
     */
    static @Nullable String below(ImageFolder set, Predicate<Set<String>> areClasses) {
        SortedMap<String, SortedSet<String>> deeper = new TreeMap<>(PictureWalk::compare);
        for (Sample sample : set.samples()) {
            String[] parts = set.nameOf(sample).split("/", -1);
            String parent = parts[0];
            for (int i = 1; i < parts.length - 1; i++) {
                deeper.computeIfAbsent(parent, each -> new TreeSet<>()).add(parts[i]);
                parent += "/" + parts[i];
            }
        }
        List<String> found = new ArrayList<>();
        deeper.forEach((parent, names) -> {
            if (areClasses.test(names)) {
                found.add(parent);
            }
        });
        if (found.isEmpty()) {
            return null;
        }
        // what a model is scored on is seldom what it was trained on
        String first =
                found.stream().filter(each -> !isForTraining(each)).findFirst().orElse(found.get(0));
        return set.root() + ": " + ImageFolder.abbreviated(set.folderNames())
                + (set.folderNames().size() == 1 ? " is no class" : " are no classes") + " of the model; those in "
                + String.join(" and in ", found.stream().limit(NAMED).toList())
                + (found.size() > NAMED ? ", …" : "") + " are: give --data "
                + set.root().resolve(first);
    }

    private static boolean isForTraining(String path) {
        return path.toLowerCase(Locale.ROOT).contains("train");
    }

    /** What to say of folders of which none is called as a class of ImageNet is. */
    static String notOfImageNet(ImageFolder set, List<List<String>> namings) {
        for (String folder : set.folderNames()) {
            for (List<String> naming : namings) {
                String meant = likeLabel(folder, naming);
                if (!meant.isEmpty()) {
                    return set.root().resolve(folder) + ": is no class of ImageNet" + meant
                            + " Rename the folder, or say with --class-map which class it is";
                }
            }
        }
        return set.root() + ": " + ImageFolder.abbreviated(set.folderNames())
                + (set.folderNames().size() == 1 ? " is no class" : " are no classes")
                + " of ImageNet: folders are called by synset (n01440764), by name (tench) or by number (0 … 999)"
                + (areValidation(set.samples().stream().map(Sample::path))
                        ? byName()
                        : "; --class-map takes other names");
    }

    /** What to say of a folder without folders. */
    static String noFolders(Path root, List<Path> pictures, PassedOver passedOver) {
        String start = root + ": a folder per class is needed, there are no folders in it";
        if (pictures.isEmpty()) {
            return start + (passedOver.kinds().isEmpty() ? "" : "; " + String.join("; ", passedOver.lines()));
        }
        start += " but " + (pictures.size() == 1 ? "1 picture" : pictures.size() + " pictures");
        Path above = root.toAbsolutePath().normalize().getParent();
        if (above != null && ImageNet.synsets().contains(String.valueOf(root.getFileName()))) {
            return start + ", as in a class's own folder: give --data " + above;
        }
        return start
                + (areValidation(pictures.stream())
                        ? byName()
                        : "; if they are of one class, the data set is the folder that holds this one");
    }

    /** What to say of class folders without pictures. */
    static String noPictures(Path root, List<String> folders, PassedOver passedOver) {
        String tars = passedOver.kinds().stream()
                .flatMap(kind -> kind.first().stream())
                .filter(file -> Archives.isTarName(file) || Archives.isCompressedName(file))
                .map(file -> String.valueOf(file.getParent()))
                .findFirst()
                .map(parent -> "; if the tars in it are the data set, give --data " + parent)
                .orElse("");
        return root + ": no pictures in its " + (folders.size() == 1 ? "only folder, " : folders.size() + " folders, ")
                + ImageFolder.abbreviated(folders) + passedOver.inBrief() + tars;
    }

    private static boolean areValidation(Stream<Path> pictures) {
        return pictures.allMatch(RealLabels::isValidation);
    }

    private static String byName() {
        return "; ImageNet's validation pictures can be scored as they lie with --dataset imagenet-real, whose answers go"
                + " by their names; else sort them into folders by synset (n01440764)";
    }

    /** A label that differs in case, blanks or strokes alone, as a question; nothing if there is none. */
    static String likeLabel(String folder, List<String> labels) {
        return labels.stream()
                .filter(label -> !label.equals(folder) && loose(label).equals(loose(folder)))
                .findFirst()
                .map(label -> "; is '" + label + "' meant?")
                .orElse("");
    }

    private static String loose(String name) {
        return PictureWalk.composed(name)
                .toLowerCase(Locale.ROOT)
                .replaceAll("[\\s_-]+", " ")
                .strip();
    }
}
