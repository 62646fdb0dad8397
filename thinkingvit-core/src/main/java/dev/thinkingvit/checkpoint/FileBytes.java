package dev.thinkingvit.checkpoint;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Random access to a file of any size through read-only little-endian buffers. Small files are copied to the heap;
 * larger ones are memory-mapped, so that nothing is read before it is looked at. Buffers stay valid after
 * {@link #close()}; a mapped file must not be truncated while they are in use (replacing it by rename is fine).
 *
 * <p>Files beyond 2 GiB are mapped through windows twice as long as the distance between their starts: any slice up to
 * that distance lies within one of them, so that many tensors share few mappings.
 */
final class FileBytes implements AutoCloseable {
    private static final long WINDOW_STEP = 1L << 30;
    private static final int SMALL_FILE = 1 << 20;

    private final Path file;
    private final FileChannel channel;
    private final long size;
    private final long step;
    private final @Nullable ByteBuffer[] windows;

    private FileBytes(Path file, FileChannel channel, long size, long step) {
        this.file = file;
        this.channel = channel;
        this.size = size;
        this.step = step;
        this.windows = new ByteBuffer[Math.toIntExact(size / step + 1)];
    }

    /** @throws CheckpointException if the file is missing, a directory or unreadable */
    static FileBytes open(Path file) {
        return open(file, WINDOW_STEP, SMALL_FILE);
    }

    /** As {@link #open(Path)}, with limits that tests can afford to cross. */
    static FileBytes open(Path file, long windowStep, int smallFile) {
        if (Files.isDirectory(file)) {
            throw new CheckpointException(file, "is a directory, a file was expected");
        }
        requireRegular(file);
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ);
            FileBytes bytes = new FileBytes(file, channel, channel.size(), windowStep);
            if (bytes.size <= smallFile) {
                bytes.windows[0] = bytes.readWhole();
            }
            return bytes;
        } catch (NoSuchFileException e) {
            throw new CheckpointException(file, Reasons.NO_SUCH_FILE, e);
        } catch (IOException e) {
            closeQuietly(channel);
            throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
        }
    }

    /**
     * Refuses what only looks like a file: opening a pipe waits for whoever may write to it, for ever if nobody does.
     *
     * @throws CheckpointException if it is there and a pipe, a device or a socket
     */
    static void requireRegular(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file)) {
            throw new CheckpointException(
                    file, "is no regular file but a pipe or a device, in which nothing can be found");
        }
    }

    Path file() {
        return file;
    }

    /** Length of the file in bytes when it was opened. */
    long size() {
        return size;
    }

    /**
     * @param offset first byte, ≥ 0
     * @param length number of bytes, 0 … 2³¹−1
     * @return a read-only little-endian view
     * @throws CheckpointException if the range is not within the file
     */
    ByteBuffer slice(long offset, long length) {
        if (offset < 0 || length < 0 || offset > size || length > size - offset) {
            throw new CheckpointException(
                    file, "ends at byte " + size + "; " + length + " bytes at " + offset + " were expected");
        }
        if (length > Integer.MAX_VALUE) {
            throw new CheckpointException(file, "a block of " + length + " bytes; at most 2 GiB are supported");
        }
        try {
            int index = (int) (offset / step);
            ByteBuffer window = windows[index];
            if (window == null && length >= step) {
                return map(offset, length);
            }
            if (window == null) {
                long start = index * step;
                window = map(start, Math.min(2 * step - 1, size - start));
                windows[index] = window;
            }
            long position = offset - index * step;
            if (position + length > window.limit()) {
                return map(offset, length);
            }
            return window.slice((int) position, (int) length).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
        }
    }

    @Override
    public void close() {
        closeQuietly(channel);
    }

    private ByteBuffer map(long offset, long length) throws IOException {
        return channel.map(MapMode.READ_ONLY, offset, length).order(ByteOrder.LITTLE_ENDIAN);
    }

    private ByteBuffer readWhole() throws IOException {
        ByteBuffer whole = ByteBuffer.allocate((int) size);
        while (whole.hasRemaining()) {
            if (channel.read(whole, whole.position()) < 0) {
                throw new IOException("the file shrank while it was read");
            }
        }
        return whole.flip().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void closeQuietly(@Nullable FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                // Nothing was written: there is nothing to lose.
            }
        }
    }
}
