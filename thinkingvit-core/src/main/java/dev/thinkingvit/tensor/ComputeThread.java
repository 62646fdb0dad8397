package dev.thinkingvit.tensor;

import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.pytorch.GradMode;
import org.jspecify.annotations.Nullable;

/**
 * The one thread of the process on which inference's native work happens, and its workers.
 *
 * <p>Why one: an operation already spreads over all cores, and libtorch keeps a pool of workers for every thread that
 * ever called it, so that many calling threads would oversubscribe the machine; scopes, gradient mode and thread counts
 * are settings of a thread, and here they are set once. Callers on any number of threads queue up in order.
 *
 * <p>Work that divides into as many parts as there are cores is faster side by side, each part on a {@linkplain #workers
 * worker} that keeps to its core, than one operation after the other on all cores: nobody waits for anybody at the end of
 * each operation. The compute thread waits meanwhile.
 */
public final class ComputeThread {
    private static volatile @Nullable Thread thread;
    private static final ExecutorService executor = Executors.newSingleThreadExecutor(work -> {
        Thread created = new Thread(
                () -> {
                    Natives.setThreads(Natives.availableCores(), 1);
                    GradMode.set_enabled(false);
                    work.run();
                },
                "thinkingvit-compute");
        created.setDaemon(true);
        thread = created;
        return created;
    });

    private static final class Side {
        static final Workers WORKERS =
                new Workers(Natives.availableCores(), "thinkingvit-worker", () -> GradMode.set_enabled(false));
    }

    private ComputeThread() {}

    /** Whether the calling thread is one of the {@link #workers}, who must not wait for each other. */
    public static boolean isWorker() {
        return Workers.isWorker() && Side.WORKERS.isOneOfThem();
    }

    /** One worker a core, with gradients off, for use from the compute thread. */
    public static Workers workers() {
        return Side.WORKERS;
    }

    /**
     * Runs {@code work} with gradients off and every core at its disposal, and waits for it.
     *
     * @throws CancellationException if the calling thread is interrupted while it waits; its interrupt flag stays set
     */
    public static <T extends @Nullable Object> T call(Callable<T> work) {
        if (Thread.currentThread() == thread || isWorker()) { // whom the compute thread waits for
            try {
                return work.call();
            } catch (Exception e) {
                throw unchecked(e);
            }
        }
        Natives.load(); // what is missing fails here, not on a thread that nobody would hear
        try {
            return result(executor.submit(work));
        } catch (InterruptedException e) {
            // Not cancelled: work that has begun runs to its end, and the next in the queue must not overtake it.
            Thread.currentThread().interrupt();
            CancellationException cancelled = new CancellationException("interrupted while waiting for the network");
            cancelled.initCause(e);
            throw cancelled;
        }
    }

    /** As {@link #call}, but waits on when interrupted, for work whose result somebody must close; the flag stays set. */
    public static <T extends @Nullable Object> T callToTheEnd(Callable<T> work) {
        if (Thread.currentThread() == thread || isWorker()) {
            return call(work);
        }
        Natives.load();
        Future<T> running = executor.submit(work);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return result(running);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static <T extends @Nullable Object> T result(Future<T> running) throws InterruptedException {
        try {
            return running.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw unchecked((Exception) e.getCause());
        }
    }

    private static RuntimeException unchecked(@Nullable Exception e) {
        if (e instanceof RuntimeException runtime) {
            return TensorException.translate("libtorch", runtime);
        }
        return new IllegalStateException(e);
    }
}
