package dev.thinkingvit.archive;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;
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
     * @throws IOException if it is no longer what was listed: a member's place would hold anything
     */
    FileChannel open() throws IOException {
        FileChannel channel = FileChannel.open(path);
        try {
            TarFile now = at(path);
            if (now.size != size || !now.modified.equals(modified) || !Objects.equals(now.key, key)) {
                throw new FileSystemException(
                        path.toString(), null, "the tar was changed after its members were listed; start again");
            }
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
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
