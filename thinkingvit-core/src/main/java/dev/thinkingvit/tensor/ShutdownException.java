package dev.thinkingvit.tensor;

import java.util.concurrent.RejectedExecutionException;

/** Native work was asked for when the process had begun to exit, which it would crash: nothing of it was done. */
public final class ShutdownException extends RejectedExecutionException {
    private static final long serialVersionUID = 1L;

    public ShutdownException() {
        super("the process is exiting; nothing more is computed");
    }
}
