package dev.thinkingvit.checkpoint;

import dev.thinkingvit.checkpoint.TorchTensors.StorageId;
import dev.thinkingvit.tensor.HostTensor;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code torch.save} wrote before PyTorch 1.6, and writes still if asked to: five pickles (a magic number, the
 * format's version, facts about the machine, the content, the keys of the storages), then each storage in the order of
 * the keys, as its number of elements in eight bytes and its elements. The storages' places follow from their sizes,
 * which are in the content: it is read once for these, and once more with the storages at hand.
 */
final class LegacyTorchFile {
    /** The number 0x1950a86a20f9469cfc6c as pickles of protocol 2 and later hold it, little-endian. */
    private static final byte[] MAGIC = {
        (byte) 0x8a, 10, 0x6c, (byte) 0xfc, (byte) 0x9c, 0x46, (byte) 0xf9, 0x20, 0x6a, (byte) 0xa8, 0x50, 0x19
    };

    private static final BigInteger MAGIC_NUMBER = new BigInteger("1950a86a20f9469cfc6c", 16);
    private static final byte[] MAGIC_TEXT = ("L" + MAGIC_NUMBER + "L").getBytes(StandardCharsets.US_ASCII);

    private static final int VERSION = 1001;
    private static final int COUNT_BYTES = 8;

    private final Path file;
    private final FileBytes bytes;
    private final MemoryBudget budget;
    private final Map<String, Place> places = new HashMap<>();

    private record Place(long offset, long size) {}

    LegacyTorchFile(FileBytes bytes, MemoryBudget budget) {
        this.file = bytes.file();
        this.bytes = bytes;
        this.budget = budget;
    }

    /** Whether a file that begins with {@code start} is of this kind, whatever the pickles' protocol. */
    static boolean begins(ByteBuffer start) {
        ByteBuffer rest = start.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (rest.remaining() > 2 && rest.get(rest.position()) == (byte) 0x80) {
            rest.position(rest.position() + 2);
        }
        if (rest.remaining() > 9 && rest.get(rest.position()) == (byte) 0x95) {
            rest.position(rest.position() + 9);
        }
        return startsWith(rest, MAGIC) || startsWith(rest, MAGIC_TEXT);
    }

    private static boolean startsWith(ByteBuffer rest, byte[] magic) {
        return rest.remaining() >= magic.length
                && rest.slice(rest.position(), magic.length).equals(ByteBuffer.wrap(magic));
    }

    /** @throws CheckpointException as {@link TorchFile#load} */
    @Nullable Object load() {
        PickleBytes pickles = new PickleBytes(bytes::slice, (int) Math.min(bytes.size(), Integer.MAX_VALUE));
        requirePreamble(pickles);
        int content = pickles.position();
        Map<String, StorageId> named = new HashMap<>();
        new TorchPickle(file, pickles, new HarmlessNames(tensors()), id -> {
                    StorageId storage = StorageId.of(id);
                    if (storage != null) {
                        named.putIfAbsent(storage.key(), storage);
                    }
                    return null;
                })
                .read();
        findStorages(pickles, named);
        pickles.position(content);
        return read(pickles);
    }

    /** Reads the next pickle with the storages that are known by now. */
    private @Nullable Object read(PickleBytes pickles) {
        TorchTensors tensors = tensors();
        return new TorchPickle(file, pickles, new HarmlessNames(tensors), tensors::persistent).read();
    }

    private void requirePreamble(PickleBytes pickles) {
        Object magic = read(pickles);
        Object version = read(pickles);
        if (!MAGIC_NUMBER.equals(magic) || !Long.valueOf(VERSION).equals(HarmlessNames.integer(version))) {
            throw new CheckpointException(file, "is of an unknown version of torch.save's old format: " + version);
        }
        if (read(pickles) instanceof Map<?, ?> machine && Boolean.FALSE.equals(machine.get("little_endian"))) {
            throw new CheckpointException(file, "its byte order is 'big'; only little-endian files are read");
        }
    }

    /** Reads the storages' keys and counts, and finds out where each lies. */
    private void findStorages(PickleBytes pickles, Map<String, StorageId> named) {
        if (!(read(pickles) instanceof List<?> keys)) {
            throw new CheckpointException(file, "is damaged: no list of storages follows its content");
        }
        long offset = pickles.position();
        for (Object listed : keys) {
            String key = String.valueOf(listed);
            StorageId storage = named.get(key);
            if (storage == null || places.containsKey(key)) {
                throw new CheckpointException(
                        file,
                        "lists storage '" + key + "' "
                                + (storage == null ? "that its content does not name" : "twice"));
            }
            Integer width = TorchTensors.elementBytes(storage.type());
            if (width == null) {
                throw new CheckpointException(
                        file, "storage '" + key + "' is of type " + storage.type() + ", whose size is not known");
            }
            offset = place(key, storage, width, offset);
        }
    }

    /** Notes where storage {@code key} is, which begins at {@code offset} with its count; returns where it ends. */
    private long place(String key, StorageId storage, int width, long offset) {
        long left = bytes.size() - offset;
        long count = left < COUNT_BYTES ? -1 : bytes.slice(offset, COUNT_BYTES).getLong();
        String what = "storage '" + key + "' of " + storage.elements() + " elements of " + storage.type();
        if (left < COUNT_BYTES || (count == storage.elements() && count > (left - COUNT_BYTES) / width)) {
            throw new CheckpointException(
                    file, "truncated: " + what + " should begin at byte " + offset + ", the file has " + bytes.size());
        }
        if (count != storage.elements() || count < 0) {
            throw new CheckpointException(file, "is damaged: " + what + " has " + count + " by its own count");
        }
        places.put(key, new Place(offset + COUNT_BYTES, count * width));
        return offset + COUNT_BYTES + count * width;
    }

    private TorchTensors tensors() {
        return new TorchTensors(
                file,
                new TorchTensors.Storages() {
                    @Override
                    public @Nullable Long size(String key) {
                        Place place = places.get(key);
                        return place == null ? null : place.size;
                    }

                    @Override
                    public HostTensor.Source content(String key) {
                        Place place = places.get(key);
                        return place == null ? bytes.source(0, 0) : bytes.source(place.offset, place.size);
                    }
                },
                budget);
    }
}
