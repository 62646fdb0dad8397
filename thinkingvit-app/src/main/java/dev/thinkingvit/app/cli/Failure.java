package dev.thinkingvit.app.cli;

import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;

/** One line for whatever went wrong. */
final class Failure {
    private Failure() {}

    static void print(PrintWriter err, Throwable e, boolean verbose) {
        err.println("thinkingvit: " + line(e));
        if (verbose) {
            e.printStackTrace(err);
        }
        err.flush();
    }

    /** The message, in one line; exceptions of the file system say only a path and need words. */
    static String line(Throwable e) {
        if (e instanceof NoSuchFileException missing) {
            return missing.getFile() + ": no such file or folder";
        }
        if (e instanceof AccessDeniedException denied) {
            return denied.getFile() + ": permission denied";
        }
        if (e instanceof FileAlreadyExistsException exists) {
            return exists.getFile() + ": is in the way";
        }
        if (e instanceof FileSystemException system && system.getReason() != null) {
            return system.getFile() + ": " + system.getReason();
        }
        if (e instanceof ExceptionInInitializerError && e.getCause() != null) {
            return line(e.getCause());
        }
        if (e instanceof OutOfMemoryError) {
            return "out of memory: " + e.getMessage();
        }
        String message = e.getMessage();
        if (message == null || message.isBlank()) {
            return e.getClass().getSimpleName() + " (--verbose shows where)";
        }
        return message.lines().findFirst().orElse(message);
    }

    static boolean isVerbose(CommandLine command) {
        Object user = command.getCommand();
        return user instanceof BaseCommand base && base.verbose;
    }
}
