package dev.thinkingvit.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Where the parts of one work, each on a thread of its own, wait for each other as often as they need: what each wrote before
 * it came, all may read after they went. A part that fails {@linkplain #abandon abandons} the others, who would wait forever.
 *
 * <p>Waiting takes microseconds where all come at the same time; where one comes late, since another process has its core, the
 * others let their cores go meanwhile.
 */
public final class Meeting {
    /** For how long who comes early waits on its core: less than a turn of the system's scheduler, in which others could run. */
    private static final long LEAST_NANOS = 20_000;

    private static final long MOST_NANOS = 300_000;

    private final int parts;
    private final AtomicInteger missing;
    private final List<Patience> waiting = new ArrayList<>(); // by part
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile int meetings;

    /** Thrown out of {@link Meeting#meet} where somebody will not come; {@link Meeting#failure} says why. */
    private static final class AbandonedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        AbandonedException() {
            super("another part of the work failed", null, false, false);
        }
    }

    /** @param parts who meet, at least 1 */
    public Meeting(int parts) {
        this.parts = parts;
        this.missing = new AtomicInteger(parts);
        for (int part = 0; part < parts; part++) {
            waiting.add(new Patience(LEAST_NANOS, MOST_NANOS));
        }
    }

    /**
     * Waits until all parts have come.
     *
     * @param part who comes, from 0
     * @throws RuntimeException if one was abandoned, or is while this one waits
     */
    public void meet(int part) {
        int before = meetings;
        if (missing.decrementAndGet() == 0) {
            missing.set(parts);
            meetings = before + 1;
            wakeAll();
        } else {
            waiting.get(part).await(() -> meetings != before || failure.get() != null);
        }
        if (failure.get() != null) {
            throw new AbandonedException();
        }
    }

    /**
     * Says that a part will not come any more: nobody meets again.
     *
     * @param cause why; the first is kept
     */
    public void abandon(Throwable cause) {
        if (!(cause instanceof AbandonedException)) {
            failure.compareAndSet(null, cause);
        }
        wakeAll();
    }

    /** Why nobody meets any more; null while they do. */
    public @Nullable Throwable failure() {
        return failure.get();
    }

    private void wakeAll() {
        waiting.forEach(Patience::wake);
    }
}
