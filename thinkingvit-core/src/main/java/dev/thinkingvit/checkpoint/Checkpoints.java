package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Reads weights from whatever they come in. The kind of a file is told by its content, never by its name:
 *
 * <ul>
 *   <li>a directory in Hugging Face's layout: its {@code model.safetensors}, else its {@code pytorch_model.bin};
 *   <li>a {@linkplain Safetensors safetensors} file;
 *   <li>a {@linkplain TorchFile torch.save} archive, a trainer's checkpoint or a plain state dict;
 *   <li>an {@code .npz} of numpy, as Google publishes Vision Transformers.
 * </ul>
 */
public final class Checkpoints {
    private static final int START_BYTES = 512;
    private static final int TAR_SIGNATURE = 257;

    private Checkpoints() {}

    /**
     * @param path a file or a directory
     * @param weights which set of weights, for files that hold several; others have {@code AUTO} and {@code MODEL}
     * @throws CheckpointException if it is nothing known, is damaged, or lacks that set of weights
     */
    public static StateDict read(Path path, Weights weights) {
        Path file = Files.isDirectory(path) ? inDirectory(path) : path;
        try (FileBytes bytes = FileBytes.open(file)) {
            ByteBuffer start = bytes.slice(0, Math.min(bytes.size(), START_BYTES));
            if (NumpyArchive.begins(start)) {
                return ofNumpy(bytes);
            }
            if (TorchFile.isZip(start) || TorchFile.isLegacy(start)) {
                return TorchFile.stateDict(bytes, weights);
            }
            refuseImpostors(file, start);
            if (!looksLikeSafetensors(start)) {
                throw new CheckpointException(file, "is neither a safetensors file nor a torch.save archive");
            }
            Safetensors.Contents contents = Safetensors.read(bytes);
            if (weights == Weights.EMA) {
                throw new CheckpointException(
                        file, "a safetensors file holds one set of weights; a moving average cannot be asked for");
            }
            return new StateDict(file, "", contents.tensors(), new LinkedHashMap<>(contents.metadata()));
        }
    }

    private static StateDict ofNumpy(FileBytes bytes) {
        Map<String, HostTensor> tensors = NumpyArchive.read(bytes).tensors();
        boolean google = GoogleViTNames.matches(tensors.keySet());
        return new StateDict(bytes.file(), "", google ? GoogleViTNames.toTimm(tensors) : tensors, Map.of());
    }

    private static Path inDirectory(Path directory) {
        for (String name : new String[] {"model.safetensors", "pytorch_model.bin"}) {
            Path file = directory.resolve(name);
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        if (Files.exists(directory.resolve("model.safetensors.index.json"))) {
            throw new CheckpointException(
                    directory, "its weights are split over several files, which is not read; merge them into one");
        }
        throw new CheckpointException(directory, "has neither model.safetensors nor pytorch_model.bin");
    }

    /** What is often found in place of weights after a download went wrong. */
    private static void refuseImpostors(Path file, ByteBuffer start) {
        if (!start.hasRemaining()) {
            throw new CheckpointException(file, "is empty");
        }
        String text = StandardCharsets.ISO_8859_1.decode(start.duplicate()).toString();
        if (text.startsWith("version https://git-lfs")) {
            throw new CheckpointException(
                    file, "is a git-lfs pointer, not the weights themselves; fetch them with 'git lfs pull'");
        }
        String trimmed = text.stripLeading().toLowerCase(Locale.ROOT);
        if (trimmed.startsWith("<!doctype") || trimmed.startsWith("<html") || trimmed.startsWith("<?xml")) {
            throw new CheckpointException(file, "is a web page, not weights; the download went wrong");
        }
        if (text.startsWith("ustar", TAR_SIGNATURE)) {
            throw new CheckpointException(
                    file,
                    "is a tar archive, as PyTorch before 0.2 wrote or to be unpacked first; a file that torch.save wrote"
                            + " later is needed");
        }
        // A protocol from 2 to 5, then a frame, a dict, a list or a name: no length that a header could have.
        if (text.length() > 2 && text.charAt(0) == '\u0080' && "\u0095}](c".indexOf(text.charAt(2)) >= 0) {
            throw new CheckpointException(
                    file, "is a pickle of Python that torch.save did not write; a file of torch.save is needed");
        }
    }

    /** Eight bytes of a plausible length, then the header's brace. A file cut right there is judged by its reader. */
    private static boolean looksLikeSafetensors(ByteBuffer start) {
        if (start.remaining() < 8) {
            return false;
        }
        long length = start.getLong(start.position());
        return length >= 0
                && length <= Safetensors.MAX_HEADER_BYTES
                && (start.remaining() == 8 || start.get(start.position() + 8) == '{');
    }
}
