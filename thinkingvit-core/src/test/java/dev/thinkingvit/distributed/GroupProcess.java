package dev.thinkingvit.distributed;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;

/** A process that runs {@link GroupMember}. */
@NullUnmarked // a null fails the test
final class GroupProcess implements AutoCloseable {
    private final Process process;
    private final Path out;
    private final Path err;

    private GroupProcess(Process process, Path out, Path err) {
        this.process = process;
        this.out = out;
        this.err = err;
    }

    /** Starts one process of a group that meets at {@code address}. */
    static GroupProcess start(
            Path folder, List<String> prefix, String address, int port, int rank, int size, List<String> arguments)
            throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-XX:TieredStopAtLevel=1");
        command.add("-XX:+UseSerialGC");
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.addAll(arguments.subList(0, arguments.size() - 1)); // JVM options
        command.add(GroupMember.class.getName());
        command.add(arguments.get(arguments.size() - 1));
        Path out = Files.createTempFile(folder, "rank" + rank, ".out");
        Path err = Files.createTempFile(folder, "rank" + rank, ".err");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment()
                .putAll(Map.of(
                        "MASTER_ADDR",
                        address,
                        "MASTER_PORT",
                        String.valueOf(port),
                        "RANK",
                        String.valueOf(rank),
                        "WORLD_SIZE",
                        String.valueOf(size),
                        "LOCAL_RANK",
                        "0"));
        return new GroupProcess(builder.start(), out, err);
    }

    /** Starts a whole group on this machine. */
    static List<GroupProcess> startAll(Path folder, int size, String... arguments) throws IOException {
        List<GroupProcess> processes = new ArrayList<>();
        int port = Ports.free();
        for (int rank = 0; rank < size; rank++) {
            processes.add(start(folder, List.of(), "127.0.0.1", port, rank, size, List.of(arguments)));
        }
        return processes;
    }

    long pid() {
        return process.pid();
    }

    void awaitOutput(String text) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!Files.readString(out).contains(text)) {
            assertThat(process.isAlive())
                    .as("%s%s", Files.readString(out), err())
                    .isTrue();
            assertThat(System.nanoTime()).as("waiting for " + text).isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    void signal(String name) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-" + name, String.valueOf(pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    /** The exit code. */
    int await() throws InterruptedException {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends").isTrue();
        return process.exitValue();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    List<String> out() throws IOException {
        return Files.readAllLines(out);
    }

    String err() throws IOException {
        return Files.readString(err);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
