package dev.thinkingvit.picture;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A file that is not a readable picture. The message is one line: the file, what was required, what came. */
public final class PictureException extends IOException {

    private static final long serialVersionUID = 1L;

    /** @param message made one line */
    public PictureException(String message) {
        super(oneLine(message));
    }

    /** @param message made one line */
    public PictureException(String message, @Nullable Throwable cause) {
        super(oneLine(message), cause);
    }

    private static String oneLine(String message) {
        return message.replaceAll("\\s*\\R\\s*", " ");
    }
}
