package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.FolderLock;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.store.HubModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.Optional;
import java.util.stream.Stream;

/** Looks at folders where results are to go before any work is done for them. */
final class OutputFolder {
    private OutputFolder() {}

    /** A folder for a model: new, empty, or given up by {@code force}. */
    static void refuseToOverwrite(Path folder, boolean force) throws IOException {
        requireFolder(folder);
        if (Presence.of(folder)) {
            try (Stream<Path> content = Files.list(folder)) {
                if (!force && !content.allMatch(FolderLock::isLock)) {
                    throw new IOException(folder + ": is not empty; --force replaces the model in it");
                }
            }
        }
        requireWritable(folder);
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

    /** A folder that is there, or may be made, and can be written to. */
    static void requireWritable(Path folder) throws IOException {
        requireFolder(folder);
        Path existing = folder.toAbsolutePath();
        while (!Presence.of(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        try {
            Files.delete(Files.createTempFile(existing, ".writable", ".tmp"));
        } catch (IOException e) {
            throw new IOException(folder + ": cannot be written to: " + Reasons.of(e), e);
        }
    }

    /** What a hub gave is kept for all of its tools under the hash of what is in it, and must not become another. */
    static void refuseCache(Path folder) throws IOException {
        Optional<HubModel> model = HubModel.inCache(folder);
        if (model.isPresent()) {
            throw new IOException(HubModel.PREFIX + model.get().repository()
                    + ": is read from a hub, and nothing is written to it; 'thinkingvit convert " + HubModel.PREFIX
                    + model.get().repository() + " DIR' makes a copy");
        }
    }

    /** A folder, or nothing yet, and not a hub's. */
    static void requireFolder(Path folder) throws IOException {
        BasicFileAttributes there = Presence.attributes(folder);
        if (there != null && !there.isDirectory()) {
            throw new IOException(folder + ": is a file, a folder is required");
        }
        refuseCache(folder);
    }
}
