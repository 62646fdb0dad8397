package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.FileBytes;
import dev.thinkingvit.checkpoint.NumpyArchive;
import dev.thinkingvit.checkpoint.Opaque;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.Shards;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.TorchFile;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.store.KnownNames.Manner;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads weights from whatever they come in. The kind of a file is told by its content, never by its name:
 *
 * <ul>
 *   <li>a directory in Hugging Face's layout: its {@code model.safetensors}, else its {@code pytorch_model.bin}, whole or
 *       in parts, else the only checkpoint in it;
 *   <li>the index of weights in parts, {@code model.safetensors.index.json};
 *   <li>a {@linkplain Safetensors safetensors} file;
 *   <li>a {@linkplain TorchFile torch.save} file, a trainer's checkpoint or a plain state dict;
 *   <li>an {@code .npz} of numpy, as Google publishes Vision Transformers.
 * </ul>
 *
 * <p>What comes out has timm's names if it is a Vision Transformer's at all: the weights are found among what trainers
 * put beside them, prefixes of wrappers come off, and names of other libraries are translated.
 */
public final class Checkpoints {
    private static final int START_BYTES = 512;
    private static final int TAR_SIGNATURE = 257;
    private static final String INDEX = ".index.json";
    private static final String EXPORTED = "thinkingvit.json"; // what describes a model that was exported
    private static final Pattern WEIGHTS_OF_EXPORT =
            Pattern.compile("weights.*\\.bin"); // beside it, unless they are within

    /** What a directory's weights are called, the first that is there being read. */
    static final List<String> IN_DIRECTORY = List.of(
            ModelDirectory.WEIGHTS, ModelDirectory.WEIGHTS + INDEX, "pytorch_model.bin", "pytorch_model.bin" + INDEX);

    /** The plain values of a whole file, and what translating them took off. */
    private record Values(@Nullable Object root, StateDict.Origin origin) {
        Values(@Nullable Object root) {
            this(root, StateDict.Origin.TIMM);
        }
    }

    private Checkpoints() {}

    /**
     * @param path a file or a directory
     * @param weights which set of weights, for files that hold several; others have {@code AUTO} and {@code MODEL}
     * @throws CheckpointException if it is nothing known, is damaged, or lacks that set of weights
     */
    public static StateDict read(Path path, Weights weights) {
        return read(path, weights, null);
    }

    /** As {@link #read(Path, Weights)}; a configuration, which may be null, says what network they are of. */
    static StateDict read(Path path, Weights weights, @Nullable ObjectNode config) {
        Objects.requireNonNull(path, "the checkpoint's path is null");
        Objects.requireNonNull(weights, "which set of weights, is null");
        Optional<Architecture> said = SourceConfig.architecture(path, config);
        Path file = Files.isDirectory(path) ? inDirectory(path) : path;
        Values values = values(file, true);
        WeightsEntry entry = WeightsEntry.find(file, values.root(), weights, said);
        NamedWeights named = TimmNames.of(file, NamedWeights.of(file, entry, weights));
        StateDict.Origin origin = origin(named.manner(), entry, values.origin());
        return new StateDict(file, entry.path(), named.tensors(), entry.facts(), named.notes(), origin);
    }

    private static StateDict.Origin origin(@Nullable Manner manner, WeightsEntry entry, StateDict.Origin otherwise) {
        if (manner == Manner.TRANSFORMERS) {
            return transformers(entry);
        }
        boolean named =
                manner == Manner.TRANSFORMERS_SWIN || manner == Manner.MICROSOFT_SWIN || manner == Manner.TORCHVISION;
        return named && manner != null ? new StateDict.Origin(manner.owner(), 0, false) : otherwise;
    }

    /** transformers' two networks share their names, but for what is in front, and are made for different pictures. */
    private static StateDict.Origin transformers(WeightsEntry entry) {
        boolean deit = entry.content().keySet().stream().anyMatch(name -> ("." + name).contains(".deit."));
        return new StateDict.Origin(Manner.TRANSFORMERS.owner(), 0, !deit);
    }

    /** Whether a folder holds weights under one of the names that are looked for. */
    static boolean hasWeights(Path directory) {
        return IN_DIRECTORY.stream().map(directory::resolve).anyMatch(Files::exists);
    }

