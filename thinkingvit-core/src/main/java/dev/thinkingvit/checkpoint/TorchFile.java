package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads files written by {@code torch.save}: a zip archive of a pickle and the tensors' storages, or what PyTorch wrote
 * before 1.6, a row of pickles and then the storages. Nothing from the file is ever run: a short list of names is
 * understood, each of which only rearranges values (see {@code HarmlessNames}); objects of any other class are stepped
 * over.
 *
 * <p>What becomes of Python's objects: dicts of all kinds are maps in their order, Namespaces maps of their attributes,
 * lists and tuples lists, sets sets; numpy scalars numbers; paths, dtypes, devices and the names of classes strings;
 * tensors, parameters and bare storages {@link HostTensor}s wherever they were, of any shape and a dtype of
 * {@link dev.thinkingvit.tensor.DType}; a whole {@code torch.nn.Module} the map that its {@code state_dict()} would be.
 * All else is {@link Opaque}, tensors of other types too, as are keys of dicts that are neither texts nor numbers.
 */
public final class TorchFile {
    private static final int START_BYTES = 64;
    private static final List<String> EMA_ENTRIES = List.of("state_dict_ema", "model_ema");
    private static final List<String> MODEL_ENTRIES = List.of("state_dict", "model");
    private static final Set<String> NO_FACTS =
            Set.of("state_dict_ema", "model_ema", "state_dict", "model", "optimizer", "lr_scheduler");
    private static final String PARALLEL_PREFIX = "module.";

    private TorchFile() {}

    /**
     * The file's whole content as plain Java values.
     *
     * @return see the class; tensors are read-only views of the mapped file where they are row-major and stored
     *     uncompressed, as torch.save does
     * @throws CheckpointException if the file was not written by torch.save, is damaged, or takes memory or time out of
     *     proportion to its size
     */
    public static @Nullable Object load(Path file) {
        try (FileBytes bytes = FileBytes.open(file)) {
            return load(bytes);
        }
    }

    static @Nullable Object load(FileBytes bytes) {
        Path file = bytes.file();
        MemoryBudget budget = new MemoryBudget(file, bytes.size());
        ByteBuffer start = bytes.slice(0, Math.min(bytes.size(), START_BYTES));
        if (isLegacy(start)) {
            return new LegacyTorchFile(bytes, budget).load();
        }
        if (!isZip(start)) {
            throw new CheckpointException(file, "was not written by torch.save: it is no zip archive");
        }
        ZipArchive archive = new ZipArchive(bytes, budget);
        String root = root(file, archive);
        requireLittleEndian(file, archive, root);
        TorchTensors tensors = new TorchTensors(file, storages(archive, root), budget);
        PickleBytes pickle = new PickleBytes(archive.content(root + "data.pkl"));
        return new TorchPickle(file, pickle, new HarmlessNames(tensors), tensors::persistent).read();
    }

    private static TorchTensors.Storages storages(ZipArchive archive, String root) {
        return new TorchTensors.Storages() {
            @Override
            public @Nullable Long size(String key) {
                return archive.size(root + "data/" + key);
            }

            @Override
            public ByteBuffer content(String key) {
                return archive.content(root + "data/" + key);
            }
        };
    }

    /**
     * One set of weights, and the file's other facts.
     *
     * @param weights which set, if the file has several
     * @throws CheckpointException as {@link #load}, or if the file has no such set, or something in it is no tensor
     */
    public static StateDict stateDict(Path file, Weights weights) {
        try (FileBytes bytes = FileBytes.open(file)) {
            return stateDict(bytes, weights);
        }
    }

    static StateDict stateDict(FileBytes bytes, Weights weights) {
        Path file = bytes.file();
        if (!(load(bytes) instanceof Map<?, ?> top)) {
            throw new CheckpointException(file, "holds no dictionary of weights");
        }
        String entry = entry(file, top, weights);
        Object chosen = entry.isEmpty() ? top : top.get(entry);
        if (!(chosen instanceof Map<?, ?> dict)) {
            throw new CheckpointException(
                    file, "its '" + entry + "' is no dictionary of weights but " + Opaque.describe(chosen));
        }
        return new StateDict(file, entry, tensors(file, entry, dict), entry.isEmpty() ? Map.of() : facts(top));
    }

