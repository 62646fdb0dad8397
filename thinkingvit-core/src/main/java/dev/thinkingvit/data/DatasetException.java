package dev.thinkingvit.data;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A dataset, list of pictures or label file that is not as it must be. The message names it, and the place in it. */
public final class DatasetException extends IOException {

    private static final long serialVersionUID = 1L;

    DatasetException(String message) {
        super(message);
    }

    DatasetException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