    private static Path inDirectory(Path directory) {
        List<String> names;
        try (Stream<Path> files = Files.list(directory)) {
            names = files.filter(Files::isRegularFile)
                    .map(file -> String.valueOf(file.getFileName()))
                    .toList();
        } catch (IOException | UncheckedIOException e) { // a folder that may be entered and not listed
            names = IN_DIRECTORY.stream()
                    .filter(name -> Files.isRegularFile(directory.resolve(name)))
                    .toList();
        }
        Optional<String> found = ModelFolders.weights(names);
        if (names.contains(EXPORTED)
                && found.filter(name -> !WEIGHTS_OF_EXPORT.matcher(name).matches())
                        .isEmpty()) {
            throw new CheckpointException(
                    directory,
                    "is a model that was exported, whose weights are not read back; name the one it was made of");
        }
        return found
                // a training's state is no model
                .filter(name ->
                        IN_DIRECTORY.contains(name) || ofTraining(directory).isEmpty())
                .map(directory::resolve)
                .orElseThrow(() -> new CheckpointException(directory, withoutWeights(directory)));
    }

    /** The models of a training's folder. */
    private static List<String> ofTraining(Path directory) {
        return Stream.of("best", "last")
                .map(directory::resolve)
                .filter(model -> Files.isRegularFile(model.resolve(ModelDirectory.WEIGHTS)))
                .map(Path::toString)
                .toList();
    }

    private static String withoutWeights(Path directory) {
        String reason = Reasons.ofMissing(directory.resolve(ModelDirectory.WEIGHTS));
        if (!reason.equals(Reasons.NO_SUCH_FILE)) {
            return ModelDirectory.WEIGHTS + " in it cannot be read: " + reason;
        }
        List<String> models = ofTraining(directory);
        return models.isEmpty()
                ? "has neither " + ModelDirectory.WEIGHTS + " nor pytorch_model.bin, nor either's " + INDEX
                        + ", nor just one other checkpoint"
                : "is a training's folder, not a model; of its models name " + String.join(" or ", models);
    }

    /** @param whole whether the file stands for itself, and is not one of several */
    private static Values values(Path file, boolean whole) {
        try (FileBytes bytes = FileBytes.open(file)) {
            ByteBuffer start = bytes.slice(0, Math.min(bytes.size(), START_BYTES));
            if (whole && isJson(start)) {
                return new Values(
                        Shards.read(file, JsonTrees.plain(ModelDirectory.readTree(file)), part -> part(file, part)));
            }
            if (whole) {
                Shards.refusePart(file);
            }
            if (NumpyArchive.begins(start)) {
                return ofNumpy(bytes);
            }
            if (TorchFile.isZip(start) || TorchFile.isLegacy(start)) {
                return new Values(TorchFile.load(bytes));
            }
            refuseImpostors(file, start);
            if (!looksLikeSafetensors(start)) {
                throw new CheckpointException(file, "is neither a safetensors file nor one of torch.save");
            }
            Safetensors.Contents contents = Safetensors.read(bytes);
            Map<Object, @Nullable Object> values = new LinkedHashMap<>(contents.metadata());
            putAll(values, contents.tensors(), contents.others());
            return new Values(values);
        }
    }

    private static Values ofNumpy(FileBytes bytes) {
        NumpyArchive.Contents contents = NumpyArchive.read(bytes);
        Map<String, HostTensor> tensors = contents.tensors();
        Map<Object, @Nullable Object> values = new LinkedHashMap<>();
        if (!GoogleViTNames.matches(tensors.keySet())) {
            putAll(values, tensors, contents.others());
            return new Values(values);
        }
        GoogleViTNames.Translated google = GoogleViTNames.toTimm(bytes.file(), tensors);
        putAll(values, google.tensors(), contents.others());
        return new Values(values, new StateDict.Origin("Google's", google.heads(), true));
    }

    /** Tensors, and those that are only named; neither is shadowed by what else has its name. */
    private static void putAll(
            Map<Object, @Nullable Object> values, Map<String, HostTensor> tensors, Map<String, String> others) {
        values.putAll(tensors);
        others.forEach((name, type) -> values.put(name, new Opaque(type)));
    }

    private static Map<?, ?> part(Path index, Path file) {
        if (values(file, false).root() instanceof Map<?, ?> part) {
            return part;
        }
        throw new CheckpointException(file, "holds no dictionary of weights, of which " + index + " says it is a part");
    }

    /** Text that begins with a brace; a safetensors file's header length would be absurd. */
    private static boolean isJson(ByteBuffer start) {
        String text = StandardCharsets.UTF_8.decode(start.duplicate()).toString();
        String trimmed = (text.startsWith("\uFEFF") ? text.substring(1) : text).stripLeading();
        return trimmed.startsWith("{") && !looksLikeSafetensors(start);
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
