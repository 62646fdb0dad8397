package dev.thinkingvit.inference;

/**
 * Whether all threads together are faster than one at work of one size, by what they took lately.
 *
 * <p>Threads that share an image or an operation wait for the last of them. Where the work is little they gain less than that
 * costs; where another process keeps a core busy, waiting is a turn of the system's scheduler each time. So now and then, and
 * when rounds have become slow, both ways are tried one after the other.
 *
 * <p>What they took is compared as a whole: a few rounds that wait long, among many that do not, are slow, although most are
 * fast. Who is slow once is not judged by it, such as while the virtual machine compiles: several trials, some time apart, must
 * say the same. Of each turn the first round does not count, since whoever has not been asked for a while is asleep.
 *
 * <p>Threading: one thread's.
 */
final class ThreadChoice {
    /** A turn takes at least so long: some turns of the system's scheduler. */
    private static final long TURN_NANOS = 10_000_000;

    /** Rounds are slow that take so many times what they took before; less comes of caches and clocks. */
    private static final double SLOW = 1.5;

    /** A way that is so many times as fast is so beyond doubt. */
    private static final double CLEAR = 1.25;

    /** How much of what earlier trials found counts beside the last one. */
    private static final double KEPT = 0.7;

    /** Who left all threads returns at once when they are so many times as fast: what made them slow may have been short. */
    private static final double BACK = 1.15;

    private static final long FIRST_NANOS = 200_000_000; // before the first trial
    private static final int COUNTED = 2; // rounds of a turn, at least
    private static final int AGREEING = 2; // trials, one after the other, that change something
    private static final int FEWEST_ROUNDS = 4; // between two trials
    private static final int LONGEST_PAUSE = 32; // between two trials, times the last one's time

    /** By how much slow rounds shorten a pause: most pass by themselves, and each trial has rounds of the slower way. */
    private static final int SOONER = 4;

    /** Rounds of one way; later ones may count more. */
    private static final class Rounds {
        private double nanos;
        private double count;

        void add(double took, double rounds) {
            nanos += took;
            count += rounds;
        }

        void keep(double share) {
            nanos *= share;
            count *= share;
        }

        /** Nanoseconds. */
        double mean() {
            return nanos / count;
        }
    }

    private final Rounds used = new Rounds(); // in trials, as is the other
    private final Rounds other = new Rounds();
    private final Rounds lately = new Rounds(); // between trials, of the way that is used
    private final Rounds turn = new Rounds(); // the turn under way without its first round
    private boolean one; // whether the way that is used is one thread
    private boolean trying;
    private boolean others; // whether the turn under way is the other way's
    private boolean begun; // whether its first round is over
    private double othersMean; // ns a round in the last turn of the other way
    private int against; // trials, one after the other, in which the other way was faster
    private long length = FIRST_NANOS; // of the last trial
    private long since; // ns of rounds since then
    private int rounds; // since then
    private int pause = 1; // how many times as long until the next
    private double normal = Double.POSITIVE_INFINITY; // ns a round

    /** Whether the next round is one thread's. */
    boolean isOne() {
        return one != (trying && others);
    }

    /**
     * Takes down a round, done as {@link #isOne} said.
     *
     * @param nanos that it took
     */
    void took(long nanos) {
        if (trying) {
            tookInTrial(nanos);
            return;
        }
        since += nanos;
        rounds++;
        boolean slow = isSlow(nanos);
        if (rounds >= FEWEST_ROUNDS && since >= length * (slow ? Math.max(1, pause / SOONER) : pause)) {
            trying = true;
            length = 0;
            begin(true);
        }
    }

    /** Whether rounds of all threads have become slow. */
    private boolean isSlow(long nanos) {
        lately.add((double) nanos, 1);
        if (lately.nanos < 2 * TURN_NANOS || lately.count < 2) {
            return false;
        }
        double mean = lately.mean();
        lately.keep(0);
        boolean slow = !one && mean > SLOW * normal;
        normal = Math.min(normal, mean);
        return slow;
    }

    private void begin(boolean ofTheOther) {
        others = ofTheOther;
        begun = false;
        turn.keep(0);
    }

    private void tookInTrial(long nanos) {
        length += nanos;
        if (!begun) {
            begun = true;
            return;
        }
        turn.add((double) nanos, 1);
        if (turn.nanos < TURN_NANOS || turn.count < COUNTED) {
            return;
        }
        Rounds way = others ? other : used;
        way.keep(KEPT);
        way.add(turn.nanos, turn.count);
        if (others) {
            othersMean = turn.mean();
            begin(false);
        } else {
            end(othersMean / turn.mean(), turn.mean());
        }
    }

    /**
     * @param times how many times as long the other way took
     * @param nanos that a round of the way that is used took
     */
    private void end(double times, double nanos) {
        trying = false;
        since = 0;
        rounds = 0;
        lately.keep(0);
        normal = nanos; // the machine may be slower than it was, whatever is chosen
        against = times < 1 ? against + 1 : 0;
        boolean back = one && times < 1 / BACK;
        if (back || (against >= AGREEING && other.mean() < used.mean())) {
            change();
        } else {
            pause = times < 1 ? 1 : Math.min(pause * (times > CLEAR ? 8 : 2), LONGEST_PAUSE);
        }
    }

    private void change() {
        double nanos = used.nanos;
        double count = used.count;
        used.keep(0);
        used.add(other.nanos, other.count);
        other.keep(0);
        other.add(nanos, count);
        one = !one;
        normal = othersMean;
        against = 0;
        pause = 1;
    }
}
