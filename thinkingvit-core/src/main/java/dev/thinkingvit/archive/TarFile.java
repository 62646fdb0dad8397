package dev.thinkingvit.archive;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A tar's file as it was when its members were listed. It is opened for each member that is read, so that a data set of
 * a thousand tars needs no thousand open files.
 *
 * @param path of the file
 * @param size in bytes
 * @param modified when it was last written to
 * @param key what the system knows the file by, or null
 */
record TarFile(
        Path path, long size, FileTime modified, @Nullable Object key) {
    private static final int HEADER = 512;

    static TarFile at(Path path) throws IOException {
        BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
        if (!now.isRegularFile()) {
            throw new FileSystemException(
                    path.toString(), null, "a tar must be a regular file, in which members can be found again");
        }
        return new TarFile(path, now.size(), now.lastModifiedTime(), now.fileKey());
    }

    /**
     * Opens it; the caller closes it.
     *
     * @throws FileSystemException of the tar if it is no longer what was listed: a member's place would hold anything
     */
    FileChannel open() throws IOException {
        return open((channel, now) -> equals(now));
    }

    /**
     * As {@link #open()}, for the sake of one member. A tar that was copied back, touched or appended to has it still.
     *
     * @param offset of its first byte
     * @param mark of its header
     */
    FileChannel open(long offset, int mark) throws IOException {
        return open((channel, now) ->
                equals(now) || (now.size >= offset && offset >= HEADER && markBefore(channel, offset) == mark));
    }

    /** Whether a file that is open now is good for what it was opened for. */
    @FunctionalInterface
    private interface Condition {
        boolean holds(FileChannel channel, TarFile now) throws IOException;
    }

    private FileChannel open(Condition condition) throws IOException {
        FileChannel channel = FileChannel.open(path);
        try {
            if (!condition.holds(channel, at(path))) {
                throw new FileSystemException(
                        path.toString(),
                        null,
                        "the tar was changed while it was in use, its members are not where they were listed");
            }
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** A mark of a member's header, which has its name, size and time; it ends where the member's bytes begin. */
    static int markBefore(FileChannel channel, long offset) throws IOException {
        byte[] header = new byte[HEADER];
        readFully(channel, ByteBuffer.wrap(header), offset - HEADER);
        CRC32 mark = new CRC32();
        mark.update(header);
        return (int) mark.getValue();
    }

    /** Fills a buffer from a place of the file. */
    static void readFully(FileChannel channel, ByteBuffer into, long at) throws IOException {
        long place = at;
        while (into.hasRemaining()) {
            int read = channel.read(into, place);
            if (read < 0) {
                throw new IOException("the tar was cut short while it was read");
            }
            place += read;
        }
    }
}
