package dev.thinkingvit.files;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * The process's exit: what ends in good order before it, what it waits for, and what is tidied up last. In that order, in one
 * shutdown hook, since hooks of the virtual machine's have none. Called from any thread.
 */
public final class ProcessExit {
    // There is a hook only while something needs it, so that a class loader that is dropped is held by none.
    private static final long SHUTDOWN_WAIT_SECONDS = 30;
    private static final long LOOK_MILLIS = 50;
    private static final int IDLE_LOOKS = 20;
    private static final Object lock = new Object();
    private static final Set<Runnable> beforeShutdown = new LinkedHashSet<>(); // guarded by lock, as all below
    private static final Set<Runnable> atShutdown = new LinkedHashSet<>();
    private static final Map<Thread, Integer> inFlight = new HashMap<>(); // threads, with how often each began
    private static @Nullable Thread hook;
    private static boolean begun;
    private static volatile boolean exiting;
    private static final List<Runnable> whenExiting = new CopyOnWriteArrayList<>();
    private static final List<Runnable> whenStuck = new CopyOnWriteArrayList<>();

    private ProcessExit() {}

    /**
     * Lets {@code work} end something in good order, when the process is told to exit.
     *
     * @param work called on a thread of its own; the exit waits for it. What it throws is logged
     * @throws ShutdownException if it exits already, and the work would never be called
     */
    public static void beforeShutdown(Runnable work) {
        Objects.requireNonNull(work, "the work is null");
        synchronized (lock) {
            if (begun) {
                throw new ShutdownException();
            }
            hang();
            beforeShutdown.add(work);
        }
    }

    /** Takes {@link #beforeShutdown} back. */
    public static void notBeforeShutdown(Runnable work) {
        synchronized (lock) {
            beforeShutdown.remove(work);
            takeDown();
        }
    }

    /**
     * For work of many parts, between two of them.
     *
     * @throws ShutdownException if the process is exiting
     */
    public static void requireRunning() {
        if (exiting) {
            throw new ShutdownException();
        }
    }

    /** Whether the process has begun to exit, and what still runs had better end. */
    public static boolean isExiting() {
        return exiting;
    }

    /**
     * Lets {@code work} tidy up when the process exits, after all that ends in good order has ended; nothing if it exits
     * already.
     *
     * @param work called on a thread of its own; short, since the exit waits for it. What it throws is logged
     */
    public static void atShutdown(Runnable work) {
        Objects.requireNonNull(work, "the work is null");
        synchronized (lock) {
            if (!exiting) {
                try {
                    hang();
                } catch (ShutdownException e) {
                    return; // whoever runs in these moments tidies up after himself
                }
                atShutdown.add(work);
            }
        }
    }

    /** Takes {@link #atShutdown} back. */
    public static void notAtShutdown(Runnable work) {
        synchronized (lock) {
            atShutdown.remove(work);
            takeDown();
        }
    }

    /**
     * Says what refuses work that has not begun.
     *
     * @param work called once on the thread of the exit, when what ends in good order has ended
     */
    public static void whenExiting(Runnable work) {
        whenExiting.add(Objects.requireNonNull(work, "the work is null"));
    }

    /**
     * Says what lets callers go whose work under way does not end: it has called {@code System.exit}, for which hooks wait,
     * or waits itself for what ends later than the hooks.
     *
     * @param work called once on the thread of the exit
     */
    public static void whenStuck(Runnable work) {
        whenStuck.add(Objects.requireNonNull(work, "the work is null"));
    }

    /**
     * Begins work that the exit waits for, on this thread; each is to be {@linkplain #end ended}.
     *
     * @param asPart whether it is a part of other work under way, which may begin even now
     * @throws ShutdownException if the process is exiting
     */
    public static void begin(boolean asPart) {
        synchronized (lock) {
            if (!exiting || (asPart && !inFlight.isEmpty())) {
                hang();
                inFlight.merge(Thread.currentThread(), 1, Integer::sum);
                return;
            }
        }
        throw new ShutdownException();
    }

    /** Ends what {@link #begin} began on this thread. */
    public static void end() {
        synchronized (lock) {
            inFlight.computeIfPresent(Thread.currentThread(), (thread, times) -> times == 1 ? null : times - 1);
            takeDown();
            lock.notifyAll();
        }
    }

    /** @throws ShutdownException if it is too late */
    private static void hang() {
        if (hook != null) {
            return;
        }
        Thread created = new Thread(null, ProcessExit::awaitInFlight, "thinkingvit-shutdown", 0, false);
        created.setContextClassLoader(null);
        try {
            Runtime.getRuntime().addShutdownHook(created);
        } catch (IllegalStateException e) {
            exiting = true;
            throw new ShutdownException();
        }
        hook = created;
    }

    private static void takeDown() {
        if (hook == null || !inFlight.isEmpty() || !beforeShutdown.isEmpty() || !atShutdown.isEmpty()) {
            return;
        }
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
            hook = null;
        } catch (IllegalStateException e) {
            // it runs, or is about to
        }
    }

    private static void awaitInFlight() {
        List<Runnable> first;
        synchronized (lock) {
            first = List.copyOf(beforeShutdown);
            begun = true;
        }
        first.forEach(ProcessExit::run);
        awaitNone();
        List<Runnable> last;
        synchronized (lock) {
            last = List.copyOf(atShutdown);
        }
        last.forEach(ProcessExit::run);
    }

    /** One work's failure is no reason to leave out the others, nor to end the process under those in flight. */
    private static void run(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            LoggerFactory.getLogger(ProcessExit.class).warn("what was to be ended in good order was not", e);
        }
    }

    private static void awaitNone() {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SHUTDOWN_WAIT_SECONDS);
        exiting = true;
        whenExiting.forEach(ProcessExit::run);
        synchronized (lock) {
            int idle = 0;
            while (!inFlight.isEmpty()) {
                idle = nobodyComputes() ? idle + 1 : 0;
                if (idle > (somebodyExits() ? 1 : IDLE_LOOKS)) {
                    whenStuck.forEach(ProcessExit::run);
                    return;
                }
                long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
                if (left <= 0) {
                    LoggerFactory.getLogger(ProcessExit.class).warn("native work still runs; exiting all the same");
                    whenStuck.forEach(ProcessExit::run);
                    return;
                }
                try {
                    lock.wait(Math.min(left, LOOK_MILLIS));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
        }
    }

    /**
     * Whether all in flight wait in Java's code for something else, such as a router for an answer: who works, in native
     * code too, does not. What they wait for may come after the exit only.
     */
    private static boolean nobodyComputes() {
        return inFlight.keySet().stream().noneMatch(thread -> thread.getState() == Thread.State.RUNNABLE);
    }

    /** Whether one of those in flight has called {@code System.exit}, such as a router: its work never ends. */
    private static boolean somebodyExits() {
        return inFlight.keySet().stream()
                .flatMap(thread -> Stream.of(thread.getStackTrace()))
                .anyMatch(ProcessExit::isExit);
    }

    private static boolean isExit(StackTraceElement frame) {
        return frame.getClassName().equals("java.lang.Shutdown");
    }
}
