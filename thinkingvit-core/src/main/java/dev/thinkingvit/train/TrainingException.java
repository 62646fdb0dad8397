package dev.thinkingvit.train;

/** A training that cannot go on: says what happened, where and what may help. */
public class TrainingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public TrainingException(String message) {
        super(message);
    }
}
