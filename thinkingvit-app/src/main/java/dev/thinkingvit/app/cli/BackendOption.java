package dev.thinkingvit.app.cli;

import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What computes, for the commands that run a model. */
final class BackendOption {
    @Option(
            names = "--backend",
            paramLabel = "B",
            description = "torch, or onnx for a folder that 'export' wrote. Default: auto, what the folder is for.")
    private Backend backend = Backend.AUTO;

    @Mixin
    private final CheckpointOptions checkpoint = new CheckpointOptions();

    private enum Backend {
        AUTO,
        TORCH,
        ONNX
    }

    /**
     * Opens a model directory, a checkpoint file or an exported model; the caller closes it.
     *
     * @param precision null for bf16 where it is faster and known to predict the same, else fp32
     * @param err where to say what was done to a checkpoint
     */
    ElasticClassifier open(Path path, @Nullable Precision precision, PrintWriter err) throws IOException {
        return open(path, precision, new PreprocessingOptions(), err);
    }

    /**
     * As {@link #open(Path, Precision, PrintWriter)}, with pictures prepared as was asked for.
     *
     * @throws IOException if they are to be of another size than an exported model's graphs take
     */
    ElasticClassifier open(
            Path path, @Nullable Precision precision, PreprocessingOptions preprocessing, PrintWriter err)
            throws IOException {
        PreprocessingChange change = preprocessing.change();
        if (isExported(path)) {
            if (checkpoint.given() != null) {
                throw new IOException(path + ": " + checkpoint.given()
                        + " is for checkpoints; an exported model's description is complete");
            }
            return ElasticClassifier.of(
                    ExportedModel.read(path).with(change), precision == null ? Precision.FP32 : precision);
        }
        ModelImport.Imported imported = checkpoint.read(path);
        CheckpointOptions.tell(imported, change, err);
        ModelDirectory.Model model = imported.model().with(change);
        return ElasticClassifier.of(
                model, precision == null ? ElasticClassifier.precisionFor(model.config()) : precision);
    }

    /**
     * Whether the folder is opened as an exported model.
     *
     * @throws IOException if it does not hold what the backend that was asked for runs
     */
    boolean isExported(Path folder) throws IOException {
        boolean model = Files.exists(folder.resolve(ModelDirectory.CONFIG)) || Files.isRegularFile(folder);
        boolean export = ExportedModel.isIn(folder);
        if (backend == Backend.TORCH && export && !model) {
            throw new IOException(
                    folder + ": is an exported model, which --backend onnx runs; torch runs model directories");
        }
        if (backend == Backend.ONNX && model && !export) {
            throw new IOException(folder + ": is a " + (Files.isRegularFile(folder) ? "checkpoint" : "model directory")
                    + ", --backend onnx runs exports: 'thinkingvit export"
                    + " --format onnx --model " + folder + " --out DIR' makes one");
        }
        return backend == Backend.ONNX || (backend == Backend.AUTO && export && !model);
    }

    /** Says so where a model's classes have names that it does not give them itself. */
    static void tellNames(ModelConfig config, PrintWriter err) {
        if (config.labels().isEmpty() && config.isImageNet()) {
            err.println("note: the model names none of its 1,000 classes: they are taken for ImageNet's");
        }
    }

    /** Whether a checkpoint's own weights were asked for, and not their moving average. */
    boolean ownWeights() {
        return checkpoint.ownWeights();
    }

    /** As it is written on the command line. */
    String name(Path folder) throws IOException {
        return (isExported(folder) ? Backend.ONNX : Backend.TORCH).name().toLowerCase(Locale.ROOT);
    }
}
