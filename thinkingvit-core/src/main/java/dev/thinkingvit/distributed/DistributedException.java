package dev.thinkingvit.distributed;

/** A group of processes that cannot be formed or cannot go on: one line that names the process and what happened. */
public final class DistributedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DistributedException(String message) {
        super(message);
    }

    public DistributedException(String message, Throwable cause) {
        super(message, cause);
    }
}
