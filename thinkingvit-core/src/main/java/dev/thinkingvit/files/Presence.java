package dev.thinkingvit.files;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * Whether something lies at a path. {@link Files#exists} says no as well where nobody could look: a disk that is away for a
 * moment, a folder without permission. Who takes that for "nothing there" begins anew what he should go on with.
 */
public final class Presence {
    private static final String NO_FOLDER_ON_THE_WAY = "Not a directory";

    private Presence() {}

    /**
     * Whether a file or folder is there, links followed.
     *
     * @throws FileSystemException if that cannot be told: names the path and why
     */
    public static boolean of(Path path) throws IOException {
        return attributes(path) != null;
    }

    /**
     * What is there.
     *
     * @return null if surely nothing is
     * @throws FileSystemException if that cannot be told: names the path and why
     */
    public static @Nullable BasicFileAttributes attributes(Path path) throws IOException {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class);
        } catch (NoSuchFileException e) {
            return null;
        } catch (FileSystemException e) {
            if (NO_FOLDER_ON_THE_WAY.equals(e.getReason())) {
                return null;
            }
            throw e;
        }
    }
}
