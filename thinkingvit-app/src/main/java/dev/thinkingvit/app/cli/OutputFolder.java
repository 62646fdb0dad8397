package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.FolderLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Looks at folders where results are to go before any work is done for them. */
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

    /** A file to write that is none of those that are read, under whatever name. */
    static void refuseInput(Path file, Collection<Path> inputs) throws IOException {
        if (!Files.isRegularFile(file)) {
            return;
        }
        for (Path input : inputs) {
            if (Files.exists(input) && Files.isSameFile(file, input)) {
                throw new IOException(file + ": is read as " + (file.equals(input) ? "an input" : input)
                        + " and would be lost; write to another file");
            }
        }
    }

    /** A folder that may be made. */
    static void requireFolder(@Nullable Path folder) throws IOException {
        if (folder != null && Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new IOException(folder + ": is a file, a folder is required");
        }
    }
}
