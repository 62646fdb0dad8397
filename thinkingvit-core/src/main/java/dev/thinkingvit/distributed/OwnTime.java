package dev.thinkingvit.distributed;

import java.util.concurrent.TimeUnit;

/**
 * Time as far as this process has lived through it. A process that was paused, by SIGSTOP, with the machine it runs on, or
 * in a frozen container, finds every deadline of the clock on the wall gone by when it goes on, though the others may be
 * there and well. So no more than two seconds pass here between two looks; a thread of each group looks every second.
 *
 * <p>Threads: safe.
 */
final class OwnTime {
    private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static long lastSeen = System.nanoTime(); // guarded by the class
    private static long nanos; // likewise

    private OwnTime() {}

    /** Like {@link System#nanoTime}, without pauses; only differences mean anything. */
    static synchronized long nanos() {
        long now = System.nanoTime();
        nanos += Math.min(now - lastSeen, MOST_NANOS);
        lastSeen = now;
        return nanos;
    }
}
