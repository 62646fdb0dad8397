package dev.thinkingvit.benchmarks;

import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.RangesFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A model in files, as a model directory and as an export; both are deleted when it is closed. */
record SavedModel(InferenceBenchmark.Subject subject, Path root) implements AutoCloseable {
    static SavedModel of(InferenceBenchmark.Subject subject) throws IOException {
        return new SavedModel(subject, Files.createTempDirectory("thinkingvit-bench"));
    }

    /** What a way to run it loads; written when first asked for. */
    Path folder(InferenceBenchmark.Way way) throws IOException {
        boolean ours = way.label.startsWith("ours");
        Path folder = root.resolve(ours ? "model" : way.option());
        if (!Files.exists(folder)) {
            switch (way) {
                case ONNX_INT8 -> export(folder, subject.ranges(), OnnxExport.Layout.SHARED);
                case ONNX_DYNAMIC ->
                    DynamicQuantization.of(export(folder, null, OnnxExport.Layout.EMBEDDED)); // as it wants them
                case ONNX -> export(folder, null, OnnxExport.Layout.SHARED);
                default -> ModelDirectory.write(folder, subject.config(), subject.weights());
            }
        }
        if (way == InferenceBenchmark.Way.OURS_INT8 && !Files.exists(folder.resolve(RangesFile.NAME))) {
            RangesFile.write(ModelDirectory.read(folder), subject.ranges(), 0);
        }
        return folder;
    }

    private ExportedModel export(Path folder, @Nullable ActivationRanges ranges, OnnxExport.Layout layout) {
        return OnnxExport.write(folder, subject.config(), subject.weights(), ranges, layout, "benchmark", true);
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
