package dev.thinkingvit.data;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import dev.thinkingvit.picture.PixelLabels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Pictures and the classes of their pixels: a part of a data set, such as its training pictures. The layout is told by what
 * is in the folder:
 *
 * <ul>
 *   <li>ADE20K: {@code objectInfo150.txt} beside {@code images/training} and {@code annotations/training};
 *   <li>Cityscapes: {@code leftImg8bit/train/<city>} and {@code gtFine}, of which {@code *_labelTrainIds.png} are read, or
 *       {@code *_labelIds.png} where they have not been made;
 *   <li>Pascal VOC and Pascal Context: {@code JPEGImages}, {@code SegmentationClass} or {@code SegmentationClassContext},
 *       and lists of names below {@code ImageSets};
 *   <li>plain: {@code images/train} and {@code annotations/train}, or both without parts, and a {@code labels.txt} with a
 *       name a line, in the order of the numbers; a name after a hyphen is ignored. CamVid is one, whose names are known.
 * </ul>
 */
public final class SegmentationSet {
    private static final int NUMBERS = 256;
    private static final String NAMES = "labels.txt";

    private final Path root;
    private final String part;
    private final List<String> classNames;
    private final int[] classes; // of each number
    private final Map<Path, Path> annotations; // of each picture, in order

    private SegmentationSet(
            Path root, String part, List<String> classNames, int[] classes, Map<Path, Path> annotations) {
        this.root = root;
        this.part = part;
        this.classNames = List.copyOf(classNames);
        this.classes = classes;
        this.annotations = annotations;
    }

    /** Where a layout has its pictures, and what their annotations are called. */
    @SuppressWarnings("ArrayRecordComponent") // handed over
    private record Layout(List<String> classNames, int[] classes, Map<Path, Path> annotations) {}

    /**
     * Lists a part of a data set; reads no picture.
     *
     * @param part {@code train}, {@code val} or {@code test}; empty for a plain folder without parts
     * @throws DatasetException if the folder has no such layout or part, a picture has no annotation, or names are missing
     */
    public static SegmentationSet open(Path root, String part) throws IOException {
        Objects.requireNonNull(root, "the folder is null");
        Objects.requireNonNull(part, "the part is null");
        if (!Files.isDirectory(root)) {
            throw new DatasetException(
                    root + ": " + (Files.exists(root) ? "is not a folder" : Reasons.ofMissing(root)));
        }
        if (part.contains("/") || part.contains("\\") || part.startsWith(".")) {
            throw new DatasetException("a part is named as its folder is, such as train, got '" + part + "'");
        }
        Layout layout = layout(root, part);
        if (layout.annotations.isEmpty()) {
            throw new DatasetException(root + ": has no pictures" + (part.isEmpty() ? "" : " of the part " + part));
        }
        for (Map.Entry<Path, Path> pair : layout.annotations.entrySet()) {
            if (!Files.isRegularFile(pair.getValue())) {
                throw new DatasetException(pair.getKey() + ": has no annotation, " + pair.getValue() + " is expected");
            }
        }
        return new SegmentationSet(root, part, layout.classNames, layout.classes, layout.annotations);
    }

    /** Whether a folder has pictures with annotations of their pixels, whatever the part. */
    public static boolean isOne(Path root) {
        return Stream.of("annotations", "gtFine", "SegmentationClass", "SegmentationClassContext")
                .anyMatch(folder -> Files.isDirectory(root.resolve(folder)));
    }

    /** Whether a folder has {@code images} and {@code annotations} that are not divided into parts. */
    public static boolean isUndivided(Path root) {
        Objects.requireNonNull(root, "the folder is null");
        Path images = root.resolve("images");
        return Files.isDirectory(images) && parts(images).isEmpty();
    }

