package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.FileBytes;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.WeightsException;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model on disk: a Hugging Face directory with {@code config.json} and {@code model.safetensors}. This is the
 * project's own format, read and written.
 */
public final class ModelDirectory {
    /** Name of the configuration in a model's directory. */
    public static final String CONFIG = "config.json";

    /** Name of the weights in a model's directory. */
    public static final String WEIGHTS = "model.safetensors";

    private static final long MAX_CONFIG_BYTES = 16 << 20;

    private ModelDirectory() {}

    /**
     * A model as it was read.
     *
     * @param path where from
     * @param config what its configuration says, or what the weights' shapes do
     * @param weights exactly the network's parameters; read from their file when they are used
     */
    public record Model(Path path, ModelConfig config, Map<String, HostTensor> weights) {
        /**
         * The same model for pictures that are prepared otherwise. Another input size resamples the position embedding, as
         * timm does.
         *
         * @throws CheckpointException if the network cannot see pictures of that size, or a value is out of its range
         */
        public Model with(PreprocessingChange change) {
            if (change.isNone()) {
                return this;
            }
            try {
                NetworkConfig network = config.network();
                NetworkConfig resized = change.size() == null ? network : network.withImageSize(change.size());
                ModelConfig changed = new ModelConfig(
                        resized,
                        change.of(config.preprocessing()),
                        config.labels(),
                        config.routing(),
                        config.training(),
                        config.source());
                return new Model(path, changed, network.resized(weights, resized));
            } catch (IllegalArgumentException e) {
                throw new CheckpointException(path, String.valueOf(e.getMessage()), e);
            }
        }
    }

    /**
     * Reads a directory with a {@code config.json}.
     *
     * @throws CheckpointException if anything is missing, damaged, or does not fit together
     */
    public static Model read(Path directory) {
        requireDirectory(directory);
        if (!Files.isDirectory(directory)) {
            throw new CheckpointException(
                    directory,
                    Files.exists(directory)
                            ? "is not a model directory; 'convert' makes one of a checkpoint file"
                            : "no such model directory");
        }
        Path config = directory.resolve(CONFIG);
        if (!Files.exists(config)) {
            throw new CheckpointException(config, "is missing");
        }
        return ModelImport.read(directory, null, Weights.AUTO).model();
    }

    /**
     * Whether a directory is of this program's own form, so that its {@code config.json} may be rewritten: not a checkpoint,
     * and not configured in another library's words.
     *
     * @throws CheckpointException if its configuration cannot be read
     */
    public static boolean isOwn(Path directory) {
        Path config = requireDirectory(directory).resolve(CONFIG);
        return Files.exists(config) && ForeignConfig.isOwn(readOwn(config));
    }

    /** Reads a {@code config.json}. */
    public static ModelConfig readConfig(Path file) {
        Objects.requireNonNull(file, "the file is null");
        return ModelConfigJson.read(file, readTree(file));
    }

    private static Path requireDirectory(Path directory) {
        return Objects.requireNonNull(directory, "the model's directory is null");
    }

    private static void requireConfig(ModelConfig config) {
        Objects.requireNonNull(config, "the configuration is null");
    }

    /** As {@link #readTree}, of what lies in a model's directory: a pipe there is nobody's intention. */
    static ObjectNode readOwn(Path file) {
        FileBytes.requireRegular(file);
        return readTree(file);
    }

    static ObjectNode readTree(Path file) {
        try {
            return ModelConfigJson.parse(file, TextFile.read(file, MAX_CONFIG_BYTES));
        } catch (NoSuchFileException e) {
            throw new CheckpointException(file, Reasons.NO_SUCH_FILE, e);
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
        }
    }

    /** Puts configuration and weights together, strictly. */
    static Model model(Path path, ModelConfig config, StateDict state) {
        try {
            WeightsException.check(config.network().parameterShapes(), state.tensors());
        } catch (WeightsException e) {
            throw new CheckpointException(state.file(), e.getMessage() + WeightsEntry.elsewhere(state.entry()), e);
        }
        return new Model(path, config, state.tensors());
    }

    /**
     * Writes a model. Each file is replaced as a whole; the configuration comes last, so that a directory with one is
     * complete.
     *
     * @throws CheckpointException if the directory cannot be written; what was there stays
     */
    public static void write(Path directory, ModelConfig config, Map<String, HostTensor> weights) {
        requireDirectory(directory);
        requireConfig(config);
        Objects.requireNonNull(weights, "the weights are null");
        WeightsException.check(config.network().parameterShapes(), weights);
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be made: " + AtomicFiles.reason(e), e);
        }
        Safetensors.write(directory.resolve(WEIGHTS), weights, Map.of("format", "pt"));
        writeConfig(directory, config);
    }

    /** Replaces the configuration of a model directory. */
    public static void writeConfig(Path directory, ModelConfig config) {
        Path file = requireDirectory(directory).resolve(CONFIG);
        requireConfig(config);
        try {
            String text = ModelConfigJson.text(config);
            AtomicFiles.write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be written: " + AtomicFiles.reason(e), e);
        }
    }
}
