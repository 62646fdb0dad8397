package dev.thinkingvit.data;

import dev.thinkingvit.picture.PictureException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One pass of a {@link BatchLoader} over its samples. One thread takes the batches; closing early gives up those ahead.
 */
public final class Epoch implements AutoCloseable {

    private final BatchLoader loader;
    private final int number;
    private final int[] order;
    private final int firstNumber;
    private final int batches;
    private final Deque<PendingBatch> ahead = new ArrayDeque<>();
    private final List<BatchLoader.Failure> failures = new ArrayList<>();
    private int submitted;
    private long waitNanos;
    private boolean closed;

    /**
     * @param order the entries of its batches, and no others
     * @param firstNumber number of the first batch
     */
    Epoch(BatchLoader loader, int number, int[] order, int firstNumber) {
        this.loader = loader;
        this.number = number;
        this.order = order;
        this.firstNumber = firstNumber;
        int size = loader.settings.batchSize;
        this.batches = (order.length + size - 1) / size;
        submitAhead();
    }

    /** Its number. */
    public int number() {
        return number;
    }

    /** How many batches it has from where it was begun; fewer come if all pictures of one are left out. */
    public int batches() {
        return batches;
    }

    /** How many samples these cover, those of a dropped last batch not counted. */
    public int samples() {
        return order.length;
    }

    /**
     * The next batch, or null after the last. Waits until it is ready.
     *
     * @throws PictureException if a file is broken and the policy is to fail; the epoch is then closed
     * @throws InterruptedIOException if the thread was interrupted while waiting
     * @throws IllegalStateException if the epoch or its loader was closed, or a transform failed (which is its cause)
     */
    public @Nullable Batch next() throws IOException {
        for (PendingBatch pending = poll(); pending != null; pending = poll()) {
            Batch batch = pending.batch();
            if (batch != null) {
                return batch;
            }
        }
        return null;
    }

    /**
     * As {@link #next}, for consumers that count: gives as many as {@link #batches} says, empty where every picture of
     * one was left out.
     *
     * @throws IllegalStateException after the last
     */
    public Optional<Batch> take() throws IOException {
        PendingBatch pending = poll();
        if (pending == null) {
            throw new IllegalStateException("The epoch has no further batch");
        }
        return Optional.ofNullable(pending.batch());
    }

    private @Nullable PendingBatch poll() throws IOException {
        if (closed) {
            throw new IllegalStateException("The epoch is closed");
        }
        PendingBatch pending = ahead.poll();
        if (pending == null) {
            return null;
        }
        try {
            await(pending);
            pending.rethrow();
        } catch (IOException | RuntimeException | Error e) {
            pending.cancel();
            close();
            throw e;
        }
        submitAhead();
        for (BatchLoader.Failure failure : pending.failures()) {
            failures.add(failure);
            loader.settings.onFailure.accept(failure);
        }
        return pending;
    }

    /** The pictures left out of the batches taken so far, in order. */
    public List<BatchLoader.Failure> failures() {
        return List.copyOf(failures);
    }

    /** How long {@link #next} has waited for batches so far: time in which the consumer was held up. */
    public long waitNanos() {
        return waitNanos;
    }

    /** Gives up what was prepared. Pictures being worked on are finished in the background. */
    @Override
    public void close() {
        closed = true;
        ahead.forEach(PendingBatch::cancel);
        ahead.clear();
    }

    private void submitAhead() {
        while (ahead.size() < loader.settings.prefetch && submitted < batches) {
            int size = loader.settings.batchSize;
            int from = submitted * size;
            int to = Math.min(from + size, order.length);
            PendingBatch pending = new PendingBatch(loader, number, firstNumber + submitted, order, from, to);
            submitted++;
            ahead.add(pending);
            try {
                pending.submit();
            } catch (RejectedExecutionException e) {
                close();
                throw new IllegalStateException("The batch loader is closed", e);
            }
        }
    }

    private void await(PendingBatch pending) throws InterruptedIOException {
        long start = System.nanoTime();
        try {
            // A closed loader drops what is queued, which then never gets ready.
            while (!pending.done.await(200, TimeUnit.MILLISECONDS)) {
                if (loader.workers.isTerminated() && pending.done.getCount() > 0) {
                    throw new IllegalStateException("The batch loader was closed while its epoch was read");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("Interrupted while waiting for a batch");
        } finally {
            waitNanos += System.nanoTime() - start;
        }
    }
}
