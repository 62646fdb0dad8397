package dev.thinkingvit.tensor;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How one thread waits for what others are about to do: at first on its core, since it is often a matter of microseconds, in
 * which a thread that sleeps is not even woken; then asleep, since whoever it waits for may want the core. It stays on its core
 * for as long as the last time would have asked for, but not for longer than is worth it: where that was long, it hardly does.
 *
 * <p>Threading: one thread waits at a time, any may wake it.
 */
final class Patience {
    private static final int LOOKS = 16; // between two looks at the clock, which takes longer than they do

    private final long least;
    private final long most;
    private long nanos; // for which it waits on its core
    private volatile @Nullable Thread sleeper;

    /**
     * @param least nanoseconds for which it waits on its core
     * @param most nanoseconds for which it does
     */
    Patience(long least, long most) {
        this.least = least;
        this.most = most;
        this.nanos = least;
    }

    /**
     * Returns when it is so, also where the thread is interrupted, whose flag stays set.
     *
     * @param ready whether it is so; who makes it so calls {@link #wake} afterwards
     */
    void await(BooleanSupplier ready) {
        if (ready.getAsBoolean()) {
            return;
        }
        long start = System.nanoTime();
        if (!spin(start + nanos, ready)) {
            sleep(ready);
        }
        long waited = System.nanoTime() - start;
        nanos = waited > most ? least : Math.min(most, Math.max(least, 2 * waited));
    }

    private void sleep(BooleanSupplier ready) {
        boolean interrupted = false;
        sleeper = Thread.currentThread();
        while (!ready.getAsBoolean()) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted(); // it would not park again
        }
        sleeper = null;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean spin(long end, BooleanSupplier ready) {
        do {
            for (int i = 0; i < LOOKS; i++) {
                if (ready.getAsBoolean()) {
                    return true;
                }
                Thread.onSpinWait();
            }
        } while (System.nanoTime() < end);
        return false;
    }

    /** Lets the thread that waits, if one does, look again. */
    void wake() {
        Thread asleep = sleeper;
        if (asleep != null) {
            LockSupport.unpark(asleep);
        }
    }
}
