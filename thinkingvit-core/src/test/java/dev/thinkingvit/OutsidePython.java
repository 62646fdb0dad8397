package dev.thinkingvit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Clients in Python that read what is written here: the Python of the system property {@code thinkingvit.python}, else of
 * the environment variable {@code THINKINGVIT_PYTHON}, else {@code python3}. Tests skip, saying so, where it lacks a
 * package.
 */
public final class OutsidePython {
    private OutsidePython() {}

    /** What a program prints, line by line; the test skips without the package, and fails if the program does. */
    public static List<String> lines(String needed, String program, String... arguments)
            throws IOException, InterruptedException {
        assumeTrue(
                python("import " + needed).exit() == 0,
                interpreter() + " has no " + needed + "; name one that has with THINKINGVIT_PYTHON");
        Output output = python(program, arguments);
        assertThat(output.exit()).as(output.errors()).isZero();
        return output.text().lines().toList();
    }

    private record Output(int exit, String text, String errors) {}

    private static Output python(String program, String... arguments) throws IOException, InterruptedException {
        Path out = Files.createTempFile("python", ".out");
        Path err = Files.createTempFile("python", ".err");
        try {
            List<String> command = new ArrayList<>(List.of(interpreter(), "-c", program));
            command.addAll(List.of(arguments));
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
            builder.environment().put("PYTHONIOENCODING", "utf-8");
            Process process = builder.start();
            if (!process.waitFor(2, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new IOException(interpreter() + " did not answer within two minutes");
            }
            return new Output(process.exitValue(), text(out), text(err));
        } catch (IOException e) {
            return new Output(-1, "", String.valueOf(e.getMessage()));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    private static String text(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.UTF_8);
    }

    private static String interpreter() {
        String environment = System.getenv("THINKINGVIT_PYTHON");
        String python = environment == null || environment.isBlank() ? "python3" : environment;
        return System.getProperty("thinkingvit.python", python);
    }
}
