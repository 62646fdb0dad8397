package dev.thinkingvit.tensor;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * The lifetime of native objects: everything native that a thread creates while its innermost scope is open is freed
 * when that scope closes. One scope spans a training step, a request or a batch; inner scopes free what a block of the
 * network needed.
 *
 * <p>Threading: a scope belongs to the thread that opened it and closes there. An outermost one delays the process's exit
 * until it is closed, and cannot be opened once the process is exiting: {@link ShutdownException}.
 *
 * <pre>{@code
 * try (Scope scope = new Scope()) {
 *     Tensor hidden = layer1(x);
 *     return scope.keep(layer2(hidden)); // survives, hidden does not
 * }
 * }</pre>
 */
public final class Scope implements AutoCloseable {
    // libtorch's globals are destroyed when the process exits, and an operation that still runs then crashes it. While
    // an outermost scope is open, a shutdown hook waits for it; at exit no more begin. Workers' scopes still do:
    // somebody with an open one waits for them. Between scopes there is no hook, so that a class loader that is dropped
    // is held by none.
    private static final long SHUTDOWN_WAIT_SECONDS = 30;
    private static final long LOOK_MILLIS = 50;
    private static final Object lock = new Object();
    private static final Set<Runnable> beforeShutdown = new LinkedHashSet<>(); // guarded by lock, as all below
    private static final Set<Runnable> atShutdown = new LinkedHashSet<>();
    private static final Map<Thread, Integer> inFlight = new HashMap<>(); // threads, with how often each began
    private static @Nullable Thread hook;
    private static boolean begun; // the works before shutdown
    private static volatile boolean exiting;

    private final @Nullable PointerScope outer;
    private final PointerScope inner;

    public Scope() {
        Natives.load();
        this.outer = PointerScope.getInnerScope();
        if (outer == null) {
            begin();
        }
        this.inner = new PointerScope();
    }

    /**
     * Hands {@code pointer} to the enclosing scope, or, where there is none, to the caller, who then closes it.
     *
     * @return {@code pointer}
     */
    public <T extends Pointer> T keep(T pointer) {
        if (outer == null) {
            pointer.retainReference();
        } else {
            outer.attach(pointer);
        }
        return pointer;
    }

    /**
     * Takes {@code pointer} out of all scopes: its owner closes it.
     *
     * @return {@code pointer}
     */
    public static <T extends Pointer> T own(T pointer) {
        pointer.retainReference();
        return pointer;
    }

    /**
     * Lets {@code work} end something in good order, native work included, when the process is told to exit.
     *
     * @param work called on a thread of its own; the exit waits for it. What it throws is logged
     * @throws ShutdownException if it is too late: the process has begun to exit, and the work will not be called
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

    /** Whether the process has begun to exit, and what still runs had better end. */
    public static boolean isExiting() {
        return exiting;
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

    /**
     * Does native work that the process's exit waits for, as for an open scope.
     *
     * @throws ShutdownException if the process is exiting
     */
    static <T extends @Nullable Object> T whileRunning(Callable<T> work) throws Exception {
        begin();
        try {
            return work.call();
        } finally {
            end();
        }
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

    @Override
    public void close() {
        try {
            inner.close();
        } finally {
            if (outer == null) {
                end();
            }
        }
    }

    private static void begin() {
        synchronized (lock) {
            if (!exiting || (Workers.isWorker() && !inFlight.isEmpty())) {
                hang();
                inFlight.merge(Thread.currentThread(), 1, Integer::sum);
                return;
            }
        }
        throw new ShutdownException();
    }

    private static void end() {
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
        Thread created = new Thread(null, Scope::awaitInFlight, "thinkingvit-shutdown", 0, false);
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
            begun = true;
            first = List.copyOf(beforeShutdown);
        }
        first.forEach(Scope::run);
        awaitNone();
        List<Runnable> last;
        synchronized (lock) {
            last = List.copyOf(atShutdown);
        }
        last.forEach(Scope::run);
    }

    /** One work's failure is no reason to leave out the others, nor to end the process under those in flight. */
    private static void run(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            LoggerFactory.getLogger(Scope.class).warn("what was to be ended in good order was not", e);
        }
    }

    private static void awaitNone() {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SHUTDOWN_WAIT_SECONDS);
        synchronized (lock) {
            exiting = true;
            int looksThatFoundThemWaitForUs = 0;
            while (!inFlight.isEmpty()) {
                looksThatFoundThemWaitForUs = waitForTheExit() ? looksThatFoundThemWaitForUs + 1 : 0;
                if (looksThatFoundThemWaitForUs > 1) {
                    ComputeThread.leaveAlone();
                    return;
                }
                long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
                if (left <= 0) {
                    LoggerFactory.getLogger(Scope.class).warn("native work still runs; exiting all the same");
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
     * Whether one of those in flight has called {@code System.exit}, such as a router, and the others, none of which is in
     * native code, wait for it: nobody's work ends then.
     */
    private static boolean waitForTheExit() {
        boolean hasCalledIt = false;
        for (Thread thread : inFlight.keySet()) {
            if (Stream.of(thread.getStackTrace()).anyMatch(Scope::isExit)) {
                hasCalledIt = true;
            } else if (thread.getState() == Thread.State.RUNNABLE) {
                return false;
            }
        }
        return hasCalledIt;
    }

    private static boolean isExit(StackTraceElement frame) {
        return frame.getClassName().equals("java.lang.Shutdown");
    }
}
