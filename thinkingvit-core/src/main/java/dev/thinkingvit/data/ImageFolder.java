package dev.thinkingvit.data;

import dev.thinkingvit.archive.ArchiveFileSystem;
import dev.thinkingvit.files.FileNames;
import dev.thinkingvit.picture.PictureFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A dataset with a folder per class: {@code root/{class}/….jpg}. Classes are the folders right below the root, sorted
 * by name as Python sorts (by code points), and labels their indices; pictures may lie at any depth below and are sorted
 * by path. Names are in Unicode's form C, so that folders written on other systems are the same classes. What is no
 * picture is counted ({@link #passedOver}). Nothing is decoded here.
 *
 * <p>Immutable: safe to share between threads.
 */
public final class ImageFolder {
    private static final int NAMED = 5;
    private static final int NO_LABEL = -1;

    private final Path root;
    private final boolean indices; // the folders' names are
    private final List<ClassFolder> folders;
    private final List<String> classNames;
    private final int[] labels; // by folder
    private final List<Sample> samples;
    private final PassedOver passedOver;
    private final @Nullable RealLabels real; // where they, and not the folders, say the classes

    /**
     * The folder of a class.
     *
     * @param name of the folder, in form C; empty for the root itself, where the data set is flat
     * @param path of the folder
     * @param pictures by name
     */
    private record ClassFolder(String name, Path path, List<PictureWalk.File> pictures) {
        /** What the names of its pictures start with. */
        String prefix() {
            return name.isEmpty() ? "" : name + "/";
        }
    }

    private ImageFolder(
            Path root,
            boolean indices,
            List<ClassFolder> folders,
            List<String> classNames,
            int[] labels,
            PassedOver passedOver) {
        this(root, indices, folders, classNames, labels, passedOver, samples(folders, labels), null);
    }

    private ImageFolder(
            Path root,
            boolean indices,
            List<ClassFolder> folders,
            List<String> classNames,
            int[] labels,
            PassedOver passedOver,
            List<Sample> samples,
            @Nullable RealLabels real) {
        this.root = root;
        this.indices = indices;
        this.folders = folders;
        this.classNames = classNames;
        this.labels = labels;
        this.passedOver = passedOver;
        this.samples = samples;
        this.real = real;
    }

    private static List<Sample> samples(List<ClassFolder> folders, int[] labels) {
        List<Sample> all = new ArrayList<>();
        for (int i = 0; i < labels.length; i++) {
            for (PictureWalk.File picture : folders.get(i).pictures()) {
                all.add(new Sample(picture.path(), labels[i]));
            }
        }
        return List.copyOf(all);
    }

    /**
     * Lists a dataset's files.
     *
     * @param folder a folder, or a tar or a folder of tars, which are read where they are: a tar with class folders, class
     *     tars, a tar of class tars, or WebDataset's shards, several of them also as {@code shards-{000..009}.tar}
     * @throws DatasetException if the root is no folder, holds no folders, one that cannot be read, or no pictures in any
     * @throws IOException if a tar is none, is cut short or is compressed
     */
    public static ImageFolder open(Path folder) throws IOException {
        return open(folder, false);
    }

    /**
     * As {@link #open}, but a folder or tar of pictures without class folders is taken too, for labels that go by the
     * pictures' names ({@link #withLabels(RealLabels, List)}).
     */
    public static ImageFolder openFlat(Path folder) throws IOException {
        return open(folder, true);
    }

    private static ImageFolder open(Path folder, boolean mayBeFlat) throws IOException {
        PassedOver.Counter counter = new PassedOver.Counter();
        TarSet.Root set = TarSet.rootOf(folder.toString().isEmpty() ? Path.of(".") : folder, counter);
        Path root = set.path();
        PictureWalk walk = PictureWalk.through(root, counter);
        if (!walk.unreadable().isEmpty()) {
            throw new DatasetException(walk.unreadable().get(0) + "; everything in a data set must be readable");
        }
        Map<String, ClassFolder> byName = new TreeMap<>(PictureWalk::compare);
        for (Path classFolder : walk.folders()) {
            String name = className(classFolder);
            if (byName.put(name, new ClassFolder(name, classFolder, new ArrayList<>())) != null) {
                throw new DatasetException(root + ": two folders are named '" + name
                        + "', in different Unicode forms; put their pictures into one");
            }
        }
        List<PictureWalk.File> beside = new ArrayList<>();
        for (PictureWalk.File picture : walk.pictures()) {
            int slash = picture.name().indexOf('/');
            if (slash < 0) {
                beside.add(picture);
            } else {
                ClassFolder of = byName.get(picture.name().substring(0, slash));
                if (of == null) {
                    throw new DatasetException(picture.path() + ": appeared while the folder was read; try again");
                }
                of.pictures().add(picture);
            }
        }
        if (byName.isEmpty() && mayBeFlat && !beside.isEmpty()) {
            byName.put("", new ClassFolder("", root, beside));
        } else {
            beside.forEach(picture -> counter.add(set.misplaced(), false, picture.path()));
        }
        PassedOver passedOver = counter.done();
        if (byName.isEmpty()) {
            throw new DatasetException(MeantFolder.noFolders(
                    root, beside.stream().map(PictureWalk.File::path).toList(), passedOver));
        }
        List<ClassFolder> folders = List.copyOf(byName.values());
        if (folders.stream().allMatch(each -> each.pictures().isEmpty())) {
            throw new DatasetException(MeantFolder.noPictures(
                    root, folders.stream().map(ClassFolder::name).toList(), passedOver));
        }
        List<String> names = folders.stream().map(ClassFolder::name).toList();
        return new ImageFolder(
                root,
                set.indices(),
                folders,
                names,
                IntStream.range(0, names.size()).toArray(),
                passedOver);
    }

    private static String className(Path folder) throws IOException {
        return PictureWalk.composed(FileNames.of(folder)); // the name is a label
    }

    /**
     * The same pictures labelled as a model counts its classes: each folder gets the index of its name in
     * {@code labelNames}, and {@link #classNames} are those names. Unicode's forms do not matter. A folder without
     * pictures needs no label.
     *
     * @throws DatasetException if the model does not know a folder's name, or has a name twice that a folder bears
     */
    public ImageFolder withLabels(List<String> labelNames) throws DatasetException {
        Map<String, Integer> first = new HashMap<>();
        Map<String, Integer> last = new HashMap<>();
        for (int i = 0; i < labelNames.size(); i++) {
            first.putIfAbsent(PictureWalk.composed(labelNames.get(i)), i);
            last.put(PictureWalk.composed(labelNames.get(i)), i);
        }
        int[] found = new int[folders.size()];
        for (int i = 0; i < found.length; i++) {
            String folder = folders.get(i).name();
            int number = indices && number(folder) < labelNames.size() ? number(folder) : NO_LABEL;
            found[i] = first.getOrDefault(folder, number);
            if (found[i] == NO_LABEL && !folders.get(i).pictures().isEmpty()) {
                throw new DatasetException(root.resolve(folder) + ": the model has no label '" + folder + "' among its "
                        + labelNames.size() + ": " + abbreviated(labelNames)
                        + MeantFolder.likeLabel(folder, labelNames));
            }
            if (found[i] != NO_LABEL && last.getOrDefault(folder, found[i]) != found[i]) {
                throw new DatasetException(root.resolve(folder) + ": the model has the label '" + folder
                        + "' twice; a class map must say which is meant");
            }
        }
        return labelled(List.copyOf(labelNames), found);
    }

    /** Of several names of one class, as ImageNet's have them. */
    private static String firstName(String label) {
        return label.split(", ", -1)[0];
    }

    static String abbreviated(List<String> names) {
        return names.stream().limit(NAMED).collect(Collectors.joining(", ")) + (names.size() > NAMED ? ", …" : "");
    }

    /**
     * The same pictures labelled by a map from folder names; {@link #classNames} are the model's, by index.
     *
     * @throws DatasetException if the map lacks a folder with pictures, or gives an index that the model has not
     */
    public ImageFolder withLabels(ClassMap map, List<String> labelNames) throws DatasetException {
        int[] found = new int[folders.size()];
        for (int i = 0; i < found.length; i++) {
            ClassFolder folder = folders.get(i);
            found[i] = folder.pictures().isEmpty() && !map.has(folder.name()) ? NO_LABEL : map.indexOf(folder.name());
            if (found[i] >= labelNames.size()) {
                throw new DatasetException(map + ": '" + folder.name() + "' has index " + found[i] + ", the model has "
                        + labelNames.size() + " classes");
            }
        }
        return labelled(List.copyOf(labelNames), found);
    }

    /**
     * The same pictures, each with the first of its right answers, whatever its folder; {@link #classNames} are the
     * model's, by index. A picture without a right answer is not to be counted, and has label 0.
     *
     * @throws DatasetException if there is no entry for a picture
     */
    public ImageFolder withLabels(RealLabels real, List<String> labelNames) throws DatasetException {
        real.requireEntries(samples.stream().map(Sample::path).toList());
        List<Sample> labelled = new ArrayList<>();
        for (Sample sample : samples) {
            int[] right = real.labelsOf(sample.path());
            labelled.add(new Sample(sample.path(), right.length == 0 ? 0 : right[0]));
        }
        List<String> names = List.copyOf(labelNames);
        return new ImageFolder(root, indices, folders, names, labels, passedOver, List.copyOf(labelled), real);
    }

    /**
     * The same pictures for a model that names none of its classes. Folders that are numbered from 0 to below
     * {@code classes} say their indices themselves, whatever their order as text; others are counted as they are sorted.
     *
     * @throws DatasetException if they are not numbered and there is not a folder for each class
     */
    public ImageFolder withLabels(int classes) throws DatasetException {
        int[] found = folders.stream().mapToInt(folder -> number(folder.name())).toArray();
        boolean numbered = Arrays.stream(found).allMatch(index -> index >= 0 && index < classes)
                && Arrays.stream(found).distinct().count() == found.length;
        if (!numbered && folders.size() != classes) {
            throw new DatasetException(root + ": the model names none of its " + classes + " classes and there "
                    + (folders.size() == 1 ? "is 1 folder" : "are " + folders.size() + " folders")
                    + "; --class-map must say which is which");
        }
        List<String> names = numbered
                ? IntStream.range(0, classes).mapToObj(Integer::toString).toList()
                : folderNames();
        return labelled(names, numbered ? found : IntStream.range(0, classes).toArray());
    }

    private static int number(String name) {
        return name.matches("\\d{1,9}") ? Integer.parseInt(name) : NO_LABEL;
    }

    /** The same without all folders but some. */
    public ImageFolder only(Set<String> folderNames) {
        List<ClassFolder> kept = folders.stream()
                .filter(folder -> folderNames.contains(folder.name()))
                .toList();
        List<String> names = kept.stream().map(ClassFolder::name).toList();
        return new ImageFolder(
                root, indices, kept, names, IntStream.range(0, names.size()).toArray(), passedOver);
    }

    /** The same without all pictures but some. */
    ImageFolder onlyPictures(Set<Path> pictures) {
        List<ClassFolder> kept = folders.stream()
                .map(folder -> new ClassFolder(
                        folder.name(),
                        folder.path(),
                        folder.pictures().stream()
                                .filter(file -> pictures.contains(file.path()))
                                .toList()))
                .toList();
        return new ImageFolder(root, indices, kept, classNames, labels, passedOver);
    }

    private ImageFolder labelled(List<String> names, int[] found) {
        List<ClassFolder> known = new ArrayList<>();
        List<Integer> kept = new ArrayList<>();
        for (int i = 0; i < found.length; i++) {
            if (found[i] != NO_LABEL) {
                known.add(folders.get(i));
                kept.add(found[i]);
            }
        }
        int[] theirs = kept.stream().mapToInt(Integer::intValue).toArray();
        return new ImageFolder(root, indices, List.copyOf(known), names, theirs, passedOver);
    }

    /** The dataset's folder. */
    public Path root() {
        return root;
    }

    /** Whether the pictures lie in no class folders. */
    public boolean isFlat() {
        return folders.size() == 1 && folders.get(0).name().isEmpty();
    }

    /** The names of the class folders, sorted, whatever their labels; an empty one for a flat data set. */
    public List<String> folderNames() {
        return folders.stream().map(ClassFolder::name).toList();
    }

    /** Class names by label. */
    public List<String> classNames() {
        return classNames;
    }

    /** All pictures with their labels, folder by folder. */
    public List<Sample> samples() {
        return samples;
    }

    /** What the folder holds besides pictures of its classes. */
    public PassedOver passedOver() {
        return passedOver;
    }

    /** The class folders without a picture, by name. */
    public List<String> emptyFolders() {
        return folders.stream()
                .filter(folder -> folder.pictures().isEmpty())
                .map(ClassFolder::name)
                .toList();
    }

    /** Each class folder's pictures: size in bytes by path within the folder. */
    public Map<String, Map<String, Long>> pictures() {
        Map<String, Map<String, Long>> all = new LinkedHashMap<>();
        for (ClassFolder folder : folders) {
            Map<String, Long> sizes = new LinkedHashMap<>();
            folder.pictures()
                    .forEach(file ->
                            sizes.put(file.name().substring(folder.prefix().length()), file.bytes()));
            all.put(folder.name(), sizes);
        }
        return all;
    }

    /**
     * The same, in the same order, with pictures that were here once and have a place to keep: those of {@code names}, as
     * {@code class/name}, that are missing and whose class has a folder. Reading one fails.
     */
    public ImageFolder keeping(Set<String> names) {
        List<ClassFolder> kept = new ArrayList<>();
        for (ClassFolder folder : folders) {
            String start = folder.prefix();
            Set<String> present =
                    folder.pictures().stream().map(PictureWalk.File::name).collect(Collectors.toSet());
            List<PictureWalk.File> pictures = new ArrayList<>(folder.pictures());
            for (String name : names) {
                if (name.startsWith(start) && !present.contains(name)) {
                    pictures.add(new PictureWalk.File(folder.path().resolve(name.substring(start.length())), name, 0));
                }
            }
            pictures.sort((a, b) -> PictureWalk.compare(a.name(), b.name()));
            kept.add(new ClassFolder(folder.name(), folder.path(), List.copyOf(pictures)));
        }
        return new ImageFolder(root, indices, List.copyOf(kept), classNames, labels, passedOver);
    }

    /** Path of a picture below the root, as {@code class/name} of {@link #pictures}. */
    public String nameOf(Sample sample) {
        return PictureWalk.nameBelow(root, sample.path());
    }

    /**
     * Refuses what nothing can be learnt for.
     *
     * @throws DatasetException if a class folder has no pictures
     */
    public void requirePictures() throws IOException {
        List<String> empty = emptyFolders();
        if (empty.isEmpty()) {
            return;
        }
        PassedOver.Counter counter = new PassedOver.Counter();
        for (ClassFolder folder : folders) {
            if (folder.pictures().isEmpty()) {
                PictureWalk.through(folder.path(), counter);
            }
        }
        throw new DatasetException(root + ": no pictures of " + (empty.size() == 1 ? "class " : "classes ")
                + abbreviated(empty) + "; remove what is no class, or put " + PictureFormat.NAMES + " pictures in"
                + counter.done().inBrief());
    }

    /** What people should know of the folder, a line each: what was passed over, and what its names may hide. */
    public List<String> remarks() {
        List<String> remarks = new ArrayList<>(ArchiveFileSystem.notesOn(root));
        remarks.addAll(passedOver.lines());
        if (!emptyFolders().isEmpty()) {
            remarks.add("note: no pictures of " + abbreviated(emptyFolders()) + " in " + root);
        }
        long deeper = folders.stream()
                .flatMap(folder -> folder.pictures().stream())
                .filter(file -> file.name().indexOf('/') != file.name().lastIndexOf('/'))
                .count();
        if (deeper > 0) {
            remarks.add(
                    deeper == samples.size()
                            ? "warning: every picture lies in a folder below " + abbreviated(folderNames()) + " in "
                                    + root + "; these are taken for the classes: is it one folder too high?"
                            : String.format(
                                    "note: %d of %d pictures lie in folders below the class folders and count for these",
                                    deeper, samples.size()));
        }
        Map<String, List<String>> alike =
                folderNames().stream().collect(Collectors.groupingBy(name -> name.toLowerCase(Locale.ROOT)));
        alike.values().stream()
                .filter(names -> names.size() > 1)
                .forEach(names -> remarks.add("note: classes " + String.join(", ", names) + " differ in case only"));
        return remarks;
    }

    /** A note on classes that are numbers, and how they are counted; empty where there is but one way. */
    public List<String> remarksOnOrder() {
        List<String> names = folderNames();
        List<String> byNumber = names.stream()
                .filter(name -> number(name) >= 0)
                .sorted((a, b) -> Integer.compare(number(a), number(b)))
                .toList();
        return byNumber.size() < names.size() || byNumber.equals(names)
                ? List.of()
                : List.of("note: the class folders are numbers; "
                        + (classNames.equals(names)
                                ? "they are counted as they are sorted as text: " + abbreviated(names)
                                : "each is the number of a class of the model, counted from 0"));
    }

    /** The labels, by name, of which there is no picture. */
    public List<String> labelsWithoutPictures() {
        boolean[] present = new boolean[classNames.size()];
        for (Sample sample : samples) {
            for (int label : real == null ? new int[] {sample.label()} : real.known(sample.path())) {
                present[label] = true;
            }
        }
        return IntStream.range(0, present.length)
                .filter(label -> !present[label])
                .mapToObj(classNames::get)
                .toList();
    }

    /** A note where the pictures cover only some of the labels. */
    public List<String> remarksOnCover() {
        List<String> without = labelsWithoutPictures();
        return without.isEmpty()
                ? List.of()
                : List.of(String.format(
                        "note: %s has pictures of %d of the model's %d classes, none of %s",
                        root,
                        classNames.size() - without.size(),
                        classNames.size(),
                        abbreviated(without.stream().map(ImageFolder::firstName).toList())));
    }

    /** Which labels have a folder: by label, as long as {@link #classNames}. */
    public boolean[] labelsPresent() {
        boolean[] present = new boolean[classNames.size()];
        for (int label : labels) {
            present[label] = true;
        }
        return present;
    }

    /** The root, the number of pictures and of classes. */
    @Override
    public String toString() {
        return root + " (" + samples.size() + (samples.size() == 1 ? " picture" : " pictures")
                + (isFlat() ? ")" : " in " + folders.size() + (folders.size() == 1 ? " folder)" : " folders)"));
    }
}
