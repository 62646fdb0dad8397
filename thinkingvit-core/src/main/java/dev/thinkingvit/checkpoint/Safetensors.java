package dev.thinkingvit.checkpoint;

import dev.thinkingvit.files.AtomicFiles;
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
import tools.jackson.core.JacksonException;

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
    public static final int MAX_HEADER_BYTES = 100_000_000;

    private static final int LENGTH_BYTES = 8;

    private Safetensors() {}

    /**
     * What a file holds.
     *
     * @param tensors in the header's order; read from the file when they are used, so that nothing has to be closed;
     *     the file must stay as it is until then
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

    /**
     * Reads a file that somebody has opened, and closes.
     *
     * @throws CheckpointException if it is no safetensors file or lies about its size
     */
    public static Contents read(FileBytes bytes) {
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
                tensors.put(
                        entry.name(),
                        new HostTensor(dtype, entry.shape(), bytes.source(dataStart + entry.begin(), length)));
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
        List<Map.Entry<String, HostTensor>> ordered = new ArrayList<>(tensors.entrySet());
        ordered.sort(Comparator.comparing(entry -> -entry.getValue().dtype().bytes()));
        Map<String, Outline> layout = new LinkedHashMap<>();
        ordered.forEach(entry -> layout.put(
                entry.getKey(),
                new Outline(entry.getValue().dtype(), entry.getValue().shape())));
        try {
            byte[] header = header(file, layout, metadata);
            AtomicFiles.write(file, out -> {
                out.write(withLength(header));
                WritableByteChannel channel = Channels.newChannel(out);
                for (Map.Entry<String, HostTensor> entry : ordered) {
                    ByteBuffer data = entry.getValue().data();
                    while (data.hasRemaining()) {
                        channel.write(data);
                    }
                }
            });
        } catch (IOException | JacksonException e) {
            throw new CheckpointException(file, "cannot be written: " + AtomicFiles.reason(e), e);
        }
    }

    /**
     * A tensor without its values.
     *
     * @param shape sizes ≥ 0
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Outline(DType dtype, long... shape) {}

    /**
     * What stands before the values.
     *
     * @param tensors in the order of their values, the wider element types first
     */
    public record Head(Map<String, Outline> tensors, Map<String, String> metadata) {
        public Head {
            tensors = Collections.unmodifiableMap(tensors);
            metadata = Collections.unmodifiableMap(metadata);
        }
    }

    /** Writes values that need not be in memory together. */
    @FunctionalInterface
    public interface Body {
        /**
         * Writes each tensor's values, little-endian and row-major, one tensor after the other.
         *
         * @return what was written; its header must not be longer than that which was announced
         */
        Head writeTo(OutputStream values) throws IOException;
    }

    /**
     * Writes a file whose tensors are known only when their values are written, in one atomic step. Tensors may be larger
     * than 2 GiB.
     *
     * @param most what there will be at most, for which room is kept: names, digits and metadata count
     * @throws CheckpointException if room would be needed for a larger header than the format allows
     * @throws IOException if the body or the disk fails, naming the file, or the file is no file but a pipe
     */
    public static void write(Path file, Head most, Body body) throws IOException {
        int room = header(file, most.tensors(), most.metadata()).length;
        AtomicFiles.write(file, LENGTH_BYTES + room, values -> {
            Head head = body.writeTo(values);
            byte[] header = header(file, head.tensors(), head.metadata());
            byte[] padded = Arrays.copyOf(header, room);
            Arrays.fill(padded, Math.min(header.length, room), room, (byte) ' ');
            if (header.length > room) {
                throw new IllegalStateException(
                        "a header of " + room + " bytes was announced, " + header.length + " bytes came");
            }
            return withLength(padded);
        });
    }

    private static byte[] withLength(byte[] header) {
        return ByteBuffer.allocate(LENGTH_BYTES + header.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .array();
    }

    /** The JSON of tensors laid out one after the other in the map's order, padded. */
    private static byte[] header(Path file, Map<String, Outline> tensors, Map<String, String> metadata) {
        if (tensors.containsKey(SafetensorsHeader.METADATA)) {
            throw new CheckpointException(file, "'" + SafetensorsHeader.METADATA + "' cannot name a tensor");
        }
        List<SafetensorsHeader.Entry> entries = new ArrayList<>();
        long offset = 0;
        for (Map.Entry<String, Outline> tensor : tensors.entrySet()) {
            Outline outline = tensor.getValue();
            SafetensorsHeader.Entry entry =
                    SafetensorsHeader.Entry.at(offset, tensor.getKey(), outline.dtype(), outline.shape());
            entries.add(entry);
            offset = entry.end();
        }
        byte[] header = padded(new SafetensorsHeader(entries, metadata).write());
        if (header.length > MAX_HEADER_BYTES) {
            throw new CheckpointException(
                    file, "a header of " + header.length + " bytes; at most " + MAX_HEADER_BYTES + " are allowed");
        }
        return header;
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
