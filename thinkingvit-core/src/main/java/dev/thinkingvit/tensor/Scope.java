package dev.thinkingvit.tensor;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * The lifetime of native objects: everything native that a thread creates while its innermost scope is open is freed
 * when that scope closes. One scope spans a training step, a request or a batch; inner scopes free what a block of the
 * network needed.
 *
 * <p>Threading: a scope belongs to the thread that opened it and closes there.
 *
 * <pre>{@code
 * try (Scope scope = new Scope()) {
 *     Tensor hidden = layer1(x);
 *     return scope.keep(layer2(hidden)); // survives, hidden does not
 * }
 * }</pre>
 */
public final class Scope implements AutoCloseable {
    // libtorch's globals are destroyed when the process exits, and an operation that still runs then crashes it. The
    // shutdown hook therefore lets no more outermost scopes begin and waits for those that are open. Workers' scopes
    // still
    // begin: somebody with an open one waits for them.
    private static final AtomicInteger inFlight = new AtomicInteger();
    private static volatile boolean exiting;
    private static final long SHUTDOWN_WAIT_SECONDS = 30;
    private static final Set<Runnable> beforeShutdown = ConcurrentHashMap.newKeySet();
    private static final Set<Runnable> atShutdown = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(Scope::awaitInFlight, "thinkingvit-shutdown"));
    }

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
     * @param work called on a thread of its own; the exit waits for it
     */
    public static void beforeShutdown(Runnable work) {
        beforeShutdown.add(work);
    }

    /** Takes {@link #beforeShutdown} back. */
    public static void notBeforeShutdown(Runnable work) {
        beforeShutdown.remove(work);
    }

    /**
     * Lets {@code work} tidy up when the process exits, after all that ends in good order has ended.
     *
     * @param work called on a thread of its own; short, since the exit waits for it
     */
    public static void atShutdown(Runnable work) {
        atShutdown.add(work);
    }

    @Override
    public void close() {
        try {
            inner.close();
        } finally {
            if (outer == null) {
                inFlight.decrementAndGet();
            }
        }
    }

    private static void begin() {
        inFlight.incrementAndGet(); // before the look: the hook looks the other way round
        if (exiting && !Workers.isWorker()) {
            inFlight.decrementAndGet();
            while (true) {
                LockSupport.park(); // the process ends
            }
        }
    }

    private static void awaitInFlight() {
        beforeShutdown.forEach(Runnable::run);
        exiting = true;
        awaitNone();
        atShutdown.forEach(Runnable::run);
    }

    private static void awaitNone() {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SHUTDOWN_WAIT_SECONDS);
        try {
            while (inFlight.get() > 0) {
                if (System.nanoTime() > end) {
                    LoggerFactory.getLogger(Scope.class).warn("native work still runs; exiting all the same");
                    return;
                }
                Thread.sleep(1);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
