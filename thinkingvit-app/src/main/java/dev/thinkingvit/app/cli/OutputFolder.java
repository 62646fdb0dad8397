package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.FolderLock;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.store.HubModel;
import dev.thinkingvit.store.ModelCard;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.RangesFile;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.Comparator;
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

    /**
     * Writes a model. A new directory appears whole or not at all; in an existing one each file is replaced as a whole.
     *
     * @param err is told if somebody's own card was there, over which none is written
     */
    static void write(Path target, ModelDirectory.Model model, ModelCard card, PrintWriter err) throws IOException {
        if (Files.exists(target)) {
            ModelDirectory.write(target, model.config(), model.weights());
            Files.deleteIfExists(target.resolve(RangesFile.NAME)); // which was measured with the weights that went
            if (!card.write(target)) {
                err.println("note: " + target.resolve(ModelCard.FILE) + " was there before and is left as it is");
            }
            return;
        }
        Path absolute = target.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent == null) {
            throw new FileAlreadyExistsException(target.toString());
        }
        Path existing = parent;
        while (!Files.exists(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        Path draft = Files.createTempDirectory(existing, ".thinkingvit-model");
        try (Closeable clearing = () -> deleteAll(draft)) {
            // inside the draft, so that the directory gets the usual permissions and not a temporary one's
            Path made = draft.resolve("model");
            ModelDirectory.write(made, model.config(), model.weights());
            card.write(made);
            Files.createDirectories(parent);
            Files.move(made, absolute);
        } catch (CheckpointException e) { // which names the draft
            throw new CheckpointException(
                    target, "cannot be written: " + Reasons.of(e.getCause() == null ? e : e.getCause()), e);
        }
    }

    private static void deleteAll(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
