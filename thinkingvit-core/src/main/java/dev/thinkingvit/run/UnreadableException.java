package dev.thinkingvit.run;

import dev.thinkingvit.train.TrainingException;

/** So many pictures of a training became unreadable that it ends. What it learnt so far is good. */
public final class UnreadableException extends TrainingException {
    private static final long serialVersionUID = 1L;

    UnreadableException(String message) {
        super(message);
    }
}