    /** The folders in a folder, by name. */
    private static List<String> parts(Path folder) {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(Files::isDirectory)
                    .map(path -> String.valueOf(path.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of(); // whoever reads the folder says why it cannot be read
        }
    }

    private static Layout layout(Path root, String part) throws IOException {
        if (Files.isDirectory(root.resolve("leftImg8bit"))) {
            return cityscapes(root, part);
        }
        if (Files.isDirectory(root.resolve("JPEGImages"))) {
            return pascal(root, part);
        }
        if (!Files.isDirectory(root.resolve("images")) || !Files.isDirectory(root.resolve("annotations"))) {
            throw new DatasetException(root
                    + ": is no data set of labelled pixels: folders images and annotations are required, or those of"
                    + " ADE20K, Cityscapes or Pascal");
        }
        Path ade = root.resolve("objectInfo150.txt");
        return Files.exists(ade) ? ade20k(root, ade, part) : plain(root, part);
    }

    private static Layout plain(Path root, String part) throws IOException {
        List<String> lines = names(root);
        List<String> names = new ArrayList<>();
        int[] classes = none();
        for (int number = 0; number < lines.size(); number++) {
            boolean ignored = lines.get(number).startsWith("-");
            classes[number] = ignored ? PixelLabels.IGNORED : names.size();
            if (!ignored) {
                names.add(lines.get(number));
            }
        }
        Path images = root.resolve("images").resolve(part);
        Path annotations = root.resolve("annotations").resolve(part);
        return new Layout(names, classes, sideBySide(images, annotations));
    }

    private static List<String> names(Path root) throws IOException {
        Path file = root.resolve(NAMES);
        if (Files.exists(file)) {
            List<String> lines = LabelFile.lines(file, TextFile.read(file));
            if (lines.size() > NUMBERS - 1) {
                throw new DatasetException(file + ": at most 255 names are possible, it has " + lines.size());
            }
            return lines;
        }
        String name = String.valueOf(root.toAbsolutePath().normalize().getFileName());
        if (name.toLowerCase(Locale.ROOT).equals("camvid")) {
            List<String> camvid = new ArrayList<>(SegmentationNames.CAMVID);
            camvid.add("-void");
            return camvid;
        }
        throw new DatasetException(file + ": is missing: the names of the classes, one a line, in the order of the"
                + " annotations' numbers; a hyphen before a name leaves its pixels out");
    }

    private static Layout ade20k(Path root, Path names, String part) throws IOException {
        List<String> classNames = new ArrayList<>();
        for (String line : TextFile.read(names).strip().split("\n", -1)) {
            String[] fields = line.split("\t", -1);
            if (fields.length >= 2 && !fields[0].equals("Idx")) {
                classNames.add(fields[fields.length - 1].strip().split(",", -1)[0]);
            }
        }
        if (classNames.size() != SegmentationNames.ADE20K_CLASSES) {
            throw new DatasetException(names + ": " + SegmentationNames.ADE20K_CLASSES + " names are expected, it has "
                    + classNames.size());
        }
        int[] classes = none();
        classes[0] = PixelLabels.IGNORED;
        for (int i = 0; i < classNames.size(); i++) {
            classes[i + 1] = i;
        }
        String folder = part.equals("train") ? "training" : part.equals("val") ? "validation" : part;
        return new Layout(
                classNames,
                classes,
                sideBySide(
                        root.resolve("images").resolve(folder),
                        root.resolve("annotations").resolve(folder)));
    }

    private static Layout cityscapes(Path root, String part) throws IOException {
        Path images = root.resolve("leftImg8bit").resolve(part);
        Path annotations = root.resolve("gtFine").resolve(part);
        Map<Path, Path> trainIds = new LinkedHashMap<>();
        Map<Path, Path> ids = new LinkedHashMap<>();
        for (Path picture : files(images)) {
            String name = images.relativize(picture).toString().replaceFirst("_leftImg8bit\\.\\w+$", "_gtFine_");
            trainIds.put(picture, annotations.resolve(name + "labelTrainIds.png"));
            ids.put(picture, annotations.resolve(name + "labelIds.png"));
        }
        boolean made = trainIds.values().stream().anyMatch(Files::isRegularFile);
        if (made || ids.values().stream().noneMatch(Files::isRegularFile)) {
            return new Layout(SegmentationNames.CITYSCAPES, inOrder(SegmentationNames.CITYSCAPES.size()), trainIds);
        }
        int[] classes = none();
        Arrays.fill(classes, 0, SegmentationNames.MOST_CITYSCAPES_ID + 1, PixelLabels.IGNORED);
        for (int i = 0; i < SegmentationNames.CITYSCAPES.size(); i++) {
            classes[SegmentationNames.CITYSCAPES_IDS.get(i)] = i;
        }
        return new Layout(SegmentationNames.CITYSCAPES, classes, ids);
    }

    private static Layout pascal(Path root, String part) throws IOException {
        boolean context = Files.isDirectory(root.resolve("SegmentationClassContext"));
        String sets = context ? "SegmentationContext" : "Segmentation";
        Path list = root.resolve("ImageSets").resolve(sets).resolve(part + ".txt");
        if (!Files.isRegularFile(list)) {
            throw new DatasetException(list + ": is missing: the names of the pictures of the part " + part);
        }
        Map<Path, Path> pairs = new LinkedHashMap<>();
        for (String name : LabelFile.lines(list, TextFile.read(list))) {
            pairs.put(
                    root.resolve("JPEGImages").resolve(name + ".jpg"),
                    root.resolve(context ? "SegmentationClassContext" : "SegmentationClass")
                            .resolve(name + ".png"));
        }
        List<String> names = context ? SegmentationNames.PASCAL_CONTEXT : SegmentationNames.PASCAL_VOC;
        return new Layout(names, inOrder(names.size()), pairs);
    }

    private static int[] none() {
        int[] classes = new int[NUMBERS];
        Arrays.fill(classes, -1);
        classes[PixelLabels.IGNORED] = PixelLabels.IGNORED;
        return classes;
    }

    private static int[] inOrder(int count) {
        int[] classes = none();
        for (int i = 0; i < count; i++) {
            classes[i] = i;
        }
        return classes;
    }

    /** Annotations of the pictures' names, but for the ending. */
    private static Map<Path, Path> sideBySide(Path images, Path annotations) throws IOException {
        Map<Path, Path> pairs = new LinkedHashMap<>();
        for (Path picture : files(images)) {
            String name = images.relativize(picture).toString();
            int dot = name.lastIndexOf('.');
            pairs.put(picture, annotations.resolve((dot < 0 ? name : name.substring(0, dot)) + ".png"));
        }
        return pairs;
    }

    private static List<Path> files(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            Path above = folder.getParent();
            List<String> parts = above == null ? List.of() : parts(above);
            throw new DatasetException(folder + ": " + Reasons.ofMissing(folder)
                    + (parts.isEmpty() ? "" : "; the parts that are there: " + String.join(", ", parts)));
        }
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .filter(PictureWalk::isPictureName)
                    .filter(file -> !String.valueOf(file.getFileName()).startsWith("."))
                    .sorted()
                    .toList();
        }
    }

    /** The data set's folder. */
    public Path root() {
        return root;
    }

    /** Which part of it this is; empty for all of it. */
    public String part() {
        return part;
    }

    /** In order. */
    public List<String> classNames() {
        return classNames;
    }

    /** In order, each with label 0: what a picture shows is told pixel by pixel. */
    public List<Sample> samples() {
        return annotations.keySet().stream().map(path -> new Sample(path, 0)).toList();
    }

    /**
     * The pictures as files below the folder that every part's lie in; the folder next below stands for their class.
     *
     * @throws IOException if they cannot be listed
     */
    public ImageFolder pictures() throws IOException {
        return folder(annotations.keySet(), "leftImg8bit", "images");
    }

    /**
     * The annotations of the pictures, as files in the same way.
     *
     * @throws IOException if they cannot be listed
     */
    public ImageFolder annotations() throws IOException {
        return folder(Set.copyOf(annotations.values()), "gtFine", "annotations");
    }

    private ImageFolder folder(Set<Path> files, String... names) throws IOException {
        Path below = Stream.of(names)
                .map(root::resolve)
                .filter(Files::isDirectory)
                .findFirst()
                .orElse(root);
        if (part.isEmpty()) {
            return ImageFolder.openFlat(below).onlyPictures(files);
        }
        Path first = files.iterator().next();
        String folder = String.valueOf(below.relativize(first).getName(0));
        return ImageFolder.open(below).only(Set.of(folder)).onlyPictures(files);
    }

    /**
     * The annotation of a picture.
     *
     * @throws IllegalArgumentException if the picture is none of this set
     */
    public Path annotation(Path picture) {
        Path annotation = annotations.get(picture);
        if (annotation == null) {
            throw new IllegalArgumentException(picture + ": is no picture of " + this);
        }
        return annotation;
    }

    /** The class that each number of an annotation stands for, a line each, by which a set is known again. */
    public String numbering() {
        StringBuilder lines = new StringBuilder();
        for (int number = 0; number < classes.length; number++) {
            int label = classes[number];
            String meaning =
                    label < 0 ? "none" : label == PixelLabels.IGNORED ? "left out" : "class " + classNames.get(label);
            lines.append(number).append(' ').append(meaning).append('\n');
        }
        return lines.toString();
    }

    /** A colour of each class as {@code 0xRRGGBB}: the data set's own where it has some. */
    public Optional<List<Integer>> palette() {
        if (classNames.equals(SegmentationNames.CITYSCAPES)) {
            return Optional.of(SegmentationNames.CITYSCAPES_COLOURS);
        }
        return classNames.equals(SegmentationNames.CAMVID)
                ? Optional.of(SegmentationNames.CAMVID_COLOURS)
                : Optional.empty();
    }

    /**
     * The classes of a picture's pixels.
     *
     * @throws IOException if its annotation is broken, or has a number that is no class: names file and pixel
     * @throws IllegalArgumentException if the picture is none of this set
     */
    public PixelLabels labels(Path picture) throws IOException {
        return AnnotationFile.read(annotation(picture), classes);
    }

    @Override
    public String toString() {
        return root + (part.isEmpty() ? "" : " (" + part + ")");
    }
}
