package dev.thinkingvit.train;

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
 * The real TensorBoard, where there is one: the Python of the system property {@code thinkingvit.python}, else of the
 * environment variable {@code THINKINGVIT_PYTHON}, else {@code python3}. Tests skip, saying so, where it lacks the
 * package {@code tensorboard}.
 */
final class TensorBoard {
    private static final String READ = "import sys; from tensorboard.util import tensor_util as u;"
            + " from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator;"
            + " a = EventAccumulator(sys.argv[1], size_guidance={'tensors': 0}).Reload();"
            + " name = lambda tag: a.SummaryMetadata(tag).plugin_data.plugin_name;"
            + " show = lambda v: v.decode() if isinstance(v, bytes) else repr(float(v));"
            + " [print(name(tag), tag, e.step, show(u.make_ndarray(e.tensor_proto).item()))"
            + " for tag in sorted(a.Tags()['tensors']) for e in a.Tensors(tag)]";

    private TensorBoard() {}

    /** What it reads in a run's folder: a line {@code plugin tag step value} for each point. */
    static List<String> read(Path run) throws IOException, InterruptedException {
        assumeTrue(
                python("import tensorboard").exit() == 0,
                interpreter() + " has no tensorboard; name one that has with THINKINGVIT_PYTHON");
        Output output = python(READ, run.toString());
        assertThat(output.exit()).as(output.errors()).isZero();
        return output.text().lines().toList();
    }

    private record Output(int exit, String text, String errors) {}

    private static Output python(String program, String... arguments) throws IOException, InterruptedException {
        Path out = Files.createTempFile("tensorboard", ".out");
        Path err = Files.createTempFile("tensorboard", ".err");
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
