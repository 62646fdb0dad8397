package dev.thinkingvit.model;

/** A network gave what is no finite number: its weights, or its input, are damaged. */
public final class NoNumberException extends ArithmeticException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what gave it, and where
     */
    public NoNumberException(String message) {
        super(message);
    }
}
