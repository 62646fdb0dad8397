package dev.thinkingvit.data;

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
     * Files as they are named, whatever they are, and of folders the pictures in and below them.
     *
     * @throws DatasetException if a path does not exist, or nothing was found in all
     */
    public static PictureFiles find(List<Path> filesOrFolders) throws IOException {
        PassedOver.Counter passedOver = new PassedOver.Counter();
        Collection<Path> found = new LinkedHashSet<>();
        for (Path path : filesOrFolders) {
            if (Files.isDirectory(path)) {
                PictureWalk.through(path, passedOver).pictures().forEach(file -> found.add(file.path()));
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
}
