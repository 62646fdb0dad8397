package dev.thinkingvit.store;

import dev.thinkingvit.files.Secrets;

/** A model could not be had from a hub. The message is one line that names the model and what to do, without secrets. */
public final class HubException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message one line */
    public HubException(String message) {
        super(Secrets.blot(message));
    }

    /**
     * @param message one line
     * @param cause what revealed it
     */
    public HubException(String message, Throwable cause) {
        super(Secrets.blot(message), cause);
    }
}
