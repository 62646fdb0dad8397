package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.FolderLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Looks at where results are to go before any work is done for them. */
final class OutputFolder {
    private OutputFolder() {}

    /** A folder for a model: new, empty, or given up by {@code force}. */
    static void refuseToOverwrite(Path folder, boolean force) throws IOException {
        requireFolder(folder);
        if (Files.exists(folder)) {
            try (Stream<Path> content = Files.list(folder)) {
                if (!force && !content.allMatch(FolderLock::isLock)) {
                    throw new IOException(folder + ": is not empty; --force replaces the model in it");
                }
            }
        }
    }

    /** A folder that may be made. */
    static void requireFolder(@Nullable Path folder) throws IOException {
        if (folder != null && Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new IOException(folder + ": is a file, a folder is required");
        }
    }

    /** A file whose folder exists. */
    static void requireParent(@Nullable Path file) throws IOException {
        if (file == null) {
            return;
        }
        Path parent = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file) || parent == null || !Files.isDirectory(parent)) {
            throw new IOException(
                    file + ": " + (Files.isDirectory(file) ? "is a folder" : "its folder does not exist"));
        }
    }
}
