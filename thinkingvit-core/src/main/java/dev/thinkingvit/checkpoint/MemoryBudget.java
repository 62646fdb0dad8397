package dev.thinkingvit.checkpoint;

import java.nio.file.Path;

/**
 * How much memory reading one file may take beyond views of the file itself. What a file makes the reader allocate
 * (inflated entries, reordered tensors) must stay in proportion to the file's own size.
 */
final class MemoryBudget {
    private static final long FLOOR_BYTES = 64L << 20;
    private static final long TIMES_FILE_SIZE = 4;

    private final Path file;
    private long left;

    MemoryBudget(Path file, long fileSize) {
        this.file = file;
        this.left = Math.max(FLOOR_BYTES, Math.multiplyExact(fileSize, TIMES_FILE_SIZE));
    }

    /**
     * Asks for {@code bytes} more, before they are allocated.
     *
     * @throws CheckpointException if that is out of proportion; names {@code what}
     */
    void spend(long bytes, String what) {
        if (!trySpend(bytes)) {
            throw new CheckpointException(
                    file, what + " would take " + bytes + " bytes of memory, out of proportion to the file");
        }
    }

    /** Asks for {@code bytes} more, before they are allocated; false, and nothing spent, if there are not so many. */
    boolean trySpend(long bytes) {
        if (bytes < 0 || bytes > left) {
            return false;
        }
        left -= bytes;
        return true;
    }
}
