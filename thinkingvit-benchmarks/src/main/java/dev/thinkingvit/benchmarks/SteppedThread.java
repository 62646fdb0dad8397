package dev.thinkingvit.benchmarks;

import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.SynchronousQueue;
import org.jspecify.annotations.Nullable;

/**
 * Work that would run from end to end, on a thread of its own that waits after every step until the next is wanted.
 * Steps are wanted by one thread, which closes it.
 */
final class SteppedThread implements AutoCloseable {
    /** Calls {@link #pause} after each step, and ends soon when that says so. */
    interface Work {
        void run() throws IOException;
    }

    private final String name;
    private final Work work;
    private final Thread thread;
    private final SynchronousQueue<Boolean> wanted = new SynchronousQueue<>();
    private final BlockingQueue<Boolean> done = new ArrayBlockingQueue<>(1);
    private volatile boolean closing;
    private volatile @Nullable Throwable failure;

    /** @param name of the work, for errors */
    SteppedThread(String name, Work work) {
        this.name = name;
        this.work = work;
        this.thread = new Thread(this::run, "benchmark-steps");
        thread.setDaemon(true);
    }

    private void run() {
        try {
            wanted.take();
            work.run();
            failure = closing ? null : new IllegalStateException("it ended by itself");
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            failure = e;
        }
        done.offer(false);
    }

    /** On the work's thread: a step is done. Waits for the next; false if there will be none. */
    boolean pause() {
        if (closing) {
            return false;
        }
        try {
            done.add(true);
            wanted.take();
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    /** Lets the work do its next step, and waits for it. */
    void step() throws IOException {
        if (thread.getState() == Thread.State.NEW) {
            thread.start();
        }
        try {
            wanted.put(true);
            if (!done.take()) {
                throw new IOException(name + " failed: " + failure, failure);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public void close() {
        closing = true;
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
