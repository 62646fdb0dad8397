package dev.thinkingvit.tensor;

/**
 * Is told how a model's calls fare, for meters of any kind. Called on the threads that call the model, several at a time.
 * What it throws is logged, the first time as a warning, and changes nothing for them.
 */
public interface ComputeListener {
    /** Hears nothing. */
    ComputeListener NONE = (images, queued, waitedNanos, computedNanos) -> {};

    /**
     * A step of a call was computed: all of a call's images, or as many as are taken before others have their turn.
     *
     * @param images of the step
     * @param queued calls of this model that waited when this one came, itself included
     * @param waitedNanos from the call to the moment when its computing began
     * @param computedNanos from then until its end
     */
    void computed(int images, int queued, long waitedNanos, long computedNanos);

    /**
     * A call was given up: its thread was interrupted. What of it waited is not computed; a step that had begun is, and is
     * not told of.
     */
    default void abandoned() {}

    /** A call was refused: the queue was full, or the process is exiting. */
    default void refused() {}
}
