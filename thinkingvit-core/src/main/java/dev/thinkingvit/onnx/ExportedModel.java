package dev.thinkingvit.onnx;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model exported to ONNX: a folder with {@code thinkingvit.json}, one graph a stage, and, unless the graphs hold them,
 * the weights of all stages in one file. {@code docs/onnx.md} has the format.
 *
 * @param path the folder
 * @param config what a {@code config.json} would say of the model
 * @param precision FP32, or INT8, whose linear layers are in eight bits and all else in F32
 * @param stages in order
 * @param weights the file that the graphs share; null where they hold their weights themselves
 */
public record ExportedModel(
        Path path,
        ModelConfig config,
        Precision precision,
        List<Stage> stages,
        @Nullable WeightsFile weights) {
    /** Name of the description in an exported model's folder. */
    public static final String DESCRIPTION = "thinkingvit.json";

    static final String WEIGHTS = "weights.bin";
    static final String IMAGES = "images";
    static final String PREVIOUS_TOKENS = "previous_tokens";
    static final String LOGITS = "logits";
    static final String TOKENS = "tokens";
    static final String BATCH = "batch";

    private static final long MAX_DESCRIPTION_BYTES = 16 << 20;

    public ExportedModel {
        if (precision == Precision.BF16) {
            throw new IllegalArgumentException("exports are of fp32 or int8, got bf16");
        }
        stages = List.copyOf(stages);
    }

    /**
     * One stage's graph.
     *
     * @param stage from 1
     * @param file its name in the folder
     * @param heads attention heads: a number, or a list of them, one a level
     * @param width d, features of a token
     * @param gmacs 10⁹ multiply-accumulates of one image at this stage alone
     * @param inputs {@code images} (B, 3, h, w), normalised, and from stage 2 on {@code previous_tokens} (B, N, d'), the
     *     tokens that the stage before gave for the same images
     * @param outputs {@code logits} (B, C) and {@code tokens} (B, N, d), then what else the stage says, by name
     */
    public record Stage(
            int stage, String file, Object heads, int width, double gmacs, List<Port> inputs, List<Port> outputs) {
        public Stage {
            inputs = List.copyOf(inputs);
            outputs = List.copyOf(outputs);
        }

        static Stage of(NetworkConfig network, int stage) {
            Network.Ports ports = network.network().ports(stage);
            List<Port> inputs = new ArrayList<>(List.of(port(IMAGES, ports.images())));
            if (ports.previous() != null) {
                inputs.add(port(PREVIOUS_TOKENS, ports.previous()));
            }
            List<Port> outputs =
                    new ArrayList<>(List.of(port(LOGITS, ports.prediction()), port(TOKENS, ports.tokens())));
            ports.extras().forEach((name, shape) -> outputs.add(port(name, shape)));
            return new Stage(
                    stage,
                    "stage" + stage + ".onnx",
                    network.stageHeads(stage),
                    network.stageWidth(stage),
                    network.macs(stage) / 1e9,
                    inputs,
                    outputs);
        }

        /** The same stage in a file of another name. */
        Stage withFile(String name) {
            return new Stage(stage, name, heads, width, gmacs, inputs, outputs);
        }

        private static Port port(String name, List<Long> shape) {
            List<Object> sizes = new ArrayList<>(List.of(BATCH));
            shape.forEach(size -> sizes.add(Math.toIntExact(size)));
            return new Port(name, sizes);
        }
    }

    /**
     * An input or output, F32.
     *
     * @param name in the graph
     * @param shape sizes; {@code "batch"} where any size will do
     */
    public record Port(String name, List<Object> shape) {
        public Port {
            shape = List.copyOf(shape);
        }
    }

    /**
     * The file of weights.
     *
     * @param file its name in the folder
     * @param bytes its length
     */
    public record WeightsFile(String file, long bytes) {}

    /** Whether a folder holds, or should hold, an exported model. */
    public static boolean isIn(Path folder) {
        return Files.exists(folder.resolve(DESCRIPTION));
    }

    /**
     * Reads a description, and looks whether all files are there.
     *
     * @throws CheckpointException if anything is missing, damaged, or does not fit together
     */
    public static ExportedModel read(Path folder) {
        ExportedModel model = readDescription(folder);
        try {
            model.requireFiles();
        } catch (IOException e) {
            throw new CheckpointException(folder, "cannot be read: " + Reasons.of(e), e);
        }
        return model;
    }

    /** As {@link #read(Path)}, without a look at the other files. */
    static ExportedModel readDescription(Path folder) {
        Path file = folder.resolve(DESCRIPTION);
        try {
            if (!Files.exists(file)) {
                throw new CheckpointException(
                        file, "is missing: 'export' writes it last, so that a folder with one is complete");
            }
            return DescriptionJson.read(file, TextFile.read(file, MAX_DESCRIPTION_BYTES));
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
        }
    }

    /** The graph of a stage. */
    public Path graph(int stage) {
        return path.resolve(stages.get(stage - 1).file());
    }

    /** Names of the graphs, and of the weights where they have a file. */
    List<String> fileNames() {
        List<String> names = new ArrayList<>(stages.stream().map(Stage::file).toList());
        if (weights != null) {
            names.add(weights.file());
        }
        return names;
    }

    /** Bytes of the graphs and weights. */
    public long fileBytes() {
        try {
            long bytes = weights == null ? 0 : weights.bytes();
            for (Stage stage : stages) {
                bytes += Files.size(graph(stage.stage()));
            }
            return bytes;
        } catch (IOException e) {
            throw new CheckpointException(path, "cannot be read: " + Reasons.of(e), e);
        }
    }

    /**
     * Takes the graphs and weights into a digest.
     *
     * @throws CheckpointException if one cannot be read
     */
    public void digest(MessageDigest digest) {
        byte[] buffer = new byte[1 << 16];
        for (String name : fileNames()) {
            try (InputStream in = Files.newInputStream(path.resolve(name))) {
                for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                    digest.update(buffer, 0, read);
                }
            } catch (IOException e) {
                throw new CheckpointException(path.resolve(name), "cannot be read: " + Reasons.of(e), e);
            }
        }
    }

    /**
     * The same model for pictures that are prepared otherwise.
     *
     * @throws CheckpointException if they are to be of another size than the graphs take, or a value is out of its range
     */
    public ExportedModel with(PreprocessingChange change) {
        ImageSize size = config.preprocessing().size();
        if (change.size() != null && !change.size().equals(size)) {
            throw new CheckpointException(
                    path,
                    "an exported model's graphs take pictures of one size, " + size + "; got " + change.size()
                            + "; 'thinkingvit export --input-size "
                            + change.size().toString().replace(" ×", "") + "' makes others of its model");
        }
        try {
            return change.isNone() ? this : withConfig(config.withPreprocessing(change.of(config.preprocessing())));
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(path, String.valueOf(e.getMessage()), e);
        }
    }

    /** The same files with another way to stop. */
    public ExportedModel withConfig(ModelConfig changed) {
        return new ExportedModel(path, changed, precision, stages, weights);
    }

    /**
     * Replaces the description in the folder.
     *
     * @throws CheckpointException if it cannot be written; the old one then stays
     */
    public void writeDescription() {
        Path file = path.resolve(DESCRIPTION);
        try {
            AtomicFiles.writeString(file, DescriptionJson.write(this));
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be written: " + Reasons.of(e), e);
        }
    }

    private void requireFiles() throws IOException {
        for (Stage stage : stages) {
            if (!Files.isRegularFile(graph(stage.stage()))) {
                throw new CheckpointException(
                        graph(stage.stage()), "is missing: " + DESCRIPTION + " names it for stage " + stage.stage());
            }
        }
        if (weights != null) {
            Path file = path.resolve(weights.file());
            if (!Files.isRegularFile(file)) {
                throw new CheckpointException(file, "is missing: the graphs of all stages read their weights from it");
            }
            requireLength(Files.size(file));
        }
    }

    /** @throws CheckpointException if the file of weights, of that length, is not whole */
    void requireLength(long bytes) {
        if (weights != null && bytes != weights.bytes()) {
            throw new CheckpointException(
                    path.resolve(weights.file()),
                    "truncated or of another export: " + weights.bytes() + " bytes are required, it has " + bytes);
        }
    }
}
