package dev.thinkingvit.inference;

/**
 * Whether all threads together are faster than one at work of one size, by what they took lately.
 *
 * <p>Threads that share an operation wait for the last of them at its end. Where another process keeps a core busy, that is
 * a turn of the system's scheduler each time, and they are several times slower than one thread. Nothing tells of it
 * beforehand. So slow rounds have one thread tried, and while that is faster, all are tried again now and then.
 *
 * <p>Threading: one thread's.
 */
final class ThreadChoice {
    /** A round is slow that takes so many times the best one; less comes of caches and clocks. */
    private static final double SLOW = 1.5;

    private static final int SLOW_ROUNDS = 2; // once is chance
    private static final int FIRST_PAUSE = 8; // rounds of one thread before all are tried again
    private static final int LONGEST_PAUSE = 256;

    private long best = Long.MAX_VALUE; // ns, as all below; of all threads
    private long together; // of all threads when one was tried
    private long alone; // of one thread lately
    private boolean one;
    private boolean trying;
    private int slow;
    private int pause = FIRST_PAUSE;
    private int left;

    /** Whether the next round is one thread's. */
    boolean isOne() {
        return one;
    }

    /** @param nanos that a round took, done as {@link #isOne} said */
    void took(long nanos) {
        if (one && trying && nanos >= together) {
            best = together; // the machine is slower than it was, whatever is chosen
            useAll();
        } else if (one) {
            alone = nanos;
            trying = --left == 0;
            one = !trying;
        } else if (trying && nanos > alone) {
            pause = Math.min(2 * pause, LONGEST_PAUSE);
            useOne(false);
        } else if (trying) {
            useAll();
        } else if (nanos <= SLOW * best) {
            best = Math.min(best, nanos);
            slow = 0;
        } else if (++slow == SLOW_ROUNDS) {
            together = nanos;
            useOne(true);
        }
    }

    private void useOne(boolean asTry) {
        one = true;
        trying = asTry;
        left = pause;
    }

    private void useAll() {
        one = false;
        trying = false;
        slow = 0;
        pause = FIRST_PAUSE;
    }
}
