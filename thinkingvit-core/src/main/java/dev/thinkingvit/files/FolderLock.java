package dev.thinkingvit.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Keeps others out of a folder, in this process and in others, until it is closed or its process ends. The file that is
 * locked stays there: whoever deleted it could delete one that somebody else has just locked.
 */
public final class FolderLock implements AutoCloseable {
    private static final String NAME = ".lock";

    // Asked before the file is opened: POSIX forgets a process's locks on a file when it closes any channel to it.
    private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final @Nullable FileChannel channel; // null where only this process knows of the lock

    private FolderLock(Path folder, @Nullable FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /**
     * Locks a folder, which must exist; empty if somebody else has it.
     *
     * @throws IOException if the folder cannot be written to, or its file system has no locks: names the folder
     */
    public static Optional<FolderLock> take(Path folder) throws IOException {
        Path real = folder.toRealPath();
        if (!HELD_HERE.add(real)) {
            return Optional.empty();
        }
        FileChannel channel;
        try {
            channel = FileChannel.open(real.resolve(NAME), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException | RuntimeException e) {
            HELD_HERE.remove(real);
            throw e;
        }
        FolderLock lock = new FolderLock(real, channel);
        try {
            if (isTaken(channel, folder)) {
                return Optional.of(lock);
            }
        } catch (IOException | RuntimeException e) {
            try (lock) {
                throw e;
            }
        }
        lock.close();
        return Optional.empty();
    }

    private static boolean isTaken(FileChannel channel, Path folder) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (IOException e) {
            // what NFS without its lock daemon and some network and user space file systems say
            throw new IOException(
                    folder + ": cannot be locked: " + Reasons.of(e)
                            + "; where the file system has no locks, --no-lock goes"
                            + " on without one, and nothing but you keeps a second process out of the folder",
                    e);
        }
    }

    /**
     * Keeps only this process's others out, where the file system has no locks; empty if somebody here has the folder.
     *
     * @throws IOException if the folder is not there
     */
    public static Optional<FolderLock> takeHere(Path folder) throws IOException {
        Path real = folder.toRealPath();
        return HELD_HERE.add(real) ? Optional.of(new FolderLock(real, null)) : Optional.empty();
    }

    /** Whether a file is what a lock leaves in its folder. */
    public static boolean isLock(Path file) {
        return String.valueOf(file.getFileName()).equals(NAME);
    }

    /** Deletes the folder if nothing but the lock is in it. */
    public void deleteIfEmpty() throws IOException {
        try (Stream<Path> content = Files.list(folder)) {
            if (!content.allMatch(FolderLock::isLock)) {
                return;
            }
        }
        Files.deleteIfExists(folder.resolve(NAME));
        Files.delete(folder);
    }

    @Override
    public void close() throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            HELD_HERE.remove(folder);
        }
    }
}
