package dev.thinkingvit.data;

import dev.thinkingvit.files.FileNames;
import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A dataset with a folder per class: {@code root/{class}/….jpg}. Classes are the folders right below the root, sorted
 * by name, and labels their indices; pictures may lie at any depth below and are sorted by path. Hidden files and
 * folders are passed over. Files are found by name only: nothing is decoded here.
 *
 * <p>Immutable: safe to share between threads.
 */
public final class ImageFolder {
    private static final int NAMED_LABELS = 5;

    private final Path root;
    private final List<String> folders;
    private final List<String> classNames;
    private final List<Sample> samples;
    private final int[] labelOfFolder;

    private ImageFolder(
            Path root, List<String> folders, List<String> classNames, List<Sample> samples, int[] labelOfFolder) {
        this.root = root;
        this.folders = folders;
        this.classNames = classNames;
        this.samples = samples;
        this.labelOfFolder = labelOfFolder;
    }

    /**
     * Lists a dataset's files.
     *
     * @throws DatasetException if the root is no folder, holds no folders, or no pictures are found in any
     */
    public static ImageFolder open(Path root) throws IOException {
        if (!Files.exists(root)) {
            throw new DatasetException(root + ": " + Reasons.ofMissing(root));
        }
        if (!Files.isDirectory(root)) {
            throw new DatasetException(root + ": a folder with a folder per class is needed, this is a file");
        }
        List<Path> classes;
        try (Stream<Path> entries = Files.list(root)) {
            classes = entries.filter(entry -> Files.isDirectory(entry) && !PictureFiles.isHidden(entry))
                    .sorted()
                    .toList();
        }
        if (classes.isEmpty()) {
            throw new DatasetException(root + ": a folder per class is needed, there are no folders in it");
        }
        List<String> names = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        int[] labels = new int[classes.size()];
        for (int label = 0; label < classes.size(); label++) {
            Path folder = classes.get(label);
            names.add(FileNames.of(folder));
            labels[label] = label;
            for (Path file : PictureFiles.below(folder)) {
                samples.add(new Sample(file, label));
            }
        }
        if (samples.isEmpty()) {
            throw new DatasetException(root + ": no pictures in its " + classes.size() + " class folders");
        }
        List<String> folders = List.copyOf(names);
        return new ImageFolder(root, folders, folders, List.copyOf(samples), labels);
    }

    /**
     * The same pictures labelled as a model counts its classes: each folder gets the index of its name in
     * {@code labelNames}, and {@link #classNames} are those names.
     *
     * @throws DatasetException if the model does not know a folder's name, or has a name twice that a folder bears
     */
    public ImageFolder withLabels(List<String> labelNames) throws DatasetException {
        int[] labels = new int[folders.size()];
        for (int i = 0; i < labels.length; i++) {
            String folder = folders.get(i);
            labels[i] = labelNames.indexOf(folder);
            if (labels[i] < 0) {
                throw new DatasetException(root.resolve(folder) + ": the model has no label '" + folder + "' among its "
                        + labelNames.size() + ": " + abbreviated(labelNames));
            }
            if (labelNames.lastIndexOf(folder) != labels[i]) {
                throw new DatasetException(root.resolve(folder) + ": the model has the label '" + folder
                        + "' twice; a class map must say which is meant");
            }
        }
        return relabelled(List.copyOf(labelNames), labels);
    }

    private static String abbreviated(List<String> names) {
        int shown = Math.min(NAMED_LABELS, names.size());
        return String.join(", ", names.subList(0, shown)) + (shown < names.size() ? ", …" : "");
    }

    /**
     * The same pictures labelled by a map from folder names; {@link #classNames} are the model's, by index.
     *
     * @throws DatasetException if the map lacks a folder, or gives an index that the model has not
     */
    public ImageFolder withLabels(ClassMap map, List<String> labelNames) throws DatasetException {
        int[] labels = new int[folders.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = map.indexOf(folders.get(i));
            if (labels[i] >= labelNames.size()) {
                throw new DatasetException(map + ": '" + folders.get(i) + "' has index " + labels[i]
                        + ", the model has " + labelNames.size() + " classes");
            }
        }
        return relabelled(List.copyOf(labelNames), labels);
    }

    private ImageFolder relabelled(List<String> names, int[] labels) {
        List<Sample> relabelled = new ArrayList<>(samples.size());
        // A sample's present label tells its folder by way of the present mapping; folders keep their order.
        int folder = 0;
        for (Sample sample : samples) {
            while (!sample.path().startsWith(root.resolve(folders.get(folder)))) {
                folder++;
            }
            relabelled.add(new Sample(sample.path(), labels[folder]));
        }
        return new ImageFolder(root, folders, names, List.copyOf(relabelled), labels);
    }

    /** The dataset's folder. */
    public Path root() {
        return root;
    }

    /** The names of the class folders, sorted, whatever their labels. */
    public List<String> folderNames() {
        return folders;
    }

    /** Class names by label. */
    public List<String> classNames() {
        return classNames;
    }

    /** All pictures with their labels, folder by folder. */
    public List<Sample> samples() {
        return samples;
    }

    /** Which labels have a folder: by label, as long as {@link #classNames}. */
    public boolean[] labelsPresent() {
        boolean[] present = new boolean[classNames.size()];
        for (int label : labelOfFolder) {
            present[label] = true;
        }
        return present;
    }

    /** The root, the number of pictures and of classes. */
    @Override
    public String toString() {
        return root + " (" + samples.size() + " pictures in " + folders.size() + " folders)";
    }
}
