package dev.thinkingvit.tensor;

import dev.thinkingvit.files.ProcessExit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Threads that do work of a few hundred microseconds side by side with the thread that asks for it, each with one native
 * thread of its own. They are there at once where work comes again and again, and asleep where it does not.
 *
 * <p>Threading: one thread asks at a time.
 */
public final class Team implements AutoCloseable {
    private static final long LEAST_NANOS = 20_000;

    /** For how long the asking thread waits on its core for parts that take longer than its own. */
    private static final long MOST_NANOS = 300_000;

    /** For how long a helper waits there for the next work: as long as what a caller in a loop does between two calls. */
    private static final long MOST_IDLE_NANOS = 1_000_000;

    private static final long END_MILLIS = 60_000;

    private final String name;
    private final List<Helper> helpers = new ArrayList<>(); // the asking thread's
    private final Patience asking = new Patience(LEAST_NANOS, MOST_NANOS);

    /** @param name of the threads */
    public Team(String name) {
        this.name = name;
    }

    /** What is divided. */
    public interface Work {
        /** @param part from 0 */
        void compute(int part);
    }

    /** Work under way. */
    private final class Round {
        private final Work work;
        private final AtomicInteger underWay;
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

        Round(Work work, int parts) {
            this.work = work;
            this.underWay = new AtomicInteger(parts);
        }

        void compute(int part) {
            try {
                ProcessExit.begin(true); // the asking thread's, who waits for it
                try {
                    work.compute(part);
                } finally {
                    ProcessExit.end();
                }
            } catch (RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
        }

        void end() {
            if (underWay.decrementAndGet() == 0) {
                asking.wake();
            }
        }

        boolean hasEnded() {
            return underWay.get() == 0;
        }
    }

    /**
     * Computes all parts, the first on the calling thread, and waits for them.
     *
     * @param parts at least 1; threads that are missing are made
     * @throws RuntimeException the first failure, or an {@link Error}, after all have ended
     */
    public void run(int parts, Work work) {
        while (helpers.size() < parts - 1) {
            helpers.add(Helper.start(name + "-" + helpers.size(), helpers.size() + 1));
        }
        Round round = new Round(work, parts);
        for (Helper helper : helpers.subList(0, parts - 1)) {
            helper.give(round);
        }
        try {
            Natives.onThisThreadOnly(() -> {
                round.compute(0);
                return round;
            });
        } finally { // they use what is the caller's
            round.end();
            asking.await(round::hasEnded);
        }
        Throwable failure = round.failure.get();
        if (failure != null) {
            CallersTrace.addTo(failure);
        }
        if (failure instanceof RuntimeException exception) {
            throw TensorException.translate("libtorch", exception);
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }

    /** Whether the calling thread is of a team, whose work somebody else waits for. */
    static boolean isHelper() {
        return Thread.currentThread() instanceof Helper;
    }

    private static final class Helper extends Thread {
        private final int part;
        private final Patience patience = new Patience(LEAST_NANOS, MOST_IDLE_NANOS);
        private volatile @Nullable Round given;
        private volatile boolean dismissed;

        private Helper(String name, int part) {
            super(null, null, name, 0, false); // no inheritable thread locals
            this.part = part;
            setDaemon(true);
            setContextClassLoader(null); // the application's would be held as long as this lives
        }

        static Helper start(String name, int part) {
            Helper helper = new Helper(name, part);
            helper.start();
            return helper;
        }

        void give(Round round) {
            given = round;
            patience.wake();
        }

        void dismiss() {
            dismissed = true;
            patience.wake();
        }

        @Override
        public void run() {
            Natives.setThreads(1, 1);
            while (true) {
                patience.await(() -> given != null || dismissed);
                Round round = given;
                if (round == null) {
                    return;
                }
                round.compute(part);
                given = null; // nothing is held until the next comes
                round.end();
            }
        }
    }

    /** Returns when the threads have ended: they hold native memory, and their class loader. */
    @Override
    public void close() {
        helpers.forEach(Helper::dismiss);
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(END_MILLIS);
        try {
            for (Helper helper : helpers) {
                TimeUnit.NANOSECONDS.timedJoin(helper, Math.max(1, end - System.nanoTime()));
                if (helper.isAlive()) {
                    throw new IllegalStateException("a thread of the team did not end");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
