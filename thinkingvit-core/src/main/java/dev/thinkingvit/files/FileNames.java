package dev.thinkingvit.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * File names as text. On Unix a name is bytes, and a Java that was started in the locale C, POSIX or an old one reads
 * every character beyond ASCII as something else: a class folder's name would become a wrong label without a word.
 */
public final class FileNames {
    private FileNames() {}

    /**
     * The last part of a path, for use as data.
     *
     * @throws FileSystemException if its text is not what the name says: names the file and says what to do
     */
    public static String of(Path file) throws IOException {
        Path name = file.getFileName();
        String text = String.valueOf(name == null ? file : name);
        if (name != null && !isWhole(name, text)) {
            throw new FileSystemException(
                    file.toString(), null, isUnicode() ? "its name is not text in UTF-8; rename it" : howToRead());
        }
        return text;
    }

    /**
     * Looks whether a path's text is what the file is called, as far as this Java's locale has to do with it.
     *
     * @throws FileSystemException if not: names the file and says what to do
     */
    public static void requireReadable(Path file) throws IOException {
        if (!isUnicode() && isOnDisk(file) && file.toString().chars().anyMatch(c -> c > 0x7F)) {
            throw new FileSystemException(file.toString(), null, howToRead());
        }
    }

    /** Whether this Java reads and writes any name. */
    public static boolean isUnicode() {
        return encoding() == null;
    }

    /** What somebody has to do whose Java does not read all names. */
    public static String howToRead() {
        return "file names beyond ASCII cannot be read here: Java was started in a locale of " + encoding()
                + "; start it with LC_ALL=C.UTF-8 in its environment, or another UTF-8 locale that 'locale -a' lists";
    }

    /** The encoding of names where it is not Unicode. */
    private static @Nullable String encoding() {
        if (System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows")) {
            return null; // names are Unicode whatever the code page
        }
        String encoding = System.getProperty("sun.jnu.encoding", StandardCharsets.UTF_8.name());
        return encoding.equalsIgnoreCase(StandardCharsets.UTF_8.name()) ? null : encoding;
    }

    private static boolean isWhole(Path name, String text) {
        if (!isOnDisk(name)) {
            return text.indexOf('\uFFFD') < 0; // an archive's names are read by us, as UTF-8
        }
        if (!isUnicode() && text.chars().anyMatch(c -> c > 0x7F)) {
            return false;
        }
        // bytes that are no characters have become replacement characters, which do not lead back
        return text.indexOf('\uFFFD') < 0 || name.getFileSystem().getPath(text).equals(name);
    }

    private static boolean isOnDisk(Path path) {
        return path.getFileSystem().equals(FileSystems.getDefault());
    }
}
