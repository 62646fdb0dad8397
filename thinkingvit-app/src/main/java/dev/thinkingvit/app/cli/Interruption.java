package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.ProcessExit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Lets a command end in good order when the process is told to end, by SIGINT, SIGTERM or SIGHUP. While one is open the
 * process waits for the command, and its exit code is the command's, whatever the signal was.
 */
final class Interruption implements AutoCloseable {
    /** What the program is about to exit with. */
    private static final CompletableFuture<Integer> EXIT = new CompletableFuture<>();

    private static final int LAST_WORDS_SECONDS = 10;

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Runnable hook;

    /** @param stop makes the command end soon; called on another thread */
    Interruption(Runnable stop) {
        this.hook = () -> {
            stop.run();
            try {
                ended.await();
                // a signal's own code would say nothing of how the command ended
                Runtime.getRuntime().halt(EXIT.get(LAST_WORDS_SECONDS, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (ExecutionException | TimeoutException e) {
                // the virtual machine exits with the signal's code
            }
        };
        ProcessExit.beforeShutdown(hook);
    }

    /** The program has said all it had to say, and exits. */
    static void exits(int code) {
        EXIT.complete(code);
    }

    /** The command has ended. */
    @Override
    public void close() {
        ProcessExit.notBeforeShutdown(hook);
        ended.countDown();
    }
}
