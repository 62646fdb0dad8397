package dev.thinkingvit.distributed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One process that a launcher started. Threading: any thread. */
final class Child {
    private static final int KEPT_LINES = 20;
    private static final int SIGNALLED = 128;
    private static final Map<Integer, String> SIGNALS = Map.of(
            1, "SIGHUP", 2, "SIGINT", 4, "SIGILL", 6, "SIGABRT", 7, "SIGBUS", 8, "SIGFPE", 9, "SIGKILL", 11, "SIGSEGV",
            15, "SIGTERM");

    private final int rank;
    private final int processes;
    private final Process process;
    private final Thread reader;
    private final Deque<String> lastLines = new ArrayDeque<>(); // guarded by itself
    private volatile boolean asked;
    private volatile boolean killed;

    Child(int rank, int processes, Process process, OutputStream out) {
        this.rank = rank;
        this.processes = processes;
        this.process = process;
        this.reader = Channel.start("child-" + rank, () -> read(out));
    }

    int rank() {
        return rank;
    }

    /** Calls {@code done} once the process has ended and its output is read. */
    void whenEnded(Runnable done) {
        Channel.start("wait-" + rank, () -> {
            try {
                process.waitFor();
                reader.join(1000); // a grandchild may hold the pipe open
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            done.run();
        });
    }

    boolean isAlive() {
        return process.isAlive();
    }

    int exitCode() {
        return process.exitValue();
    }

    /** Asks the process to end. */
    void ask() {
        if (process.isAlive()) {
            asked = true;
            process.toHandle().destroy(); // Process.destroy closes its output too, and its last words with it
        }
    }

    /** Ends the process without asking. */
    void kill() {
        if (process.isAlive()) {
            killed = true;
            process.destroyForcibly();
        }
    }

    /** @return false if the calling thread was interrupted */
    boolean await(long nanos) {
        try {
            process.waitFor(nanos, TimeUnit.NANOSECONDS);
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    /** Whether the launcher ended it. */
    boolean wasEnded() {
        return asked || killed;
    }

    boolean wasKilled() {
        return killed;
    }

    /** {@code process 1 of 2 (pid 7) was ended by SIGKILL (exit code 137)}. */
    String end() {
        int code = exitCode();
        String signal = SIGNALS.get(code - SIGNALLED);
        return Rendezvous.name(rank, processes) + " (pid " + process.pid() + ")"
                + (signal == null
                        ? " failed with exit code " + code
                        : " was ended by " + signal + " (exit code " + code + ")");
    }

    /** What it said last on standard error, unless everybody saw that already. */
    void showLastLines(PrintStream err) {
        synchronized (lastLines) {
            lastLines.forEach(line -> err.println("[process " + rank + "] " + line));
        }
    }

    private void read(OutputStream out) {
        try {
            if (rank == 0) {
                // closed at the end, so that the process learns if nobody reads any more
                try (InputStream in = process.getInputStream()) {
                    GlooNotices.copyWithout(in, out);
                }
            } else {
                process.getOutputStream().close();
                keepLastLines();
            }
        } catch (IOException e) {
            // the process has ended, or nobody wants its output any more, which it learns by itself
        }
    }

    private void keepLastLines() throws IOException {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                synchronized (lastLines) {
                    lastLines.addLast(line);
                    if (lastLines.size() > KEPT_LINES) {
                        lastLines.removeFirst();
                    }
                }
            }
        }
    }
}
