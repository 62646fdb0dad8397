package dev.thinkingvit.checkpoint;

import java.nio.file.Path;

/**
 * A checkpoint could not be read or written. The message is one line that begins with the file and says what is wrong
 * with which part of it: what was required and what came.
 */
public class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Longer messages are cut: names in a damaged file can be megabytes long. */
    private static final int MAX_LENGTH = 1_000;

    /**
     * @param file the file at fault
     * @param problem what is wrong; may quote names from the file, control characters are replaced
     */
    public CheckpointException(Path file, String problem) {
        super(oneLine(name(file) + ": " + problem));
    }

    /**
     * @param file the file at fault
     * @param problem what is wrong; may quote names from the file, control characters are replaced
     * @param cause what revealed it
     */
    public CheckpointException(Path file, String problem, Throwable cause) {
        super(oneLine(name(file) + ": " + problem), cause);
    }

    private static String name(Path file) {
        String name = file.toString();
        return name.isEmpty() ? "the current folder, which an empty path names" : name;
    }

    private static String oneLine(String message) {
        String cut = message.length() <= MAX_LENGTH ? message : message.substring(0, MAX_LENGTH) + "…";
        StringBuilder clean = new StringBuilder(cut.length());
        // Names come from files of strangers: a line break or an escape sequence would forge log lines.
        cut.chars().forEach(c -> clean.append(Character.isISOControl(c) ? '?' : (char) c));
        return clean.toString();
    }
}
