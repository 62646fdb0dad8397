package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The {@value #NAME} beside a model's weights: between which values lies what goes into its linear layers, which computing in
 * eight bits needs to know. A safetensors file by another name, so that nobody takes it for weights. It says its version,
 * a checksum of itself and one of the weights it was measured with: those of the layers, and all biases and norms. (Positions
 * are not among them: they are fitted to other sizes of pictures.)
 */
public final class RangesFile {
    /** Its name in a model's directory. */
    public static final String NAME = "int8.ranges";

    private static final String FORMAT = "thinkingvit-int8-ranges";
    private static final String VERSION = "2";
    private static final int PIECE = 1 << 18; // bytes of a tensor that are looked at together
    private static final String AGAIN = "; 'thinkingvit calibrate --save' measures again";

    private RangesFile() {}

    /**
     * Writes a model's ranges into its directory.
     *
     * @param images how many pictures have shown them
     * @throws CheckpointException if the model is no directory, or the file cannot be written; what was there stays
     */
    public static Path write(ModelDirectory.Model model, ActivationRanges ranges, int images) {
        Objects.requireNonNull(model, "the model is null");
        Objects.requireNonNull(ranges, "the ranges are null");
        if (!Files.isDirectory(model.path())) {
            throw new CheckpointException(model.path(), "is no model directory, where " + NAME + " could lie");
        }
        Path file = model.path().resolve(NAME);
        Map<String, HostTensor> tensors = ranges.tensors();
        Safetensors.write(
                file,
                tensors,
                Map.of(
                        "format",
                        FORMAT,
                        "version",
                        VERSION,
                        "images",
                        Integer.toString(images),
                        "ranges",
                        checksum(tensors),
                        "weights",
                        checksum(about(file, model, ranges))));
        return file;
    }

    /**
     * A model's ranges; null if there is no such file.
     *
     * @throws CheckpointException if it cannot be read, is damaged or of another version, or was measured with other weights
     */
    public static @Nullable ActivationRanges read(ModelDirectory.Model model) {
        Objects.requireNonNull(model, "the model is null");
        Path file = model.path().resolve(NAME);
        if (!Files.exists(file)) {
            return null;
        }
        Safetensors.Contents contents = Safetensors.read(file);
        Map<String, String> says = contents.metadata();
        if (!FORMAT.equals(says.get("format"))) {
            throw new CheckpointException(file, "format " + FORMAT + " is required, " + says.get("format") + " came");
        }
        if (!VERSION.equals(says.get("version"))) {
            throw new CheckpointException(
                    file, "version " + VERSION + " is required, " + says.get("version") + " came" + AGAIN);
        }
        if (!checksum(contents.tensors()).equals(says.get("ranges"))) {
            throw new CheckpointException(file, "is damaged: its values are not those that were written" + AGAIN);
        }
        ActivationRanges ranges;
        try {
            ranges = ActivationRanges.of(contents.tensors());
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, String.valueOf(e.getMessage()), e);
        }
        if (!checksum(about(file, model, ranges)).equals(says.get("weights"))) {
            throw new CheckpointException(file, "was measured with other weights than the model's" + AGAIN);
        }
        return ranges;
    }

    /**
     * A model's ranges.
     *
     * @throws CheckpointException if there are none, saying how to measure them, or as {@link #read} throws it
     */
    public static ActivationRanges required(ModelDirectory.Model model) {
        ActivationRanges ranges = read(model);
        if (ranges == null) {
            throw new CheckpointException(
                    model.path(), "has no " + NAME + ", which int8 needs; 'thinkingvit calibrate --save' measures one");
        }
        return ranges;
    }

    /** The weights that the ranges follow from. */
    private static Map<String, HostTensor> about(Path file, ModelDirectory.Model model, ActivationRanges ranges) {
        Map<String, HostTensor> about = new HashMap<>();
        for (String name : ranges.weights()) {
            HostTensor weight = model.weights().get(name);
            if (weight == null) {
                throw new CheckpointException(file, "is about " + name + ", which the model does not have");
            }
            about.put(name, weight);
        }
        model.weights().forEach((name, weight) -> {
            if (weight.shape().length == 1) {
                about.put(name, weight);
            }
        });
        return about;
    }

    /** In the order of their names. */
    private static String checksum(Map<String, HostTensor> tensors) {
        CRC32C sum = new CRC32C();
        ByteBuffer piece = ByteBuffer.allocate(PIECE);
        for (HostTensor tensor : new TreeMap<>(tensors).values()) {
            for (long from = 0; from < tensor.bytes(); from += PIECE) {
                tensor.read(from, piece.clear().limit((int) Math.min(PIECE, tensor.bytes() - from)));
                sum.update(piece.flip());
            }
        }
        return String.format(Locale.ROOT, "crc32c %08x", sum.getValue());
    }
}
