package dev.thinkingvit.data;

import dev.thinkingvit.files.FileNames;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.picture.OtherFormats;
import dev.thinkingvit.picture.PictureFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One walk through a folder and everything below it, links followed. Each file in it is a picture, or passed over and
 * counted. A picture is a file whose name ends as one does; where the ending says nothing, the file's first bytes do.
 */
final class PictureWalk implements FileVisitor<Path> {
    /** Endings that are believed without a look into the file. */
    static final Set<String> ENDINGS = Set.of("jpg", "jpeg", "png", "bmp", "gif", "webp", "tif", "tiff");

    /** Folders of systems and file servers, in lower case; those with a dot in front are passed over anyway. */
    private static final Set<String> SYSTEM_FOLDERS = Set.of(
            "__macosx",
            "@eadir",
            "@recycle",
            "@recently-snapshot",
            "@tmp",
            "@__thumb",
            "#recycle",
            "#snapshot",
            "lost+found",
            "$recycle.bin",
            "recycler",
            "found.000",
            "system volume information",
            "__pycache__");

    private static final Set<String> SYSTEM_FILES = Set.of(
            "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "iconcache.db", "picasa.ini", "icon\r");

    /**
     * A picture's file.
     *
     * @param path of the file
     * @param name path below the folder that was walked, parted by '/', in Unicode's form C
     * @param bytes its size
     */
    record File(Path path, String name, long bytes) {}

    private final Path root;
    private final List<Path> folders = new ArrayList<>();
    private final List<File> pictures = new ArrayList<>();
    private final List<String> unreadable = new ArrayList<>();
    private final PassedOver.Counter passedOver;
    private final Predicate<Path> leftOut;

    private PictureWalk(Path root, PassedOver.Counter passedOver, Predicate<Path> leftOut) {
        this.root = root;
        this.leftOut = leftOut;
        this.passedOver = passedOver;
    }

    /** Walks through a folder. */
    static PictureWalk through(Path root, PassedOver.Counter passedOver) throws IOException {
        return through(root, passedOver, file -> false);
    }

    /** As {@link #through(Path, PassedOver.Counter)}, as if some files were not there. */
    static PictureWalk through(Path root, PassedOver.Counter passedOver, Predicate<Path> leftOut) throws IOException {
        PictureWalk walk = new PictureWalk(root, passedOver, leftOut);
        Files.walkFileTree(root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, walk);
        walk.pictures.sort((a, b) -> compare(a.name(), b.name()));
        return walk;
    }

    /** All pictures, by name. */
    List<File> pictures() {
        return pictures;
    }

    /** The folders right below the root, but for those of the system, in no order. */
    List<Path> folders() {
        return folders;
    }

    /** Folders that could not be listed, with the reason; they are counted as passed over too. */
    List<String> unreadable() {
        return unreadable;
    }

    /** A name in one form: a system may store é as one character or as two. */
    static String composed(String name) {
        return Normalizer.normalize(name, Normalizer.Form.NFC);
    }

    /** A path below a folder, parted by '/', in form C. */
    static String nameBelow(Path root, Path file) {
        return composed(
                root.relativize(file).toString().replace(root.getFileSystem().getSeparator(), "/"));
    }

    /** The order of code points, which is Python's. */
    static int compare(String a, String b) {
        int common = Math.min(a.length(), b.length());
        for (int i = 0; i < common; i++) {
            char one = a.charAt(i);
            char other = b.charAt(i);
            if (one != other) {
                boolean high = Character.isSurrogate(one);
                return high == Character.isSurrogate(other) ? one - other : high ? 1 : -1;
            }
        }
        return a.length() - b.length();
    }

    @Override
    public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
        if (folder.equals(root)) {
            return FileVisitResult.CONTINUE;
        }
        if (isOfSystem(folder)) {
            passedOver.add("system folders", true, folder);
            return FileVisitResult.SKIP_SUBTREE;
        }
        if (root.equals(folder.getParent())) {
            folders.add(folder);
        }
        return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
        if (leftOut.test(file)) {
            return FileVisitResult.CONTINUE;
        }
        String name = name(file);
        if (name.startsWith(".") || SYSTEM_FILES.contains(name.toLowerCase(Locale.ROOT))) {
            passedOver.add("system files", true, file);
        } else if (attributes.isSymbolicLink()) {
            passedOver.add("links to nothing", false, file);
        } else if (!attributes.isRegularFile()) {
            passedOver.add("pipes and devices", false, file);
        } else {
            String other = ENDINGS.contains(ending(name)) ? null : whatElse(file, name, attributes.size());
            if (other == null) {
                FileNames.requireReadable(file);
                pictures.add(new File(file, nameBelow(root, file), attributes.size()));
            } else {
                passedOver.add(other, false, file);
            }
        }
        return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path path, IOException e) throws IOException {
        if (path.equals(root)) {
            throw new DatasetException(root + ": " + Reasons.of(e), e);
        }
        if (e instanceof FileSystemLoopException) {
            passedOver.add("links that lead back", false, path);
        } else {
            passedOver.add("unreadable files and folders", false, path);
            unreadable.add(path + ": " + Reasons.of(e));
        }
        return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e) throws IOException {
        if (e != null) {
            throw new DatasetException(folder + ": cannot be listed to its end: " + Reasons.of(e), e);
        }
        return FileVisitResult.CONTINUE;
    }

    /** What a file is whose name says nothing; null if it is a picture. */
    private static @Nullable String whatElse(Path file, String name, long size) {
        String ending = ending(name);
        if (size == 0) {
            return "empty files";
        }
        if (OtherFormats.isRawName(ending)) {
            return "camera raw files";
        }
        byte[] head;
        try (InputStream in = Files.newInputStream(file)) {
            head = in.readNBytes(OtherFormats.TELLING_BYTES);
        } catch (IOException e) {
            return "unreadable files and folders";
        }
        if (PictureFormat.of(head) != null) {
            return null;
        }
        String kind = OtherFormats.of(head);
        if (kind != null) {
            return kind + " files";
        }
        return ending.isEmpty() ? "files without an ending" : "." + ending + " files";
    }

    /** Whether a folder or a file is one that systems make beside people's own. */
    static boolean isOfSystem(Path path) {
        String name = name(path).toLowerCase(Locale.ROOT);
        return name.startsWith(".") || SYSTEM_FOLDERS.contains(name) || SYSTEM_FILES.contains(name);
    }

    /** Whether a file is called as a picture is. */
    static boolean isPictureName(Path file) {
        return ENDINGS.contains(ending(name(file)));
    }

    private static String ending(String name) {
        int dot = name.lastIndexOf('.');
        return name.substring(dot + 1 > 0 ? dot + 1 : name.length()).toLowerCase(Locale.ROOT);
    }

    private static String name(Path path) {
        return String.valueOf(path.getFileName());
    }
}
