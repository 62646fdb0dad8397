package dev.thinkingvit.files;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * Words for what went wrong. Many of Java's exceptions say only a path, a system's abbreviation or the name of a Java
 * type; no message that people read should be that.
 */
public final class Reasons {
    /** What is said of a file that is not there. */
    public static final String NO_SUCH_FILE = "no such file or folder";

    private static final String OURS = "dev.thinkingvit.";

    /** Where the packaged library keeps those of other people's classes that it brings along. */
    private static final String OTHERS = OURS + "shaded.";

    /** {@code cat.jpg (Permission denied)}, as {@code java.io} says it. */
    private static final Pattern PATH_AND_REASON = Pattern.compile("(?s)(.+) \\((.+)\\)");

    private static final Pattern NO_NUMBER = Pattern.compile("(?s)For input string: \"(.*)\".*");

    /** What systems say that needs more, or other, words. */
    private static final Map<String, String> SYSTEM = Map.of(
            "Too many open files", "too many open files; 'ulimit -n' says how many are allowed, and raises it",
            "Too many levels of symbolic links", "its links lead round in a circle",
            "Too many levels of symbolic links or unable to access attributes of symbolic link",
                    "its links lead round in a circle",
            "Not a directory", "a part of its path is a file, not a folder",
            "Is a directory", "is a folder, a file is needed",
            "Map failed", "cannot be mapped into memory: too little is left",
            "Operation not permitted", "not permitted");

    private Reasons() {}

    /**
     * Why something failed, without the file's name: for messages that name it themselves.
     *
     * @return one line, beginning in lower case where the words are ours or the system's
     */
    public static String of(Throwable e) {
        String reason = system(e);
        if (reason == null && isMeaningless(e)) {
            Throwable cause = e.getCause();
            reason = cause == null ? "failed (" + e.getClass().getSimpleName() + ")" : of(cause);
        }
        if (reason != null) {
            return Printable.of(reason);
        }
        String message = String.valueOf(e.getMessage());
        return isOurs(e) ? Printable.of(message) : firstLine(message);
    }

    /** Why a file cannot be seen where {@link Files#exists} says no: it is not there, or this user may not look. */
    public static String ofMissing(Path file) {
        try {
            Files.readAttributes(file, BasicFileAttributes.class);
            return NO_SUCH_FILE;
        } catch (IOException e) {
            return of(e);
        }
    }

    /**
     * All that is to be said of a failure: the file, where there is one, and the reason. What is no failure of the input
     * or the machine but of the program says so.
     *
     * @return one line, without passwords
     */
    public static String line(Throwable e) {
        return Secrets.blot(whole(e));
    }

    private static String whole(Throwable e) {
        if (isWrapper(e) && e.getCause() != null) {
            return whole(e.getCause());
        }
        if (e instanceof FileSystemException system && system.getFile() != null) {
            String other = system.getOtherFile() == null ? "" : " → " + system.getOtherFile();
            return Printable.of(system.getFile() + other) + ": " + of(e);
        }
        if (e instanceof FileNotFoundException) {
            Matcher parts = PATH_AND_REASON.matcher(String.valueOf(e.getMessage()));
            return parts.matches() ? Printable.of(parts.group(1)) + ": " + of(e) : of(e);
        }
        if (e instanceof OutOfMemoryError) {
            return "out of memory: " + e.getMessage() + "; -Xmx gives Java more (in THINKINGVIT_OPTS for the launcher)";
        }
        return isExpected(e)
                ? of(e)
                : "an error in the program itself, please report it with what --verbose shows: "
                        + e.getClass().getSimpleName()
                        + (e.getMessage() == null ? "" : ": " + firstLine(e.getMessage()));
    }

