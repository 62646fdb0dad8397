package dev.thinkingvit.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Threads that each compute a share of a batch with one native thread of their own: operations that a native pool would
 * not split are done side by side, and no pool's spinning threads fight over the cores.
 */
public final class Workers implements AutoCloseable {
    private final ExecutorService pool;
    private final List<Thread> threads = new CopyOnWriteArrayList<>();
    private final int count;

    /**
     * @param name of the threads
     * @param begin what each thread does first
     */
    public Workers(int count, String name, Runnable begin) {
        this.count = count;
        AtomicInteger number = new AtomicInteger();
        this.pool = Executors.newFixedThreadPool(count, work -> {
            Thread thread = new Worker(
                    this,
                    () -> {
                        Natives.setThreads(1, 1);
                        begin.run();
                        work.run();
                    },
                    name + "-" + number.getAndIncrement());
            threads.add(thread);
            return thread;
        });
    }

    public int count() {
        return count;
    }

    /** What a worker does. */
    public interface Share {
        /** @param worker from 0 */
        void compute(int worker);
    }

    /**
     * Lets every worker compute its share and waits for all.
     *
     * @throws RuntimeException the first failure, or an {@link Error}, after all have ended
     */
    public void run(Share share) {
        List<Future<?>> running = new ArrayList<>();
        Throwable failure = null;
        try {
            for (int worker = 0; worker < count; worker++) {
                int number = worker;
                running.add(pool.submit(() -> share.compute(number)));
            }
        } catch (RuntimeException | Error e) { // no thread is to be had
            failure = e;
        }
        for (Future<?> work : running) {
            try {
                await(work);
            } catch (RuntimeException | Error e) {
                failure = failure == null ? e : failure; // after all have ended: they share tensors
            }
        }
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }

    /** Whether the calling thread is one of these. */
    public boolean isOneOfThem() {
        return Thread.currentThread() instanceof Worker worker && worker.crew == this;
    }

    /** Whether the calling thread is a worker of anybody, who waits for it. */
    static boolean isWorker() {
        return Thread.currentThread() instanceof Worker || Team.isHelper();
    }

    private static final class Worker extends Thread {
        private final Workers crew;

        Worker(Workers crew, Runnable work, String name) {
            super(null, work, name, 0, false);
            this.crew = crew;
            setDaemon(true);
            setContextClassLoader(null); // the application's would be held as long as this lives
        }
    }

    private static void await(Future<?> work) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    work.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    Throwable failure = e.getCause() == null ? e : e.getCause();
                    CallersTrace.addTo(failure);
                    if (failure instanceof RuntimeException cause) {
                        throw TensorException.translate("libtorch", cause);
                    }
                    if (failure instanceof Error error) {
                        throw error;
                    }
                    throw new IllegalStateException(failure);
                }
            }
        } catch (CancellationException e) {
            throw new IllegalStateException("the workers were closed", e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Returns when the threads have ended, not only their work: they hold native memory, and their class loader. */
    @Override
    public void close() {
        pool.shutdown();
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        try {
            for (Thread thread : threads) {
                TimeUnit.NANOSECONDS.timedJoin(thread, Math.max(1, end - System.nanoTime()));
                if (thread.isAlive()) {
                    throw new IllegalStateException("a worker did not end");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
