package dev.thinkingvit.picture;

/** A picture that a transform cannot work on, such as one that is smaller than what is to be cut out. */
public final class UnfitPictureException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    /** With a message that names what was required and what came. */
    public UnfitPictureException(String message) {
        super(message);
    }
}
