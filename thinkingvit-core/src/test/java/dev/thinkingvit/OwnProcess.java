package dev.thinkingvit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;

/** A Java program in a process of its own, whose output is a file. */
@NullUnmarked // a null fails the test
public final class OwnProcess implements AutoCloseable {
    private final Process process;
    private final Path out;

    private OwnProcess(Process process, Path out) {
        this.process = process;
        this.out = out;
    }

    /** Starts a program with this test's class path. */
    public static OwnProcess start(Path folder, Class<?> program, List<String> options, String... arguments)
            throws IOException {
        return start(folder, Map.of(), Path.of(System.getProperty("java.home")), program, options, arguments);
    }

    public static OwnProcess start(
            Path folder,
            Map<String, String> environment,
            Path javaHome,
            Class<?> program,
            List<String> options,
            String... arguments)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(javaHome.resolve("bin/java").toString());
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"));
        command.add(System.getProperty("java.class.path"));
        command.addAll(options);
        command.add(program.getName());
        command.addAll(List.of(arguments));
        Path out = Files.createTempFile(folder, "process", ".out");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile());
        builder.environment().putAll(environment);
        return new OwnProcess(builder.start(), out);
    }

    /** Waits for a text in what it prints. */
    public void awaitOutput(String text) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!out().contains(text)) {
            assertThat(process.isAlive()).as(out()).isTrue();
            assertThat(System.nanoTime())
                    .as("waiting for %s in %s", text, out())
                    .isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    /** SIGTERM, or what there is of the kind. */
    public void terminate() {
        process.destroy();
    }

    /** SIGKILL. */
    public void kill() {
        process.destroyForcibly();
    }

    /** Its exit code. */
    public int await(long seconds) throws IOException, InterruptedException {
        assertThat(process.waitFor(seconds, TimeUnit.SECONDS))
                .as("ends: %s", out())
                .isTrue();
        return process.exitValue();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** What it printed so far, debugging apart. */
    public String out() throws IOException {
        return Files.readString(out).replaceAll("(?m)^.* DEBUG .*\\R", "");
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
