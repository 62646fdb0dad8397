package dev.thinkingvit.benchmarks;

import dev.thinkingvit.checkpoint.ModelConfig;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.onnx.OnnxRuntime;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Models on ONNX Runtime. */
final class OnnxExports {
    private OnnxExports() {}

    /** Exports a model to a folder that lives as long as this call and opens it; the caller closes what it gets. */
    static Backbone backbone(ModelConfig config, Map<String, HostTensor> weights) throws IOException {
        Path folder = Files.createTempDirectory("thinkingvit-onnx");
        try {
            return OnnxRuntime.open(OnnxExport.write(folder.resolve("model"), config, weights, false, "benchmark"));
        } finally {
            delete(folder);
        }
    }

    private static void delete(Path folder) throws IOException {
        List<Path> deepestFirst;
        try (Stream<Path> files = Files.walk(folder)) {
            deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : deepestFirst) {
            Files.delete(file);
        }
    }
}
