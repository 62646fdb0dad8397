package dev.thinkingvit.data;

import dev.thinkingvit.archive.Archives;
import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Pictures found in files and folders.
 *
 * @param pictures each once, in the order first met; those of a folder by name
 * @param passedOver what else the folders hold
 */
public record PictureFiles(List<Path> pictures, PassedOver passedOver) {

    public PictureFiles {
        pictures = List.copyOf(pictures);
    }

    /**
     * Files as they are named, whatever they are, and of folders and tars the pictures in and below them. A tar's members
     * have names such as {@code photos.tar!/cat/1.jpg}.
     *
     * @throws DatasetException if a path does not exist, or nothing was found in all
     */
    public static PictureFiles find(List<Path> filesOrFolders) throws IOException {
        PassedOver.Counter passedOver = new PassedOver.Counter();
        Collection<Path> found = new LinkedHashSet<>();
        for (Path path : filesOrFolders) {
            Path member = Files.exists(path) ? null : TarSet.member(path);
            Path folder =
                    member != null ? member : isTar(path) ? Archives.open(path).root() : path;
            if (Files.isDirectory(folder)) {
                PictureWalk.through(folder, passedOver).pictures().forEach(file -> found.add(file.path()));
            } else if (member != null) {
                found.add(member);
            } else if (Files.exists(path)) {
                found.add(path);
            } else {
                throw new DatasetException(path + ": " + Reasons.ofMissing(path));
            }
        }
        PassedOver others = passedOver.done();
        if (found.isEmpty()) {
            throw new DatasetException(
                    filesOrFolders.stream().map(Path::toString).collect(Collectors.joining(", ")) + ": no "
                            + PictureFormat.NAMES + " picture in it" + others.inBrief());
        }
        return new PictureFiles(List.copyOf(found), others);
    }

    private static boolean isTar(Path path) {
        return Archives.isTarName(path) && Files.isRegularFile(path);
    }
}
