package dev.thinkingvit.tensor;

/** What went wrong in the native world, in one line. */
public final class TensorException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public TensorException(String message) {
        super(message);
    }

    public TensorException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Translates libtorch's bare {@code RuntimeException}, whose message carries a C++ stack trace, to one line. */
    public static RuntimeException translate(String what, RuntimeException e) {
        if (e instanceof TensorException || e.getClass() != RuntimeException.class) {
            return e;
        }
        return new TensorException(what + ": " + Natives.firstLine(e), e);
    }
}
