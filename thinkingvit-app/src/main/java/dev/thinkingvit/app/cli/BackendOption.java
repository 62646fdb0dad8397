package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.TorchDevice;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What computes, for the commands that run a model. */
final class BackendOption {
    @Option(
            names = "--backend",
            paramLabel = "B",
            description = "torch, or onnx for a folder that 'export' wrote. Default: auto, what the folder is for.")
    private Backend backend = Backend.AUTO;

    @Option(
            names = "--device",
            paramLabel = "NAME",
            description = "cpu, or cuda or cuda:n, by libtorch's operators, in fp32 unless --precision says bf16."
                    + " Default: cpu.")
    private String device = "cpu";

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

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
     * @param precision null for the fastest one that is known to predict the same
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
        TorchDevice where = device();
        if (isExported(path)) {
            if (where.isCuda()) {
                throw new IOException(path + ": is an exported model, which computes on the processor; --device "
                        + where + " is for model directories and checkpoints");
            }
            if (checkpoint.given() != null) {
                throw new IOException(path + ": " + checkpoint.given()
                        + " is for checkpoints; an exported model's description is complete");
            }
            ExportedModel exported = ExportedModel.read(path).with(change);
            return ElasticClassifier.of(exported, precision == null ? exported.precision() : precision);
        }
        if (Files.exists(path)) { // else it is said at once
            Natives.begin();
        }
        ModelImport.Imported imported;
        ModelDirectory.Model model;
        try {
            imported = checkpoint.read(path);
            model = imported.model().with(change);
        } catch (RuntimeException | Error e) {
            Natives.settleBegun();
            throw e;
        }
        CheckpointOptions.tell(imported, change, err);
        if (where.isCuda()) {
            return ElasticClassifier.builder().device(where).of(model, precision == null ? Precision.FP32 : precision);
        }
        return ElasticClassifier.of(model, precision == null ? ElasticClassifier.precisionFor(model) : precision);
    }

    /** Whether something else than the processor computes. */
    boolean isOnDevice() {
        return device().isCuda();
    }

    private TorchDevice device() {
        try {
            TorchDevice named = TorchDevice.named(device, 0);
            named.require();
            return named;
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--device: " + e.getMessage(), e);
        }
    }

    /**
     * A model as {@link #open} opens it, in fp32, which finds out what int8 needs to know of it.
     *
     * @param ranges to which is added what goes into its linear layers
     */
    ElasticClassifier watch(Path path, PreprocessingOptions preprocessing, ActivationRanges ranges) throws IOException {
        ModelDirectory.Model model = checkpoint.read(path).model().with(preprocessing.change());
        return ElasticClassifier.builder().watching(ranges).of(model, Precision.FP32);
    }

    /** The model without leaving tokens out, in fp32; null if it leaves none out, or has no weights here to open it with. */
    @Nullable Backbone openUnpruned(Path path) throws IOException {
        if (isExported(path)) {
            return null;
        }
        ModelDirectory.Model model = checkpoint.read(path).model();
        NetworkConfig network = model.config().network();
        NetworkConfig whole = network.unpruned();
        return whole == network ? null : PackedBackbone.of(whole, whole.ownOf(model.weights()), Precision.FP32);
    }

    /** The model that {@link #open} opens; null if it is an exported one. */
    ModelDirectory.@Nullable Model model(Path path) throws IOException {
        return isExported(path) ? null : checkpoint.read(path).model();
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

    /**
     * Refuses a model that names pixels, where pictures are to be named.
     *
     * @throws IOException that says which command is for it
     */
    static void requireNamesPictures(ModelConfig config, Path model) throws IOException {
        if (config.network().readout().isOfPixels()) {
            throw new IOException(
                    Models.given(model) + ": " + Words.a(config.network().title())
                            + " names the pixels of pictures: 'thinkingvit segment --model " + Models.given(model)
                            + " --out DIR FILES' shows what it sees");
        }
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
