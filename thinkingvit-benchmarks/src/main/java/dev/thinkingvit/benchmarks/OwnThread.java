package dev.thinkingvit.benchmarks;

import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A contender on a thread of its own, which ends with its turn. A thread that once computed in parallel keeps a team of native
 * threads. With a second team there are more threads than cores, OpenMP then hardly spins where threads meet, and everybody's
 * single pictures take up to twice as long. A team ends with its thread.
 */
final class OwnThread implements Contender {
    private final Contender contender;
    private @Nullable ExecutorService thread;

    /** @param maker called on such a thread, too */
    OwnThread(Supplier<Contender> maker) throws IOException {
        try {
            this.contender = on(turn(), maker::get);
        } finally {
            rest();
        }
    }

    private ExecutorService turn() {
        if (thread == null) {
            thread = Executors.newSingleThreadExecutor(work -> new Thread(work, "benchmark-turn"));
        }
        return thread;
    }

    private static <T> T on(ExecutorService thread, Callable<T> work) throws IOException {
        try {
            return thread.submit(work).get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public String name() {
        return contender.name();
    }

    @Override
    public double unitsPerStep() {
        return contender.unitsPerStep();
    }

    @Override
    public int warmUpSteps(int turn) {
        return contender.warmUpSteps(turn);
    }

    @Override
    public void settle() throws IOException {
        on(turn(), () -> {
            contender.settle();
            return true;
        });
    }

    @Override
    public void step() throws IOException {
        on(turn(), () -> {
            contender.step();
            return true;
        });
    }

    @Override
    public void rest() {
        if (thread == null) {
            return;
        }
        thread.shutdown();
        try {
            thread.awaitTermination(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        thread = null;
    }

    @Override
    public void close() {
        rest();
        contender.close();
    }
}
