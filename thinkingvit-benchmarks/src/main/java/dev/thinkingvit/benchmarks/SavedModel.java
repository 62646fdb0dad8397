package dev.thinkingvit.benchmarks;

import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.store.ModelDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A model in files, as a model directory and as an export; both are deleted when it is closed. */
record SavedModel(InferenceBenchmark.Subject subject, Path root) implements AutoCloseable {
    static SavedModel of(InferenceBenchmark.Subject subject) throws IOException {
        return new SavedModel(subject, Files.createTempDirectory("thinkingvit-bench"));
    }

    /** What a way to run it loads; written when first asked for. */
    Path folder(InferenceBenchmark.Way way) {
        boolean exported = way == InferenceBenchmark.Way.ONNX;
        Path folder = root.resolve(exported ? "onnx" : "model");
        if (!Files.exists(folder)) {
            if (exported) {
                OnnxExport.write(folder, subject.config(), subject.weights(), OnnxExport.Layout.SHARED, "benchmark");
            } else {
                ModelDirectory.write(folder, subject.config(), subject.weights());
            }
        }
        return folder;
    }

    @Override
    public void close() throws IOException {
        List<Path> deepestFirst;
        try (Stream<Path> files = Files.walk(root)) {
            deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path file : deepestFirst) {
            Files.delete(file);
        }
    }
}