    /** Words for exceptions of Java's libraries; null for those whose message is already words. */
    private static @Nullable String system(Throwable e) {
        if (isWrapper(e) && e.getCause() != null) {
            return of(e.getCause());
        }
        if (e instanceof FileSystemException system) {
            String reason = system.getReason();
            return reason == null || reason.isBlank() ? byType(system) : plain(reason);
        }
        if (e instanceof FileNotFoundException) {
            Matcher parts = PATH_AND_REASON.matcher(String.valueOf(e.getMessage()));
            return parts.matches() ? plain(parts.group(2)) : null;
        }
        if (e instanceof CharacterCodingException) {
            return "is not text in UTF-8";
        }
        if (e instanceof ClosedByInterruptException || e instanceof InterruptedIOException) {
            return "interrupted";
        }
        if (e instanceof EOFException && e.getMessage() == null) {
            return "ends too early";
        }
        if (e instanceof UnknownHostException) {
            return "unknown host " + e.getMessage();
        }
        if (e instanceof ReadOnlyFileSystemException) {
            return "the file system is read-only";
        }
        if (e instanceof InvalidPathException path) {
            return "'" + path.getInput() + "' cannot be a file's name: "
                    + (FileNames.isUnicode() ? plain(path.getReason()) : FileNames.howToRead());
        }
        if (e instanceof NumberFormatException) {
            Matcher text = NO_NUMBER.matcher(String.valueOf(e.getMessage()));
            return text.matches() ? "'" + text.group(1) + "' is no number" : "a number is needed";
        }
        if (e instanceof JacksonException json) {
            return JsonReasons.of(json);
        }
        if (e instanceof IOException && e.getMessage() != null) {
            return plain(isOurs(e) ? e.getMessage() : firstLine(e.getMessage()));
        }
        return null;
    }

    private static String byType(FileSystemException e) {
        if (e instanceof NoSuchFileException) {
            return NO_SUCH_FILE;
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof FileAlreadyExistsException) {
            return "is in the way";
        }
        if (e instanceof NotDirectoryException) {
            return "is no folder";
        }
        if (e instanceof DirectoryNotEmptyException) {
            return "the folder is not empty";
        }
        if (e instanceof FileSystemLoopException) {
            return "its links lead round in a circle";
        }
        if (e instanceof NotLinkException) {
            return "is no link";
        }
        return "failed (" + e.getClass().getSimpleName() + ")";
    }

    /** A system's words within a sentence. */
    private static String plain(String reason) {
        String known = SYSTEM.get(reason);
        if (known != null) {
            return known;
        }
        boolean word = reason.length() > 1
                && Character.isUpperCase(reason.charAt(0))
                && Character.isLowerCase(reason.charAt(1));
        return word ? Character.toLowerCase(reason.charAt(0)) + reason.substring(1) : reason;
    }

    /** An exception that says nothing but that another one was thrown. */
    private static boolean isWrapper(Throwable e) {
        return e instanceof UncheckedIOException
                || e instanceof ExceptionInInitializerError
                || e instanceof ExecutionException
                || e instanceof CompletionException
                || (e instanceof NoClassDefFoundError && e.getCause() instanceof ExceptionInInitializerError);
    }

    private static boolean isMeaningless(Throwable e) {
        return e.getMessage() == null || e.getMessage().isBlank();
    }

    /**
     * Whether the message is meant for people: all that input and machine can do wrong is an {@link IOException}, or
     * thrown by this library with words of its own.
     */
    private static boolean isExpected(Throwable e) {
        if (e instanceof IOException || e instanceof InvalidPathException || e instanceof ReadOnlyFileSystemException) {
            return true;
        }
        return isOurs(e);
    }

    /** Whether the message is this library's, and not one that only its mistake has caused. */
    static boolean isOurs(Throwable e) {
        boolean general = e instanceof IOException
                || e instanceof IllegalArgumentException
                || e instanceof IllegalStateException
                || e instanceof UnsupportedOperationException;
        return isOurs(e.getClass().getName()) || (general && !isMeaningless(e) && isThrownByUs(e));
    }

    private static boolean isThrownByUs(Throwable e) {
        StackTraceElement[] trace = e.getStackTrace();
        return trace.length > 0 && isOurs(trace[0].getClassName());
    }

    private static boolean isOurs(String className) {
        return className.startsWith(OURS) && !className.startsWith(OTHERS);
    }

    private static String firstLine(String text) {
        return Printable.of(text.lines().findFirst().orElse(text));
    }
}
