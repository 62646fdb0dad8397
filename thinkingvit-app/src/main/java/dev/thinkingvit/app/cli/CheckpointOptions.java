package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.HubModel;
import dev.thinkingvit.store.ModelImport;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a checkpoint does not say itself, for the commands that take one in place of a model directory. */
final class CheckpointOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "A config.json, complete or with just what the checkpoint cannot say.")
    private @Nullable Path config;

    @Option(
            names = "--weights",
            paramLabel = "WHICH",
            description =
                    "Of a checkpoint with several sets: ema (the moving average) or model. Default: ema where there"
                            + " is one.")
    private @Nullable Choice weights;

    private enum Choice {
        EMA,
        MODEL
    }

    /** Reads a directory or a file. */
    ModelImport.Imported read(Path path) {
        Path folder = path.getParent();
        if (Files.notExists(path) && (folder == null || Files.notExists(folder))) {
            HubModel.meant(path.toString()).ifPresent(name -> {
                throw new CheckpointException(path, Reasons.NO_SUCH_FILE + "; a hub's model is named " + name);
            });
        }
        return ModelImport.read(path, config, weights == null ? Weights.AUTO : Weights.valueOf(weights.name()));
    }

    /** Whether the model's own weights were asked for, and not their moving average. */
    boolean ownWeights() {
        return weights == Choice.MODEL;
    }

    /** The option that was given, which an exported model has no use for; null if none was. */
    @Nullable String given() {
        if (config != null) {
            return "--config";
        }
        return weights == null ? null : "--weights " + weights.name().toLowerCase(Locale.ROOT);
    }

    /** Says what was done on the way. */
    static void tell(Collection<String> notes, PrintWriter err) {
        notes.forEach(note -> err.println("note: " + Printable.of(note)));
    }

    /** Says what was done on the way, but for what is to be done otherwise. */
    static void tell(ModelImport.Imported imported, PreprocessingChange change, PrintWriter err) {
        tell(imported.notes(change), err);
    }
}
