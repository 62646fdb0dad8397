package dev.thinkingvit.data;

/** A picture that a transform cannot work on, such as one that is smaller than what is to be cut out. */
public final class UnfitPictureException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    UnfitPictureException(String message) {
        super(message);
    }
}
