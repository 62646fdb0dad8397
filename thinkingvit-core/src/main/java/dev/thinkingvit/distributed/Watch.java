package dev.thinkingvit.distributed;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What this process knows of the others' ends. The first loss is the one that counts: others follow from it. */
final class Watch {
    private volatile @Nullable String loss;
    private volatile boolean death;
    private volatile @Nullable String leaver;
    private volatile long leftNanos;

    void lost(String message) {
        lost(message, false);
    }

    /** @param died whether it is known by a connection that ended without a goodbye */
    synchronized void lost(String message, boolean died) {
        if (loss == null) {
            death = died;
            loss = message;
            notifyAll();
        }
    }

    /** {@code who} is done and has said so. */
    synchronized void left(String who) {
        if (leaver == null) {
            leftNanos = OwnTime.nanos();
            leaver = who;
            notifyAll();
        }
    }

    /** The sentence about the first process that was lost. */
    @Nullable String loss() {
        return loss;
    }

    /** Whether the {@link #loss} was seen here, by a connection that ended without a goodbye. */
    boolean sawDeath() {
        return death;
    }

    /** The first process that left in good order, if that was at least {@code ago} ago. */
    @Nullable String leaver(Duration ago) {
        String who = leaver;
        return who != null && OwnTime.nanos() - leftNanos >= ago.toNanos() ? who : null;
    }

    /** Waits until a process was lost or has left. */
    synchronized void await(Duration atMost) {
        long deadline = OwnTime.nanos() + atMost.toNanos();
        boolean interrupted = false;
        while (loss == null && leaver == null) {
            long millis = (deadline - OwnTime.nanos()) / 1_000_000;
            if (millis <= 0) {
                break;
            }
            try {
                wait(millis);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
