package dev.thinkingvit.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds out which of a network's classes the folders of a data set are, where nobody says. Folders may be called in any
 * one way in which the classes are ({@link #namings}); those of ImageNet's classes also by number, and with more behind
 * the synset ({@code n02085620-Chihuahua}).
 */
public final class ClassFinder {
    private static final Pattern SYNSET = Pattern.compile("(n\\d{8})([\\W_].*)?");
    private static final Pattern NUMBER = Pattern.compile("\\d{1,9}");

    private final int classes;
    private final List<String> labels;
    private final List<String> shown;
    private final boolean imagenet;

    /**
     * @param classes how many the network has
     * @param labels what it calls them, in order; empty if it does not say
     */
    public ClassFinder(int classes, List<String> labels) {
        this.classes = classes;
        this.labels = List.copyOf(labels);
        this.imagenet = ImageNet.is(classes, labels);
        this.shown = labels.isEmpty() && imagenet ? ImageNet.names() : this.labels;
    }

    /** Every way in which the classes are called, in order; none where nothing names them. */
    public List<List<String>> namings() {
        List<List<String>> namings = new ArrayList<>();
        if (!labels.isEmpty()) {
            namings.add(labels);
            namings.add(labels.stream().map(ImageNet::synsetOf).toList());
        }
        if (imagenet) {
            namings.addAll(List.of(ImageNet.synsets(), ImageNet.names(), ImageNet.shortNames()));
        }
        return namings;
    }

    /**
     * The same pictures labelled as the network counts its classes.
     *
     * @param others more ways in which the classes are called, in order; those of another number are passed over
     * @throws DatasetException if a folder with pictures is none of the network's classes, or may be several: names it
     */
    public ImageFolder label(ImageFolder folder, List<List<String>> others) throws DatasetException {
        return label(folder, others, null);
    }

    /**
     * As {@link #label(ImageFolder, List)}; where the folders are not the network's classes, or there are none, each
     * picture has the label that goes by its name.
     *
     * @param real the labels by name; null for none
     */
    public ImageFolder label(ImageFolder folder, List<List<String>> others, @Nullable RealLabels real)
            throws DatasetException {
        Set<String> names = new HashSet<>(folder.folderNames());
        folder.emptyFolders().forEach(names::remove);
        List<List<String>> namings = new ArrayList<>(namings());
        others.stream().filter(naming -> naming.size() == classes).forEach(namings::add);
        for (List<String> naming : folder.isFlat() ? List.<List<String>>of() : namings) {
            Map<String, Integer> indices = unambiguous(naming);
            if (indices.keySet().containsAll(names)) {
                return folder.withLabels(ClassMap.of("the model's labels", indices), shown.isEmpty() ? naming : shown);
            }
        }
        if (areNumbers(names)) {
            Map<String, Integer> indices = new HashMap<>();
            names.forEach(name -> indices.put(name, number(name)));
            return folder.withLabels(ClassMap.of("the folders' numbers", indices), shown);
        }
        if (imagenet && names.stream().anyMatch(name -> SYNSET.matcher(name).matches())) {
            return folder.withLabels(bySynset(folder, names), shown);
        }
        if (real != null) {
            return folder.withLabels(real, labelNames());
        }
        List<Set<String>> known =
                namings.stream().map(naming -> unambiguous(naming).keySet()).toList();
        String below = MeantFolder.below(folder, found -> areClasses(found, known));
        if (below != null) {
            throw new DatasetException(below);
        }
        if (imagenet && folder.folderNames().size() != classes) {
            throw new DatasetException(MeantFolder.notOfImageNet(folder, namings));
        }
        return labels.isEmpty() ? folder.withLabels(classes) : folder.withLabels(labels);
    }

    private List<String> labelNames() {
        return shown.isEmpty()
                ? IntStream.range(0, classes).mapToObj(Integer::toString).toList()
                : shown;
    }

    /** Whether folders look like those of a data set for the network. */
    private boolean areClasses(Set<String> names, List<Set<String>> known) {
        return known.stream().anyMatch(naming -> naming.containsAll(names))
                || areNumbers(names)
                || (imagenet && names.stream().anyMatch(name -> synset(name) >= 0))
                || (known.isEmpty() && names.size() == classes);
    }

    private boolean areNumbers(Set<String> names) {
        return imagenet
                && names.stream().allMatch(name -> number(name) < classes)
                && names.stream().map(ClassFinder::number).distinct().count() == names.size(); // not both 1 and 01
    }

    /** The class whose synset a name is, perhaps with more behind; -1 for none. */
    private static int synset(String name) {
        Matcher matcher = SYNSET.matcher(name);
        return matcher.matches() ? ImageNet.synsets().indexOf(matcher.group(1)) : -1;
    }

    private static ClassMap bySynset(ImageFolder folder, Set<String> names) throws DatasetException {
        Map<String, Integer> indices = new HashMap<>();
        for (String name : folder.folderNames()) {
            int index = synset(name);
            if (index >= 0) {
                indices.put(name, index);
            } else if (names.contains(name)) {
                throw new DatasetException(folder.root().resolve(name)
                        + (SYNSET.matcher(name).matches()
                                ? ": '" + name + "' is none of the 1,000 synsets of ImageNet-1k, which the model knows"
                                : ": the other folders are synsets (n01440764), '" + name + "' is none")
                        + MeantFolder.likeLabel(name, ImageNet.synsets())
                        + "; remove it, or say with a class map which class it is");
            }
        }
        return ClassMap.of("ImageNet's synsets", indices);
    }

    private static int number(String name) {
        return NUMBER.matcher(name).matches() ? Integer.parseInt(name) : Integer.MAX_VALUE;
    }

    /** Index of each name in form C that one class alone bears. */
    private static Map<String, Integer> unambiguous(List<String> naming) {
        Map<String, Integer> indices = new LinkedHashMap<>();
        Set<String> several = new HashSet<>();
        for (int i = 0; i < naming.size(); i++) {
            String name = PictureWalk.composed(naming.get(i));
            if (indices.put(name, i) != null) {
                several.add(name);
            }
        }
        indices.keySet().removeAll(several);
        return indices;
    }
}
