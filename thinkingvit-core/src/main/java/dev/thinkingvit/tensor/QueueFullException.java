package dev.thinkingvit.tensor;

import java.util.concurrent.RejectedExecutionException;

/**
 * So many calls of a model wait already that another one would only wait as well: the network did nothing for it. A call
 * that has begun is not refused for the rest of its pictures.
 */
public final class QueueFullException extends RejectedExecutionException {
    private static final long serialVersionUID = 1L;

    private final String model;
    private final int waiting;

    QueueFullException(String model, int waiting) {
        super(model + ": " + (waiting == 1 ? "1 call waits" : waiting + " calls wait")
                + " already, as many as its queue takes; call again later, from fewer"
                + " threads, or with several pictures a call");
        this.model = model;
        this.waiting = waiting;
    }

    /** Whose queue it is. */
    public String model() {
        return model;
    }

    /** Length of the queue, in calls. */
    public int waiting() {
        return waiting;
    }
}
