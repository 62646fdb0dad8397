package dev.thinkingvit.files;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Writes files so that a crash at any moment leaves either the old file or the new one, never a part: the content goes
 * to a hidden neighbour of the target, is synced to disk and then renamed over the target in one step. Who may read a file
 * that is replaced may read the new one; a new file is as the process's umask has it. What is no file that could be
 * replaced, a device, a pipe or this program's own output, is written to as it stands.
 *
 * <p>Threads: safe; of two writers of one target the last to finish wins with a whole file.
 */
public final class AtomicFiles {
    private static final int BUFFER_BYTES = 1 << 16;
    private static final Path OUTPUT = Path.of("/dev/stdout");
    private static final Pattern DRAFT = Pattern.compile("\\..+\\.[0-9a-f]{1,16}\\.tmp");

    /** What is being written; whoever is told to end takes it away, but for what a power cut or SIGKILL ends. */
    private static final Set<Path> open = new HashSet<>();

    private static final Runnable deletion = AtomicFiles::deleteOpen;
    private static boolean exiting; // guarded by open

    private AtomicFiles() {}

    /** Produces the content of a file. */
    @FunctionalInterface
    public interface Content {
        /** Writes everything to {@code out}, which the caller closes. */
        void writeTo(OutputStream out) throws IOException;
    }

    /** Produces the content of a file whose first bytes are known only when all others are written. */
    @FunctionalInterface
    public interface HeadLast {
        /**
         * Writes everything after the head to {@code body}, which the caller closes.
         *
         * @return the head
         */
        byte[] writeTo(OutputStream body) throws IOException;
    }

    /** Fills a file beside the target. */
    @FunctionalInterface
    private interface Draft {
        void fill(FileChannel draft) throws IOException;
    }

    /**
     * Writes {@code content} to {@code target}, replacing what was there. The directory must exist. If the target is a
     * symbolic link, the file it points to is replaced and the link stays.
     *
     * @throws IOException if the content or the disk fails, naming the target; it is then as it was and nothing is left
     *     beside it
     */
    public static void write(Path target, Content content) throws IOException {
        if (isStream(target)) {
            writeThrough(target, content);
            return;
        }
        replace(target, draft -> writeAll(Channels.newOutputStream(draft), content));
    }

    /**
     * As {@link #write(Path, Content)}, of content that begins with a head of {@code headBytes} bytes, which is written
     * last.
     *
     * @throws IOException also if the target is a device or a pipe, which nobody can go back in
     */
    public static void write(Path target, int headBytes, HeadLast content) throws IOException {
        requireFile(target);
        replace(target, draft -> {
            draft.position(headBytes);
            byte[][] head = new byte[1][];
            writeAll(Channels.newOutputStream(draft), body -> head[0] = content.writeTo(body));
            if (head[0].length != headBytes) {
                throw new IllegalStateException(
                        "a head of " + headBytes + " bytes was announced, " + head[0].length + " bytes came");
            }
            ByteBuffer bytes = ByteBuffer.wrap(head[0]);
            while (bytes.hasRemaining()) {
                draft.write(bytes, bytes.position());
            }
        });
    }

