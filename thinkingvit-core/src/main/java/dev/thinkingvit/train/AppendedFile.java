package dev.thinkingvit.train;

import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import java.io.Closeable;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that grows by whole pieces. A piece is handed to the operating system at once, so that killing the program
 * loses nothing but, at worst, the end of the very last piece. Not thread-safe.
 */
final class AppendedFile implements Closeable {
    private final Path file;
    // A channel of java.nio would close itself when its thread is interrupted, and lose the rest of the run.
    private final FileOutputStream out;
    private long length;

    /** Opens {@code file} at its end, and makes it if it is not there. */
    AppendedFile(Path file) throws IOException {
        this.file = file;
        this.length = Presence.of(file) ? Files.size(file) : 0;
        this.out = new FileOutputStream(file.toFile(), true);
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
        out.close();
    }

    private IOException named(IOException e) {
        return new IOException(file + ": cannot be written: " + Reasons.of(e), e);
    }
}
