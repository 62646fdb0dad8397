package dev.thinkingvit.data;

import dev.thinkingvit.files.FileNames;
import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/** Finds picture files. */
public final class PictureFiles {

    private static final Set<String> EXTENSIONS = Set.of("jpg", "jpeg", "png", "bmp", "gif", "webp");

    private PictureFiles() {}

    /** Whether a file's name ends as a picture's does, in any case. Names that begin with a dot do not count. */
    public static boolean isPictureName(Path file) {
        Path name = file.getFileName();
        if (name == null || isHidden(file)) {
            return false;
        }
        String text = name.toString();
        int dot = text.lastIndexOf('.');
        return dot >= 0 && EXTENSIONS.contains(text.substring(dot + 1).toLowerCase(Locale.ROOT));
    }

    /**
     * Files as they are named, whatever their extension, and folders as the pictures below them, sorted by path. Each
     * file once, in the order first met.
     *
     * @throws DatasetException if a path does not exist, or nothing was found in all
     */
    public static List<Path> expand(List<Path> filesOrFolders) throws IOException {
        Collection<Path> found = new LinkedHashSet<>();
        for (Path path : filesOrFolders) {
            if (Files.isDirectory(path)) {
                found.addAll(below(path));
            } else if (Files.exists(path)) {
                found.add(path);
            } else {
                throw new DatasetException(path + ": " + Reasons.ofMissing(path));
            }
        }
        if (found.isEmpty()) {
            throw new DatasetException("No pictures in " + filesOrFolders + ": files ending in "
                    + EXTENSIONS.stream().sorted().toList() + " are looked for");
        }
        return List.copyOf(found);
    }

    /** The pictures in a folder and its folders, sorted by path; hidden files and folders are passed over. */
    static List<Path> below(Path folder) throws IOException {
        List<Path> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            files.filter(file -> isPictureName(file) && !inHiddenFolder(folder, file) && Files.isRegularFile(file))
                    .forEach(found::add);
        } catch (UncheckedIOException e) {
            throw new DatasetException(folder + ": cannot be listed: " + Reasons.line(e), e);
        }
        for (Path file : found) {
            FileNames.requireReadable(file);
        }
        found.sort(null);
        return found;
    }

    static boolean isHidden(Path file) {
        Path name = file.getFileName();
        return name != null && name.toString().startsWith(".");
    }

    private static boolean inHiddenFolder(Path folder, Path file) {
        for (Path part : folder.relativize(file)) {
            if (isHidden(part)) {
                return true;
            }
        }
        return false;
    }
}
