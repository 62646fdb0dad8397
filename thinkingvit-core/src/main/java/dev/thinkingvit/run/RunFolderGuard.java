package dev.thinkingvit.run;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Tells whether a run's folder still is the one that a training works in, though others may move, replace or delete it, or
 * what lies in it, at any moment.
 */
final class RunFolderGuard {
    private static final long DELETING_NANOS = 2_000_000_000L;

    private final Path path;
    private final @Nullable Object identity; // null where the file system has none
    private final Map<String, byte[]> marks = new LinkedHashMap<>();

    private RunFolderGuard(Path path, @Nullable Object identity) {
        this.path = path;
        this.identity = identity;
    }

    /** Of a folder as it is now. */
    static RunFolderGuard of(Path path) throws IOException {
        return new RunFolderGuard(
                path, Files.readAttributes(path, BasicFileAttributes.class).fileKey());
    }

    /** Remembers what makes the folder a training's, files which are written again if somebody deletes it. */
    void remember(List<String> names) throws IOException {
        marks.clear();
        for (String name : names) {
            marks.put(name, Files.readAllBytes(path.resolve(name)));
        }
    }

    /**
     * Looks whether this still is the folder that was opened, and what the training will need lies there as it should.
     *
     * @param belongings names of what a training keeps in it
     * @param folders those of them that are folders
     * @return lines about what was put right
     * @throws CheckpointException if not: what is in memory must not be written to where it does not belong
     */
    List<String> check(List<String> belongings, List<String> folders) {
        try {
            requireSame();
            for (String name : belongings) {
                BasicFileAttributes there = Presence.attributes(path.resolve(name));
                boolean folder = folders.contains(name);
                if (there != null && there.isDirectory() != folder) {
                    throw new CheckpointException(
                            path.resolve(name),
                            folder
                                    ? "is a file where the training keeps a folder; move it away"
                                    : "is a folder where the training keeps a file; move it away");
                }
                if (there != null && folder && !Files.isWritable(path.resolve(name))) {
                    throw new CheckpointException(path.resolve(name), "permission denied; the training writes there");
                }
            }
            List<String> lines = new ArrayList<>();
            for (Map.Entry<String, byte[]> mark : marks.entrySet()) {
                Path file = path.resolve(mark.getKey());
                if (!Presence.of(file)) {
                    AtomicFiles.write(file, out -> out.write(mark.getValue()));
                    lines.add(file + ": was deleted while the training ran; written again");
                }
            }
            return lines;
        } catch (IOException e) {
            throw new CheckpointException(path, "cannot be looked at: " + Reasons.line(e), e);
        }
    }

    /**
     * Looks whether this still is the folder that was opened.
     *
     * @throws CheckpointException if not: what is in memory must not be written to where it does not belong
     */
    void requireSame() {
        BasicFileAttributes now;
        try {
            now = Presence.attributes(path);
        } catch (IOException e) {
            throw new CheckpointException(path, "cannot be looked at: " + Reasons.of(e), e);
        }
        if (now == null || !Objects.equals(now.fileKey(), identity)) {
            throw new CheckpointException(
                    path,
                    "was " + (now == null ? "moved or deleted" : "replaced by another folder")
                            + " while the training ran; nothing more is written there. --resume --out, with where it is now,"
                            + " goes on from its last save");
        }
    }

    /**
     * As {@link #requireSame}, after something was not found in it: who deletes a folder deletes what is in it first.
     *
     * @param lost what could not be done
     */
    void requireSameAfter(Throwable lost) {
        boolean missing = false;
        for (Throwable each = lost; each != null && !missing; each = each.getCause()) {
            missing = each instanceof NoSuchFileException || each instanceof FileNotFoundException;
        }
        long begin = System.nanoTime();
        while (missing && System.nanoTime() - begin < DELETING_NANOS) {
            requireSame();
            LockSupport.parkNanos(DELETING_NANOS / 50);
        }
        requireSame();
    }
}
