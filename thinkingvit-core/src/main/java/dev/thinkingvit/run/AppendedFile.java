package dev.thinkingvit.run;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import java.io.Closeable;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A file that grows by whole pieces. A piece is handed to the operating system at once, so that killing the program
 * loses nothing but, at worst, the end of the very last piece. Not thread-safe.
 */
final class AppendedFile implements Closeable {
    private final Path file;
    // A channel of java.nio would close itself when its thread is interrupted, and lose the rest of the run.
    private FileOutputStream out;
    private FileInputStream in; // what was written is still to be had here when somebody has deleted the file
    private @Nullable Object identity; // null where the file system has none
    private long length;

    /** Opens {@code file} at its end, and makes it if it is not there. */
    AppendedFile(Path file) throws IOException {
        this.file = file;
        this.length = Presence.of(file) ? Files.size(file) : 0;
        FileOutputStream opened = new FileOutputStream(file.toFile(), true);
        try {
            this.in = new FileInputStream(file.toFile());
            this.identity =
                    Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        } catch (IOException e) {
            try (opened) {
                throw e;
            }
        }
        this.out = opened;
    }

    /**
     * Puts the file back if somebody deleted it, and goes on in the other one if somebody replaced it, as editors do;
     * pieces would be written to nowhere otherwise. Its folder must be there.
     *
     * @return what was done; empty if it is there as it should be
     */
    String mend() throws IOException {
        BasicFileAttributes now = Presence.attributes(file);
        if (now != null && Objects.equals(now.fileKey(), identity)) {
            return "";
        }
        if (now == null) {
            in.getChannel().position(0);
            AtomicFiles.write(file, to -> in.transferTo(to));
        }
        AppendedFile other = new AppendedFile(file);
        close();
        out = other.out;
        in = other.in;
        identity = other.identity;
        length = other.length;
        return now == null ? "was deleted while the training ran; written again" : "";
    }

    /**
     * Adds a piece.
     *
     * @throws IOException if the disk fails or is full; the file then ends with the piece before
     */
    void append(byte[] piece) throws IOException {
        try {
            out.write(piece);
            length += piece.length;
        } catch (IOException e) {
            IOException named = named(e);
            try {
                // Half a piece would make all that follow unreadable, should the disk recover.
                out.getChannel().truncate(length);
            } catch (IOException again) {
                named.addSuppressed(again);
            }
            throw named;
        }
    }

    /** Returns when the disk has it all. */
    void sync() throws IOException {
        try {
            out.getFD().sync();
        } catch (IOException e) {
            throw named(e);
        }
    }

    @Override
    public void close() throws IOException {
        try (Closeable last = in) {
            out.close();
        }
    }

    private IOException named(IOException e) {
        return new IOException(file + ": cannot be written: " + Reasons.of(e), e);
    }
}
