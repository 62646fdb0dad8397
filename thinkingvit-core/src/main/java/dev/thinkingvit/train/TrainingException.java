package dev.thinkingvit.train;

/** A training that cannot go on: says what happened, where and what may help. */
public class TrainingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean ofNumbers;

    public TrainingException(String message) {
        this(message, false);
    }

    private TrainingException(String message, boolean ofNumbers) {
        super(message);
        this.ofNumbers = ofNumbers;
    }

    /** Of weights, losses or gradients that are no numbers any more. */
    public static TrainingException ofNumbers(String message) {
        return new TrainingException(message, true);
    }

    /** Whether what the training has in memory is not worth saving. */
    public boolean isOfNumbers() {
        return ofNumbers;
    }
}
