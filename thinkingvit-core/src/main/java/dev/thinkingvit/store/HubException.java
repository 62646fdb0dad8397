package dev.thinkingvit.store;

/** A model could not be had from a hub. The message is one line that names the model and what to do. */
public final class HubException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message one line */
    public HubException(String message) {
        super(message);
    }

    /**
     * @param message one line
     * @param cause what revealed it
     */
    public HubException(String message, Throwable cause) {
        super(message, cause);
    }
}