    private static void replace(Path target, Draft content) throws IOException {
        Path real = Files.isSymbolicLink(target) ? target.toRealPath() : target.toAbsolutePath();
        Path name = real.getFileName();
        Path directory = real.getParent();
        if (name == null || directory == null || Files.isDirectory(real)) {
            throw new IOException(target + " is a directory; a file was to be written there");
        }
        long random = ThreadLocalRandom.current().nextLong();
        Path draft = directory.resolve("." + name + "." + Long.toHexString(random) + ".tmp");
        boolean done = false;
        begin(draft);
        try {
            writeAndSync(draft, content);
            synchronized (open) {
                requireStaying();
                keepMode(real, draft);
                Files.move(draft, real, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
            done = true;
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(target.toString(), null, "its folder does not exist");
        } catch (IOException e) {
            FileSystemException named = new FileSystemException(target.toString(), null, reason(e));
            named.initCause(e);
            throw named;
        } finally {
            if (!done) {
                deleteQuietly(draft);
            }
            end(draft);
        }
        syncDirectory(directory);
    }

    private static void begin(Path draft) {
        synchronized (open) {
            requireStaying();
            if (open.isEmpty()) {
                ProcessExit.atShutdown(deletion); // no longer than needed: a hook holds a dropped class loader
            }
            open.add(draft);
        }
    }

    private static void end(Path draft) {
        synchronized (open) {
            open.remove(draft);
            if (open.isEmpty()) {
                ProcessExit.notAtShutdown(deletion);
            }
        }
    }

    /**
     * What was being written has been taken away.
     *
     * @throws ShutdownException if so
     */
    private static void requireStaying() {
        if (exiting) {
            throw new ShutdownException();
        }
    }

    private static void deleteOpen() {
        synchronized (open) {
            exiting = true;
            open.forEach(AtomicFiles::deleteQuietly);
        }
    }

    /**
     * Looks whether {@link #write} could write to a target, before work is done whose result goes there.
     *
     * @throws IOException if not, naming the target
     */
    public static void requireWritable(Path target) throws IOException {
        if (isStream(target)) {
            if (!Files.isWritable(target)) {
                throw new IOException(target + ": permission denied");
            }
            return;
        }
        Path real = Files.isSymbolicLink(target) ? target.toRealPath() : target.toAbsolutePath();
        Path directory = real.getParent();
        if (directory == null || Files.isDirectory(real)) {
            throw new IOException(target + ": is a folder, a file is to be written there");
        }
        if (!Files.isDirectory(directory)) {
            throw new IOException(target + ": its folder does not exist");
        }
        try {
            Files.delete(Files.createTempFile(directory, ".writable", ".tmp"));
        } catch (IOException e) {
            throw new IOException(target + ": its folder cannot be written to: " + Reasons.of(e), e);
        }
    }

    /**
     * Refuses what is there and cannot be gone back in.
     *
     * @throws IOException if the target is a device, a pipe or this program's own output, naming it
     */
    public static void requireFile(Path target) throws IOException {
        if (isStream(target)) {
            throw new IOException(target + ": a file is needed: what stands at its beginning is known only at the end");
        }
    }

    /** Writes {@code text} as UTF-8; see {@link #write(Path, Content)}. */
    public static void writeString(Path target, String text) throws IOException {
        write(target, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Whether a file is one that a writer who was killed left beside its target; or is being written right now. */
    public static boolean isDraft(Path file) {
        return DRAFT.matcher(String.valueOf(file.getFileName())).matches();
    }

    /**
     * Deletes what writers who were killed left in {@code folder} and all folders below. Nobody may be writing there.
     *
     * @throws IOException if the folder cannot be read or a file not be deleted
     */
    public static void deleteDrafts(Path folder) throws IOException {
        List<Path> drafts;
        try (Stream<Path> files = Files.walk(folder)) {
            drafts = files.filter(file -> isDraft(file) && Files.isRegularFile(file))
                    .toList();
        }
        for (Path draft : drafts) {
            Files.delete(draft);
        }
    }

    /** Why writing failed, for a message that names the file itself. */
    public static String reason(Exception e) {
        return Reasons.of(e);
    }

    /** Whether a target is there and is not a file's content but a way to somewhere. */
    private static boolean isStream(Path target) {
        try {
            return Files.readAttributes(target, BasicFileAttributes.class).isOther() || isOutput(target);
        } catch (IOException e) {
            return false; // not there, or not to be looked at, which writing will tell
        }
    }

    /** Whether a target is where this program's output goes; a file there must not be replaced under it. */
    private static boolean isOutput(Path target) throws IOException {
        return Files.exists(OUTPUT) && Files.isSameFile(target, OUTPUT);
    }

    private static void writeThrough(Path target, Content content) throws IOException {
        try {
            if (isOutput(target)) {
                // not opened anew, which would begin at the start of a file; and not closed, since others go on with it
                writeAll(new FileOutputStream(FileDescriptor.out), content);
            } else {
                try (OutputStream out = Files.newOutputStream(target, StandardOpenOption.WRITE)) {
                    writeAll(out, content);
                }
            }
        } catch (IOException e) {
            FileSystemException named = new FileSystemException(target.toString(), null, reason(e));
            named.initCause(e);
            throw named;
        }
    }

    private static void writeAll(OutputStream to, Content content) throws IOException {
        OutputStream out = new BufferedOutputStream(to, BUFFER_BYTES);
        content.writeTo(out);
        out.flush();
    }

    private static void writeAndSync(Path draft, Draft content) throws IOException {
        try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            content.fill(channel);
            channel.force(true);
        }
    }

    /** What went wrong before is what is to be told. */
    private static void deleteQuietly(Path draft) {
        try {
            Files.deleteIfExists(draft);
        } catch (IOException e) {
            // where nothing can be written, nothing can be deleted
        }
    }

    /** Who may read a file does not change when its content does. */
    private static void keepMode(Path old, Path draft) throws IOException {
        if (Files.exists(old)
                && old.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Files.setPosixFilePermissions(draft, Files.getPosixFilePermissions(old));
        }
    }

    /** Makes renames in a directory last through a power cut, where the system can. */
    public static void syncDirectory(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // Windows cannot open directories. The rename is already visible there; only its durability is the
            // file system's business then.
        }
    }
}
