package dev.thinkingvit.onnx;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.FolderLock;
import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder that an export is being written into. Files come as drafts, are given names that nothing in the folder has,
 * and count from the moment when the description that names them replaces the one before, in a single rename. Only then
 * is deleted what the one before named. A crash at any moment leaves the old export or the new one, and files that
 * no export names are never touched.
 *
 * <p>One export at a time: an open folder is locked. Close it.
 */
final class ExportFolder implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ExportFolder.class);
    private static final String DRAFTS = ".thinkingvit-export";

    /** Told before each change, so that a test can look at the folder, or fail, at every moment. */
    @FunctionalInterface
    interface Witness {
        void before(String change) throws IOException;
    }

    private final Path path;
    private final boolean existed;
    private final FolderLock lock;
    private final Witness witness;
    private final List<Path> unnamed = new ArrayList<>(); // given their names; no description has them yet

    private ExportFolder(Path path, boolean existed, FolderLock lock, Witness witness) {
        this.path = path;
        this.existed = existed;
        this.lock = lock;
        this.witness = witness;
    }

    /**
     * Opens a folder, made if it is missing, and deletes the drafts of an export that was killed.
     *
     * @param locks whether to lock it; without, where its file system cannot, others are not kept out
     * @throws CheckpointException if another export is being written into it
     */
    static ExportFolder open(Path path, boolean locks, Witness witness) throws IOException {
        boolean existed = Files.exists(path);
        Files.createDirectories(path);
        FolderLock lock = (locks ? FolderLock.take(path) : FolderLock.takeHere(path))
                .orElseThrow(() -> new CheckpointException(
                        path, "another export is at work in it; wait for its end, or export elsewhere"));
        ExportFolder folder = new ExportFolder(path, existed, lock, witness);
        try {
            folder.deleteDrafts();
            return folder;
        } catch (IOException e) {
            try (folder) {
                throw e;
            }
        }
    }

    /** A new place for drafts, on the folder's file system. */
    Path drafts() throws IOException {
        witness.before("drafts");
        return Files.createTempDirectory(path, DRAFTS);
    }

    /** Names for files that are to be added: plain ones if none of them is taken, else the same number added to each. */
    UnaryOperator<String> freeNames(List<String> plain) {
        int number = 1;
        while (!isFree(plain, number)) {
            number++;
        }
        int free = number;
        return name -> numbered(name, free);
    }

    private boolean isFree(List<String> plain, int number) {
        return plain.stream()
                .map(name -> path.resolve(numbered(name, number)))
                .noneMatch(file -> Files.exists(file, LinkOption.NOFOLLOW_LINKS));
    }

    private static String numbered(String name, int number) {
        int dot = name.lastIndexOf('.');
        return number == 1 ? name : name.substring(0, dot) + "-" + number + name.substring(dot);
    }

    /** Puts the export that {@code drafts} hold in the place of the one that is there, if there is one. */
    void replace(Path drafts, ExportedModel model) throws IOException {
        Set<String> old = namedFiles();
        for (String name : model.fileNames()) {
            witness.before("name " + name);
            Path target = path.resolve(name);
            Files.move(drafts.resolve(name), target); // fails where somebody else has put a file
            unnamed.add(target);
        }
        AtomicFiles.syncDirectory(path);
        witness.before("describe");
        model.writeDescription();
        unnamed.clear();
        old.removeAll(model.fileNames());
        old.remove(ExportedModel.DESCRIPTION);
        for (String name : old) {
            deleteReplaced(path.resolve(name));
        }
    }

    /** What the description in the folder names, whether it is there or not. */
    private Set<String> namedFiles() {
        if (!ExportedModel.isIn(path)) {
            return new HashSet<>();
        }
        try {
            return new HashSet<>(ExportedModel.readDescription(path).fileNames());
        } catch (CheckpointException e) {
            log.warn("{}; it is replaced, the files that it may name stay", e.getMessage());
            return new HashSet<>();
        }
    }

    private void deleteReplaced(Path file) {
        try {
            witness.before("delete " + file.getFileName());
            Files.deleteIfExists(file);
        } catch (IOException e) {
            log.warn("{}: of the export that was replaced, cannot be deleted: {}", file, Reasons.of(e));
        }
    }

    /** Drafts go; after a failure also what has a name but no description, and a folder that was made for nothing. */
    @Override
    public void close() throws IOException {
        try (lock) {
            for (Path file : unnamed) {
                Files.deleteIfExists(file);
            }
            deleteDrafts();
            if (!existed) {
                lock.deleteIfEmpty();
            }
        } catch (IOException e) {
            log.debug("{}: drafts stay", path, e); // the next export deletes them
        }
    }

    private void deleteDrafts() throws IOException {
        for (Path left : files(path)) {
            if (String.valueOf(left.getFileName()).startsWith(DRAFTS) && Files.isDirectory(left)) {
                witness.before("delete drafts");
                for (Path file : files(left)) {
                    Files.delete(file);
                }
                Files.delete(left);
            }
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }
}