    private static String entry(Path file, Map<?, ?> top, Weights weights) {
        List<String> candidates = new ArrayList<>();
        if (weights != Weights.MODEL) {
            candidates.addAll(EMA_ENTRIES);
        }
        if (weights != Weights.EMA) {
            candidates.addAll(MODEL_ENTRIES);
        }
        for (String candidate : candidates) {
            if (top.get(candidate) != null) {
                return candidate;
            }
        }
        if (weights == Weights.EMA) {
            throw new CheckpointException(
                    file,
                    "has no moving average of the weights (" + String.join(" or ", EMA_ENTRIES) + "); it has "
                            + keys(top));
        }
        return "";
    }

    private static Map<String, HostTensor> tensors(Path file, String entry, Map<?, ?> dict) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        String where = entry.isEmpty() ? "" : "'" + entry + "': ";
        dict.forEach((key, value) -> {
            if (!(key instanceof String name) || !(value instanceof HostTensor tensor)) {
                throw new CheckpointException(
                        file,
                        where + "'" + key + "' should be a tensor, is " + Opaque.describe(value)
                                + (entry.isEmpty() ? "; no state_dict or model was found beside it" : ""));
            }
            String plain = name.startsWith(PARALLEL_PREFIX) ? name.substring(PARALLEL_PREFIX.length()) : name;
            if (tensors.put(plain, tensor) != null) {
                throw new CheckpointException(
                        file, where + "two tensors are named '" + plain + "', once with '" + PARALLEL_PREFIX + "'");
            }
        });
        if (tensors.isEmpty()) {
            throw new CheckpointException(file, where + "no tensors in it");
        }
        return tensors;
    }

    /** The entries beside the weights that hold no tensors. */
    private static Map<String, @Nullable Object> facts(Map<?, ?> top) {
        Map<String, @Nullable Object> facts = new LinkedHashMap<>();
        top.forEach((key, value) -> {
            if (key instanceof String name && !NO_FACTS.contains(name) && isFact(value)) {
                facts.put(name, value);
            }
        });
        return facts;
    }

    private static boolean isFact(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.values().stream().allMatch(TorchFile::isFact);
        }
        if (value instanceof Iterable<?> elements) {
            for (Object element : elements) {
                if (!isFact(element)) {
                    return false;
                }
            }
            return true;
        }
        return HarmlessNames.isScalar(value);
    }

    static boolean isLegacy(ByteBuffer start) {
        return LegacyTorchFile.begins(start);
    }

    static boolean isZip(ByteBuffer start) {
        return start.remaining() >= 4 && start.slice(0, 4).equals(ByteBuffer.wrap(new byte[] {'P', 'K', 3, 4}));
    }

    /** The one folder that torch.save puts everything into, with its slash; older tools write none. */
    private static String root(Path file, ZipArchive archive) {
        String found = null;
        for (String name : archive.names()) {
            int slash = name.indexOf('/');
            boolean pickle = name.substring(slash + 1).equals("data.pkl");
            if (pickle && found != null) {
                throw new CheckpointException(file, "two pickles in the archive: '" + found + "' and '" + name + "'");
            }
            found = pickle ? name : found;
        }
        if (found == null) {
            throw new CheckpointException(file, "was not written by torch.save: the archive has no data.pkl");
        }
        String root = found.substring(0, found.length() - "data.pkl".length());
        if (archive.size(root + "constants.pkl") != null) {
            throw new CheckpointException(
                    file, "is a TorchScript program, which is not run; the checkpoint that it was made from is needed");
        }
        return root;
    }

    private static void requireLittleEndian(Path file, ZipArchive archive, String root) {
        Long size = archive.size(root + "byteorder");
        if (size == null) {
            return;
        }
        byte[] order = new byte[(int) Math.min(size, 16)];
        archive.content(root + "byteorder").get(order);
        String name = new String(order, StandardCharsets.US_ASCII);
        if (!name.equals("little")) {
            throw new CheckpointException(file, "its byte order is '" + name + "'; only little-endian files are read");
        }
    }

    private static String keys(Map<?, ?> map) {
        return map.keySet().stream().limit(20).map(String::valueOf).collect(Collectors.joining(", "));
    }
}
