package dev.thinkingvit.files;

import java.util.concurrent.RejectedExecutionException;

/** Something was asked for when the process had begun to exit: nothing of it was done. */
public final class ShutdownException extends RejectedExecutionException {
    private static final long serialVersionUID = 1L;

    public ShutdownException() {
        super("the process is exiting; nothing more is computed");
    }
}
