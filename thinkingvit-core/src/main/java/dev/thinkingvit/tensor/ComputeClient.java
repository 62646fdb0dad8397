package dev.thinkingvit.tensor;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Somebody with work for the {@linkplain ComputeThread compute thread}, such as a model: the thread and its workers live as
 * long as one is open, and each has a limited number of calls that may wait.
 */
public final class ComputeClient implements AutoCloseable {
    /** Calls of one client that may wait where nobody says otherwise. */
    public static final int QUEUE = 1024;

    private static final Logger log = LoggerFactory.getLogger(ComputeClient.class);

    private final String name;
    private final int limit;
    private final ComputeListener listener;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final AtomicBoolean hasFailed = new AtomicBoolean(); // the listener

    /** Calls that wait; the queue's lock guards it. */
    int waiting;

    /**
     * @param name for messages
     * @param limit calls that may wait, at least 1
     * @param listener told of each call
     */
    public ComputeClient(String name, int limit, ComputeListener listener) {
        if (limit < 1) {
            throw new IllegalArgumentException(name + ": at least 1 call must be allowed to wait, got " + limit);
        }
        this.name = Objects.requireNonNull(name, "the client's name is null");
        this.limit = limit;
        this.listener = Objects.requireNonNull(listener, "the listener is null");
        ComputeThread.open();
    }

    String name() {
        return name;
    }

    int limit() {
        return limit;
    }

    void tellComputed(int images, int queued, long waitedNanos, long computedNanos) {
        tell(() -> listener.computed(images, queued, waitedNanos, computedNanos));
    }

    void tellAbandoned() {
        tell(listener::abandoned);
    }

    void tellRefused() {
        tell(listener::refused);
    }

    /** No meter's failure is a reason to lose what was computed, or to hide why nothing was. */
    private void tell(Runnable news) {
        try {
            news.run();
        } catch (Throwable e) {
            if (hasFailed.getAndSet(true)) {
                log.debug("{}: the listener failed again", name, e);
            } else {
                log.warn("{}: the listener failed; the call goes on, and so it will when it fails again", name, e);
            }
        }
    }

    /** Once; with the last one the threads end. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            ComputeThread.close();
        }
    }
}
