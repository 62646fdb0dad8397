package dev.thinkingvit.benchmarks;

import dev.thinkingvit.onnx.ExportedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * An export quantised by ONNX Runtime's own {@code quantize_dynamic} with its defaults, as its users do it, who have no
 * pictures to measure ranges with. It is a program in Python: without one that has it, it is left out, and said so.
 */
final class DynamicQuantization {
    /** What is needed, in words. */
    static final String REQUIRED =
            "it is made by a Python with onnxruntime and onnx, which THINKINGVIT_PYTHON names, or python3 is";

    private static final String IMPORT = "from onnxruntime.quantization import quantize_dynamic";
    private static final String QUANTISE = IMPORT + "; import sys; quantize_dynamic(sys.argv[1], sys.argv[1])";

    private DynamicQuantization() {}

    /** Whether there is such a program. */
    static boolean isHere() {
        try {
            return run(IMPORT).code == 0;
        } catch (IOException e) {
            return false; // there is no Python
        }
    }

    /**
     * Replaces each stage's graph, which holds its weights.
     *
     * @throws IOException if the program fails, with the last it said
     */
    static void of(ExportedModel exported) throws IOException {
        for (ExportedModel.Stage stage : exported.stages()) {
            Path graph = exported.graph(stage.stage());
            Ended ended = run(QUANTISE, graph.toString());
            if (ended.code != 0) {
                throw new IOException(graph + ": quantize_dynamic failed: " + ended.last);
            }
        }
    }

    private record Ended(int code, String last) {}

    private static Ended run(String program, String... arguments) throws IOException {
        String asked = System.getenv("THINKINGVIT_PYTHON");
        ProcessBuilder builder = new ProcessBuilder(asked == null ? "python3" : asked, "-c", program);
        builder.command().addAll(List.of(arguments));
        Process process = builder.redirectErrorStream(true).start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();
        try {
            return new Ended(process.waitFor(), lines.isEmpty() ? "" : lines.get(lines.size() - 1));
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
