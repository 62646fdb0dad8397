package dev.thinkingvit.distributed;

import dev.thinkingvit.files.Reasons;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Runs a program as several processes on this machine that form one {@link ProcessGroup}: copies of this JVM, with the same
 * Java, class path and options, each with its share of the cores.
 *
 * <p>Each finds its {@link Rendezvous} in its environment, and {@code LOCAL_WORLD_SIZE}, the number of processes on this
 * machine. Process 0 has this process's standard input, output and error; of the others, standard output is dropped, and
 * the last lines of standard error are shown if they fail. When one fails, the others are ended; when this process is
 * asked to end, so are they, and if it is killed, those that have joined a group end themselves.
 *
 * <pre>{@code
 * new ProcessLauncher("com.example.Main", List.of("train", "--epochs", "3")).run(4);
 * }</pre>
 *
 * <p>Threading: {@link #run} blocks its caller; an instance may be used any number of times.
 */
public final class ProcessLauncher {
    private static final int SIGNALLED = 128; // exit codes of processes that a signal ended begin here

    /** Exit code of a process that was told to end and has done so in good order. */
    public static final int STOPPED = 130;

    /**
     * Exit code of a process that failed of what somebody else says: one other than 0 that told its group why
     * ({@link ProcessGroup#fail}), which process 0 says then; or any that saw another one die
     * ({@link ProcessGroup#sawDeath}), which the launcher says.
     */
    public static final int TOLD = 3;

    /** Told to end, a process may first finish and save what it does; whoever cannot wait kills it. */
    private static final Duration GOOD_ORDER = Duration.ofMinutes(2);

    private final List<String> command;
    private final Grace grace;

    /**
     * How long the others get after the first failure.
     *
     * @param own to end by themselves, since they hear of the failure and can say more about it
     * @param asked until they are killed, after they were asked to end: process 0 may be saving
     */
    record Grace(Duration own, Duration asked) {
        static final Grace STANDARD = new Grace(Duration.ofSeconds(3), Duration.ofSeconds(30));
    }

    /**
     * @param mainClass the class that each process runs
     * @param arguments its arguments, the same for all
     */
    public ProcessLauncher(String mainClass, List<String> arguments) {
        this(mainClass, arguments, Grace.STANDARD);
    }

    ProcessLauncher(String mainClass, List<String> arguments, Grace grace) {
        this.command = new ArrayList<>(List.of(mainClass));
        this.command.addAll(arguments);
        this.grace = grace;
    }

    /**
     * Starts the processes and waits until all have ended.
     *
     * @param processes at least 1
     * @return 0; {@link #STOPPED} if processes have ended so; or the exit code with which process 0 failed where that has
     *     said why, since all others that failed ended with {@link #TOLD}
     * @throws DistributedException if one fails: names its rank and its exit code or signal
     */
    public int run(int processes) {
        return run(
                processes,
                new FileOutputStream(FileDescriptor.out),
                new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8));
    }

    /** As {@link #run(int)}; process 0's standard output and the others' last lines go elsewhere. */
    int run(int processes, OutputStream out, PrintStream err) {
        if (processes < 1) {
            throw new IllegalArgumentException("processes must be at least 1; it is " + processes);
        }
        BlockingQueue<Child> ended = new LinkedBlockingQueue<>();
        List<Child> children = new ArrayList<>();
        Thread hook = new Thread(() -> endAll(children, GOOD_ORDER), "thinkingvit-launcher-shutdown");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            int port = freePort();
            for (int rank = 0; rank < processes; rank++) {
                Child child = start(rank, processes, port, out);
                synchronized (children) {
                    children.add(child);
                }
                child.whenEnded(() -> ended.add(child));
            }
            List<Child> failed = awaitAll(children, ended);
            if (hasSaid(failed)) {
                return children.get(0).exitCode();
            }
            if (!failed.isEmpty()) {
                Child culprit = culprit(failed);
                failed.stream()
                        .filter(child -> child == culprit || culprit.exitCode() == TOLD || child.exitCode() != TOLD)
                        .forEach(child -> child.showLastLines(err));
                throw new DistributedException(verdict(culprit, failed));
            }
            return children.stream().anyMatch(child -> child.exitCode() == STOPPED) ? STOPPED : 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DistributedException("interrupted while the processes ran; they were ended", e);
        } catch (IOException e) {
            throw new DistributedException("a process could not be started: " + Reasons.of(e), e);
        } finally {
            endAll(children, Duration.ofSeconds(20)); // those that an exception left
            removeHook(hook);
        }
    }

    private Child start(int rank, int processes, int port, OutputStream out) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(javaCommand(processes));
        Map<String, String> environment = builder.environment();
        environment.put("MASTER_ADDR", "127.0.0.1");
        environment.put("MASTER_PORT", String.valueOf(port));
        environment.put("RANK", String.valueOf(rank));
        environment.put("WORLD_SIZE", String.valueOf(processes));
        environment.put("LOCAL_RANK", String.valueOf(rank));
        environment.put("LOCAL_WORLD_SIZE", String.valueOf(processes));
        environment.put(
                LauncherWatch.VARIABLE, String.valueOf(ProcessHandle.current().pid()));
        if (rank == 0) {
            builder.redirectInput(ProcessBuilder.Redirect.INHERIT).redirectError(ProcessBuilder.Redirect.INHERIT);
        } else {
            builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
        }
        return new Child(rank, processes, builder.start(), out);
    }

    private List<String> javaCommand(int processes) {
        List<String> java = new ArrayList<>();
        java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        boolean cores = false;
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            // a debugger's port can be had only once
            if (!option.startsWith("-agentlib:jdwp") && !option.startsWith("-Xrunjdwp")) {
                java.add(option);
                cores |= option.startsWith("-XX:ActiveProcessorCount");
            }
        }
        if (!cores) {
            // everything that sizes a pool asks the JVM for the cores: native threads, decoders, collectors
            java.add("-XX:ActiveProcessorCount="
                    + Math.max(1, Runtime.getRuntime().availableProcessors() / processes));
        }
        java.add("-cp");
        java.add(System.getProperty("java.class.path"));
        java.addAll(command);
        return java;
    }

    private List<Child> awaitAll(List<Child> children, BlockingQueue<Child> ended) throws InterruptedException {
        List<Child> failed = new ArrayList<>();
        long firstFailure = 0;
        boolean asked = false;
        int running = children.size();
        while (running > 0) {
            Child child = failed.isEmpty() ? ended.take() : ended.poll(100, TimeUnit.MILLISECONDS);
            if (child != null) {
                running--;
                if (child.exitCode() != 0 && child.exitCode() != STOPPED) {
                    if (failed.isEmpty()) {
                        firstFailure = OwnTime.nanos();
                    }
                    failed.add(child);
                }
            }
            if (!failed.isEmpty()) {
                long since = OwnTime.nanos() - firstFailure;
                if (!asked && since > grace.own().toNanos()) {
                    asked = true;
                    children.forEach(Child::ask);
                }
                if (since > grace.own().plus(grace.asked()).toNanos()) {
                    children.forEach(Child::kill);
                }
            }
        }
        return failed;
    }

    /** Whether this process was started by a launcher, which says how each of its processes ended. */
    public static boolean isLaunched() {
        return System.getenv(LauncherWatch.VARIABLE) != null;
    }

    /** Whether this process was started by a launcher, and is not the one whose words people see as they come. */
    public static boolean isHeardByLauncher() {
        return isLaunched() && !"0".equals(System.getenv("RANK"));
    }

    /** Whether process 0 failed by itself, and what the others failed of is what it says. */
    private static boolean hasSaid(List<Child> failed) {
        return failed.stream()
                        .anyMatch(child -> child.rank() == 0
                                && !child.wasEnded()
                                && child.exitCode() < SIGNALLED
                                && child.exitCode() != TOLD)
                && failed.stream().allMatch(child -> child.rank() == 0 || child.exitCode() == TOLD);
    }

    /** The others fail because one did, and end in any order. One that a signal ended, but not ours, came first. */
    private static Child culprit(List<Child> failed) {
        return failed.stream()
                .filter(child -> child.exitCode() > SIGNALLED && !child.wasEnded())
                .findFirst()
                .or(() -> failed.stream()
                        .filter(child -> child.exitCode() != TOLD)
                        .findFirst())
                .orElse(failed.get(0));
    }

    private static String verdict(Child culprit, List<Child> failed) {
        String hung = failed.stream()
                .filter(child -> child != culprit && child.wasKilled())
                .map(child -> String.valueOf(child.rank()))
                .collect(Collectors.joining(", "));
        return culprit.end() + (hung.isEmpty() ? "" : "; rank " + hung + " did not end when asked to and was killed");
    }

    private static void endAll(List<Child> children, Duration atMost) {
        List<Child> alive;
        synchronized (children) {
            alive = children.stream().filter(Child::isAlive).toList();
        }
        alive.forEach(Child::ask);
        long deadline = System.nanoTime() + atMost.toNanos();
        boolean interrupted = false;
        for (Child child : alive) {
            interrupted |= !child.await(Math.max(1, deadline - System.nanoTime()));
            child.kill();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // it is running
        }
    }

    /** Below the ports that systems give to outgoing connections, so that none takes it before process 0 does. */
    private static int freePort() throws IOException {
        Random random = new Random();
        for (int i = 0; i < 100; i++) {
            int port = 20_000 + random.nextInt(12_000);
            try (ServerSocket probe = new ServerSocket()) {
                probe.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port));
                return port;
            } catch (BindException e) {
                // another one
            }
        }
        throw new IOException("no free port on 127.0.0.1 between 20000 and 32000");
    }
}
