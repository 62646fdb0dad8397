package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads and writes <a href="https://github.com/huggingface/safetensors">safetensors</a> files: eight bytes of header
 * length, a JSON header, the tensors' bytes. Everything the header claims is checked before a tensor is handed out: the
 * tensors must cover the rest of the file without holes, overlaps or left-over bytes.
 *
 * <p>Any shape; dtypes as in {@link dev.thinkingvit.tensor.DType}, tensors of other types are only named. Files may be
 * larger than 2 GiB, single tensors may not.
 */
public final class Safetensors {
    /** The format's own limit on the header. */
    static final int MAX_HEADER_BYTES = 100_000_000;

    private static final int LENGTH_BYTES = 8;

    private Safetensors() {}

    /**
     * What a file holds.
     *
     * @param tensors in the header's order; read-only views of the mapped file, so nothing is read before it is used
     *     and nothing has to be closed
     * @param others what else there is, by name: tensors of element types that are not computed with, such as an
     *     {@code F8_E4M3 tensor}, or larger than 2 GiB
     * @param metadata the file's own strings; empty if it has none
     */
    public record Contents(Map<String, HostTensor> tensors, Map<String, String> others, Map<String, String> metadata) {
        public Contents {
            tensors = Collections.unmodifiableMap(tensors);
            others = Collections.unmodifiableMap(others);
            metadata = Collections.unmodifiableMap(metadata);
        }
    }

    /** @throws CheckpointException if the file cannot be read or breaks a rule of the format */
    public static Contents read(Path file) {
        try (FileBytes bytes = FileBytes.open(file)) {
            return read(bytes);
        }
    }

    static Contents read(FileBytes bytes) {
        long headerBytes = headerLength(bytes);
        byte[] json = new byte[(int) headerBytes];
        bytes.slice(LENGTH_BYTES, headerBytes).get(json);
        SafetensorsHeader header = SafetensorsHeader.parse(bytes.file(), json);
        long dataStart = LENGTH_BYTES + headerBytes;
        requireGapless(bytes, header.entries(), bytes.size() - dataStart);
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        Map<String, String> others = new LinkedHashMap<>();
        for (SafetensorsHeader.Entry entry : header.entries()) {
            long length = entry.end() - entry.begin();
            DType dtype = entry.dtype();
            if (dtype == null) {
                others.put(entry.name(), entry.type() + " tensor");
            } else if (length > Integer.MAX_VALUE) {
                others.put(entry.name(), entry.type() + " tensor of " + length + " bytes (at most 2 GiB are read)");
            } else {
                ByteBuffer data = bytes.slice(dataStart + entry.begin(), length);
                tensors.put(entry.name(), new HostTensor(dtype, entry.shape(), data));
            }
        }
        return new Contents(tensors, others, header.metadata());
    }

    /**
     * Writes a file that any reader of the format takes, in one atomic step. Tensors keep the map's order, except that
     * wider element types come first so that every tensor is aligned.
     *
     * @param metadata written as {@code __metadata__} unless empty
     * @throws CheckpointException if a name is reserved or cannot be encoded, or the disk fails
     */
    public static void write(Path file, Map<String, HostTensor> tensors, Map<String, String> metadata) {
        if (tensors.containsKey(SafetensorsHeader.METADATA)) {
            throw new CheckpointException(file, "'" + SafetensorsHeader.METADATA + "' cannot name a tensor");
        }
        List<Map.Entry<String, HostTensor>> ordered = new ArrayList<>(tensors.entrySet());
        ordered.sort(Comparator.comparing(entry -> -entry.getValue().dtype().bytes()));
        Map<String, HostTensor> layout = new LinkedHashMap<>();
        ordered.forEach(entry -> layout.put(entry.getKey(), entry.getValue()));
        try {
            byte[] header = padded(SafetensorsHeader.write(layout, metadata));
            if (header.length > MAX_HEADER_BYTES) {
                throw new CheckpointException(
                        file, "a header of " + header.length + " bytes; at most " + MAX_HEADER_BYTES + " are allowed");
            }
            AtomicFiles.write(file, out -> writeTo(out, header, layout));
        } catch (IOException | tools.jackson.core.JacksonException e) {
            throw new CheckpointException(file, "cannot be written: " + AtomicFiles.reason(e), e);
        }
    }

    private static void writeTo(OutputStream out, byte[] header, Map<String, HostTensor> tensors) throws IOException {
        out.write(ByteBuffer.allocate(LENGTH_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .array());
        out.write(header);
        WritableByteChannel channel = Channels.newChannel(out);
        for (HostTensor tensor : tensors.values()) {
            ByteBuffer data = tensor.data();
            while (data.hasRemaining()) {
                channel.write(data);
            }
        }
    }

    /** The format pads with spaces so that the data starts at a multiple of eight. */
    private static byte[] padded(byte[] json) {
        byte[] header = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
        Arrays.fill(header, json.length, header.length, (byte) ' ');
        return header;
    }

    private static long headerLength(FileBytes bytes) {
        if (bytes.size() < LENGTH_BYTES) {
            throw new CheckpointException(
                    bytes.file(), "no safetensors file: it has " + bytes.size() + " bytes, the header length takes 8");
        }
        long length = bytes.slice(0, LENGTH_BYTES).getLong();
        if (length < 0 || length > MAX_HEADER_BYTES) {
            throw new CheckpointException(
                    bytes.file(),
                    "no safetensors file: a header of " + Long.toUnsignedString(length) + " bytes, at most "
                            + MAX_HEADER_BYTES + " are allowed");
        }
        if (length > bytes.size() - LENGTH_BYTES) {
            throw new CheckpointException(
                    bytes.file(),
                    "truncated or no safetensors file: the header should have " + length + " bytes, "
                            + (bytes.size() - LENGTH_BYTES) + " follow");
        }
        return length;
    }

    private static void requireGapless(FileBytes bytes, List<SafetensorsHeader.Entry> entries, long dataBytes) {
        List<SafetensorsHeader.Entry> sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.comparingLong(SafetensorsHeader.Entry::begin)
                .thenComparingLong(SafetensorsHeader.Entry::end));
        long expected = 0;
        for (SafetensorsHeader.Entry entry : sorted) {
            if (entry.begin() != expected) {
                throw new CheckpointException(
                        bytes.file(),
                        "tensor '" + entry.name() + "' begins at byte " + entry.begin() + ", "
                                + (entry.begin() < expected ? "inside another tensor" : "after a hole")
                                + " (expected " + expected + ")");
            }
            if (entry.end() > dataBytes) {
                throw new CheckpointException(
                        bytes.file(),
                        "truncated: tensor '" + entry.name() + "' ends at byte " + entry.end() + ", the file has "
                                + dataBytes + " bytes of data");
            }
            expected = entry.end();
        }
        if (expected != dataBytes) {
            throw new CheckpointException(
                    bytes.file(), (dataBytes - expected) + " left-over bytes after the last tensor");
        }
    }
}
