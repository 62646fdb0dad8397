package dev.thinkingvit.checkpoint;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Random access to a file of any size through read-only little-endian buffers. Small files are read at once; of larger ones
 * nothing is read before it is looked at, and a {@link #source} opens the file again when it is asked, so that after
 * {@link #close()} neither a file is open nor anything mapped. A file that another one has replaced by then, or that was
 * written to, is refused.
 *
 * <p>Why not mapped: a mapping ends when a garbage collector finds the time, and reading one whose file was cut off
 * meanwhile is an error of the virtual machine, or its end.
 */
public final class FileBytes implements AutoCloseable {
    private static final int SMALL_FILE = 1 << 20;

    private final Path file;
    private final FileChannel channel;
    private final long size;
    private final BasicFileAttributes opened;
    private final @Nullable ByteBuffer whole;

    private FileBytes(Path file, FileChannel channel, BasicFileAttributes opened, int smallFile) throws IOException {
        this.file = file;
        this.channel = channel;
        this.size = channel.size();
        this.opened = opened;
        this.whole = size <= smallFile ? read(channel, 0, (int) size) : null;
    }

    /** @throws CheckpointException if the file is missing, a directory or unreadable */
    public static FileBytes open(Path file) {
        return open(file, SMALL_FILE);
    }

    /** As {@link #open(Path)}, with a limit that tests can afford to cross. */
    static FileBytes open(Path file, int smallFile) {
        if (Files.isDirectory(file)) {
            throw new CheckpointException(file, "is a directory, a file was expected");
        }
        requireRegular(file);
        FileChannel channel = null;
        try {
            BasicFileAttributes attributes = attributes(file);
            channel = FileChannel.open(file, StandardOpenOption.READ);
            return new FileBytes(file, channel, attributes, smallFile);
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
    public static void requireRegular(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file)) {
            throw new CheckpointException(
                    file, "is no regular file but a pipe or a device, in which nothing can be found");
        }
    }

    /** Of which these are the bytes. */
    public Path file() {
        return file;
    }

    /** Length of the file in bytes when it was opened. */
    public long size() {
        return size;
    }

    /**
     * @param offset first byte, ≥ 0
     * @param length number of bytes, 0 … 2³¹−1
     * @return a read-only little-endian buffer
     * @throws CheckpointException if the range is not within the file
     */
    public ByteBuffer slice(long offset, long length) {
        requireWithin(offset, length);
        try {
            return whole != null ? part(whole, offset, (int) length) : read(channel, offset, (int) length);
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
        }
    }

    /**
     * As {@link #slice}, but read, anew each time, when it is asked for, for which this may be closed.
     *
     * @throws CheckpointException if the range is not within the file
     */
    HostTensor.Source source(long offset, long length) {
        requireWithin(offset, length);
        if (whole != null) {
            ByteBuffer here = whole;
            return (from, count) -> part(here, offset + from, count);
        }
        return new HostTensor.Source() {
            @Override
            public ByteBuffer read(long from, int count) {
                ByteBuffer bytes = ByteBuffer.allocate(count);
                readAnew(offset + from, bytes);
                return readable(bytes.flip());
            }

            @Override
            public void read(long from, ByteBuffer into) {
                readAnew(offset + from, into);
            }
        };
    }

    /** @throws CheckpointException if another file has replaced this one since it was opened, or it was written to */
    public void requireUnchanged() {
        try {
            BasicFileAttributes now = attributes(file);
            boolean same = now.size() == size
                    && now.lastModifiedTime().equals(opened.lastModifiedTime())
                    && Objects.equals(now.fileKey(), opened.fileKey());
            if (!same) {
                throw new CheckpointException(
                        file, "was changed while it was being read; read it again once it is complete");
            }
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read any more: " + Reasons.of(e), e);
        }
    }

    @Override
    public void close() {
        closeQuietly(channel);
    }

    private void requireWithin(long offset, long length) {
        if (offset < 0 || length < 0 || offset > size || length > size - offset) {
            throw new CheckpointException(
                    file, "ends at byte " + size + "; " + length + " bytes at " + offset + " were expected");
        }
        if (length > Integer.MAX_VALUE) {
            throw new CheckpointException(file, "a block of " + length + " bytes; at most 2 GiB are supported");
        }
    }

    private void readAnew(long offset, ByteBuffer into) {
        try (FileChannel again = FileChannel.open(file, StandardOpenOption.READ)) {
            read(again, offset, into);
            requireUnchanged(); // after reading: what changed meanwhile shows too
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read any more: " + Reasons.of(e), e);
        }
    }

    private static BasicFileAttributes attributes(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class);
    }

    private static ByteBuffer part(ByteBuffer buffer, long offset, int length) {
        return buffer.slice(Math.toIntExact(offset), length).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer read(FileChannel channel, long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        read(channel, offset, bytes);
        return readable(bytes.flip());
    }

    private static void read(FileChannel channel, long offset, ByteBuffer into) throws IOException {
        int start = into.position();
        int end = into.limit();
        while (into.position() < end) {
            // in pieces: for memory in its heap Java keeps a buffer outside of it for each thread, of the largest size
            // ever read
            into.limit(into.position() + Math.min(end - into.position(), SMALL_FILE));
            if (channel.read(into, offset + into.position() - start) < 0) {
                throw new IOException("the file shrank while it was read");
            }
            into.limit(end);
        }
    }

    private static ByteBuffer readable(ByteBuffer bytes) {
        return bytes.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
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
