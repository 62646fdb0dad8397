package dev.thinkingvit.tensor;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * Where JavaCPP unpacks native libraries, half a gigabyte of them, once for each version. In order:
 *
 * <ol>
 *   <li>where the property {@value #PROPERTY} says;
 *   <li>{@code $XDG_CACHE_HOME/javacpp};
 *   <li>{@code .javacpp/cache} in the user's home, JavaCPP's own place, or in {@code $HOME} if that is another;
 *   <li>a folder in the temporary one that nobody but the user can look into.
 * </ol>
 *
 * Of the last three the first that can be written to. JavaCPP alone would use a folder {@code ?} in the working folder
 * for a user whom the system does not know, and a folder in the temporary one that somebody else may have made.
 */
final class NativeCache {
    static final String PROPERTY = "org.bytedeco.javacpp.cachedir";
    private static final String PROPERTY_TOO = "org.bytedeco.javacpp.cacheDir"; // as older versions spelled it
    private static final String MOVE =
            "; -D" + PROPERTY + "=FOLDER puts them elsewhere (in THINKINGVIT_OPTS for the launcher)";
    private static final String JAVACPPS_LOCK = ".lock"; // where it cannot be locked, libraries are silently missing
    private static final long MEGABYTE = 1_000_000;
    private static final long NEEDED_BYTES = 600 * MEGABYTE;
    private static final String NEEDED = "; they need " + NEEDED_BYTES / MEGABYTE + " MB";

    /** Of a library that another needs: glibc's words, and musl's. */
    private static final List<String> NOT_FOUND = List.of("cannot open shared object", "Error loading shared library");

    private static final String UNMAPPED = "failed to map segment"; // glibc's, of a library that is found

    private static final Set<PosixFilePermission> PRIVATE = PosixFilePermissions.fromString("rwx------");

    private NativeCache() {}

    /**
     * Chooses the folder, makes it, and tells JavaCPP.
     *
     * @throws TensorException if there is none
     */
    static void choose() {
        String asked = System.getProperty(PROPERTY, System.getProperty(PROPERTY_TOO));
        if (asked != null && !asked.isBlank()) {
            return; // it may be complete, and then need not be written to
        }
        System.setProperty(PROPERTY, standard().toString());
    }

    /** As {@link #choose}, where the folder that was asked for is of no use. */
    static void chooseAnother() {
        System.setProperty(PROPERTY, standard().toString());
    }

    /**
     * Lets JavaCPP use a folder that cannot be written to. Of itself it would take no such folder, but silently unpack
     * everything once more in another one, or find none.
     *
     * @return whether it does now; not where modules keep others out of JavaCPP's
     */
    static boolean useAsItIs(Path complete) {
        try {
            Field field = Loader.class.getDeclaredField("cacheDir");
            field.setAccessible(true);
            field.set(null, complete.toFile().getCanonicalFile());
            return true;
        } catch (ReflectiveOperationException | RuntimeException | IOException e) {
            return false;
        }
    }

    private static Path standard() {
        Path shared = absolute(System.getenv("XDG_CACHE_HOME"));
        if (shared != null && isUsable(shared.resolve("javacpp"))) {
            return shared.resolve("javacpp");
        }
        for (String home : new @Nullable String[] {System.getProperty("user.home"), System.getenv("HOME")}) {
            Path known = absolute(home); // that of an unknown user is "?"
            if (known != null && Files.isDirectory(known) && isUsable(known.resolve(".javacpp/cache"))) {
                return known.resolve(".javacpp/cache");
            }
        }
        Path temporary = Path.of(System.getProperty("java.io.tmpdir", "/tmp"));
        try {
            return privateFolder(temporary);
        } catch (IOException e) {
            throw new TensorException(
                    "there is no folder to unpack native libraries in: the user has no home that can be written to,"
                            + " and in " + temporary + " none is private: " + Reasons.line(e) + MOVE,
                    e);
        }
    }

    private static @Nullable Path absolute(@Nullable String path) {
        return path != null && Path.of(path).isAbsolute() ? Path.of(path) : null;
    }

    /** Whether a folder is there, or can be made, and written to. */
    private static boolean isUsable(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            return false;
        }
        return Files.isWritable(folder) && Files.isReadable(folder) && Files.isExecutable(folder);
    }

    /** @throws TensorException if libraries cannot be unpacked there */
    static void requireWritable(Path folder) {
        String what = PROPERTY + " names " + folder + ", where native libraries cannot be unpacked: ";
        try {
            Files.createDirectories(folder);
            Files.delete(Files.createTempFile(folder, ".writable", ".tmp"));
        } catch (IOException e) {
            throw new TensorException(what + Reasons.of(e) + "; name a folder that can be written to", e);
        }
        Path lock = folder.resolve(JAVACPPS_LOCK);
        if (Files.exists(lock, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(lock)) {
            throw new TensorException("native libraries cannot be unpacked in " + folder + ": its " + JAVACPPS_LOCK
                    + ", which JavaCPP locks, must be a file, and is none; delete it" + MOVE);
        }
    }

    /**
     * The user's folder in one where everybody may make folders. The code in it is run: a folder that is a link, that
     * belongs to somebody else, or that others may write to is refused.
     */
    static Path privateFolder(Path temporary) throws IOException {
        Path probe = Files.createTempFile(temporary, "thinkingvit", ".tmp");
        UserPrincipal me;
        try {
            me = Files.getOwner(probe);
        } finally {
            Files.delete(probe);
        }
        Path folder = temporary.resolve("thinkingvit-natives-" + me.getName().replaceAll("[^\\w.-]", "_"));
        boolean posix = temporary.getFileSystem().supportedFileAttributeViews().contains("posix");
        try {
            if (posix) {
                Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(PRIVATE));
                Files.setPosixFilePermissions(folder, PRIVATE); // whatever the umask has taken away
            } else {
                Files.createDirectory(folder);
            }
        } catch (FileAlreadyExistsException e) {
            // whose is it?
        }
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(folder + ": is no folder, but a link or a file that somebody put there; delete it");
        }
        if (!Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).equals(me)) {
            throw new IOException(folder + ": belongs to another user, "
                    + Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).getName() + ", and its files could be theirs");
        }
        if (posix
                && !Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS)
                        .equals(PRIVATE)) {
            throw new IOException(folder + ": is open to others, whose files could be in it; delete it");
        }
        return folder;
    }

    /** Why native libraries did not load, where it was the cache's fault; null where it was not. */
    static @Nullable String fault(Throwable e) {
        return fault(e, usableBytes());
    }

    /** @param usable bytes that are left for the cache */
    static @Nullable String fault(Throwable e, long usable) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String message = String.valueOf(cause.getMessage());
            if (message.contains("Operation not permitted")) { // musl's words
                return noExec() + MOVE;
            }
            if (message.contains(UNMAPPED)) { // glibc's, who does not say why
                return noExec() + MOVE + "; or memory ended meanwhile: raise the process's limit (ulimit -v)";
            }
            if (cause instanceof IOException) {
                return "they cannot be unpacked in " + folder() + ": " + Reasons.line(cause)
                        + (isFull(message) ? NEEDED : "") + MOVE;
            }
        }
        // JavaCPP says nothing of a library that it could not unpack, only the linker of the one that needs it
        return usable < NEEDED_BYTES && NOT_FOUND.stream().anyMatch(words -> isSaid(e, words))
                ? Natives.firstLine(Natives.deepest(e)) + ", as there is no room to unpack it: only "
                        + usable / MEGABYTE + " MB are left in " + folder() + NEEDED + MOVE
                : null;
    }

    private static String noExec() {
        return "the file system of " + folder() + ", where they are unpacked, runs no code (it is mounted noexec)";
    }

    /** Whether a library was found but not mapped: the file system runs no code, or memory ended. */
    static boolean isUnmapped(Throwable e) {
        return isSaid(e, UNMAPPED);
    }

    private static boolean isSaid(@Nullable Throwable e, String words) {
        return e != null && (String.valueOf(e.getMessage()).contains(words) || isSaid(e.getCause(), words));
    }

    private static long usableBytes() {
        try {
            Path folder = Path.of(folder());
            while (!Files.exists(folder) && folder.getParent() != null) {
                folder = folder.getParent();
            }
            return Files.getFileStore(folder).getUsableSpace();
        } catch (IOException e) {
            return Long.MAX_VALUE; // nobody knows, so that nothing is blamed on it
        }
    }

    private static boolean isFull(String message) {
        return message.contains("No space left") || message.contains("quota");
    }

    /** The folder that JavaCPP uses: another one where the program used JavaCPP before; else what was chosen. */
    static Path chosen() throws IOException {
        Path folder = Path.of(folder());
        return isUsable(folder) ? Loader.getCacheDir().toPath() : folder;
    }

    private static String folder() {
        return System.getProperty(PROPERTY, System.getProperty(PROPERTY_TOO, "their cache"));
    }
}
