package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
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

    /**
     * What {@code torch.save} put into a file, of whichever format: plain Java, {@link HostTensor} and {@link Opaque}.
     *
     * @throws CheckpointException if it is no such file, or not whole
     */
    public static @Nullable Object load(FileBytes bytes) {
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
            public HostTensor.Source content(String key) {
                return archive.source(root + "data/" + key);
            }
        };
    }

    /** Whether a file that begins so is of the format before PyTorch 1.6. */
    public static boolean isLegacy(ByteBuffer start) {
        return LegacyTorchFile.begins(start);
    }

    /** Whether a file that begins so is a zip archive. */
    public static boolean isZip(ByteBuffer start) {
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
}
