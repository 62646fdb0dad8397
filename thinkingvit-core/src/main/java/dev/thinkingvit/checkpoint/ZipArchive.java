package dev.thinkingvit.checkpoint;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * A zip archive whose stored entries can be viewed in place, which {@link java.util.zip.ZipFile} does not offer and
 * which saves a copy of every weight. Zip64 is understood. What the directory claims is checked against the file:
 * entries lie within it, do not overlap, have distinct harmless names and agree with their local headers. CRCs are not
 * compared, as torch.save may leave them out.
 */
final class ZipArchive {
    private static final int LOCAL_SIGNATURE = 0x04034b50;
    private static final int CENTRAL_SIGNATURE = 0x02014b50;
    private static final int END_SIGNATURE = 0x06054b50;
    private static final int END64_SIGNATURE = 0x06064b50;
    private static final int END64_LOCATOR_SIGNATURE = 0x07064b50;
    private static final int LOCAL_BYTES = 30;
    private static final int CENTRAL_BYTES = 46;
    private static final int END_BYTES = 22;
    private static final int END64_BYTES = 56;
    private static final int END64_LOCATOR_BYTES = 20;
    private static final int MAX_COMMENT = 0xFFFF;
    private static final long UNSIGNED_INT_MAX = 0xFFFF_FFFFL;
    private static final int STORED = 0;
    private static final int DEFLATED = 8;

    /** No deflate stream expands further than this. */
    private static final long MAX_DEFLATE_RATIO = 1032;

    private final Path file;
    private final FileBytes bytes;
    private final MemoryBudget budget;
    private final Map<String, Entry> entries;
    private final Map<String, ByteBuffer> inflated = new LinkedHashMap<>();

    private record Entry(String name, int method, long packedSize, long size, long headerOffset, long dataOffset) {}

    private record Directory(long offset, long size, long count) {}

    /** @throws CheckpointException if the file is no zip archive or its directory is not to be trusted */
    ZipArchive(FileBytes bytes, MemoryBudget budget) {
        this.file = bytes.file();
        this.bytes = bytes;
        this.budget = budget;
        this.entries = readEntries(findDirectory());
        requireDisjoint();
    }

    /** The entries' names in the archive's order. */
    Iterable<String> names() {
        return Collections.unmodifiableSet(entries.keySet());
    }

    /** The entry's size once inflated, or null if there is no such entry. */
    @Nullable Long size(String name) {
        Entry entry = entries.get(name);
        return entry == null ? null : entry.size;
    }

    /**
     * The entry's content, read-only and little-endian: a view if it is stored, inflated (once) if it is compressed.
     *
     * @throws CheckpointException if there is no such entry, it is damaged or its size lies
     */
    ByteBuffer content(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new CheckpointException(file, "the archive has no entry '" + name + "'");
        }
        if (entry.method == STORED) {
            return bytes.slice(entry.dataOffset, entry.size);
        }
        ByteBuffer known = inflated.get(name);
        if (known == null) {
            known = inflate(entry);
            inflated.put(name, known);
        }
        return known.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** As {@link #content}, but what is stored is read when it is asked for. */
    HostTensor.Source source(String name) {
        Entry entry = entries.get(name);
        if (entry != null && entry.method == STORED) {
            return bytes.source(entry.dataOffset, entry.size);
        }
        ByteBuffer content = content(name);
        return (offset, length) -> content.slice(Math.toIntExact(offset), length);
    }

    /** The first bytes of an entry's content, so many at most. */
    ByteBuffer start(String name, int most) {
        Entry entry = entries.get(name);
        return entry != null && entry.method == STORED
                ? bytes.slice(entry.dataOffset, Math.min(entry.size, most))
                : content(name);
    }

    private ByteBuffer inflate(Entry entry) {
        String what = "entry '" + entry.name + "'";
        if (entry.size / MAX_DEFLATE_RATIO > entry.packedSize || entry.size > Integer.MAX_VALUE - 8) {
            throw new CheckpointException(
                    file, what + " claims to inflate from " + entry.packedSize + " to " + entry.size + " bytes");
        }
        budget.spend(entry.size, what);
        byte[] content = new byte[(int) entry.size];
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(bytes.slice(entry.dataOffset, entry.packedSize));
            int filled = 0;
            int step = 1;
            while (step > 0 && filled < content.length) {
                step = inflater.inflate(content, filled, content.length - filled);
                filled += step;
            }
            // One more byte shows whether the stream ends where the directory says.
            int excess = inflater.finished() ? 0 : inflater.inflate(new byte[1]);
            if (filled != content.length || excess != 0 || !inflater.finished()) {
                throw new CheckpointException(
                        file, what + " does not inflate to the " + entry.size + " bytes that the archive names");
            }
        } catch (DataFormatException e) {
            throw new CheckpointException(file, what + " is damaged: " + Reasons.of(e), e);
        } finally {
            inflater.end();
        }
        return ByteBuffer.wrap(content).asReadOnlyBuffer();
    }

    private Directory findDirectory() {
        long searched = Math.min(bytes.size(), END_BYTES + MAX_COMMENT);
        long start = bytes.size() - searched;
        ByteBuffer tail = bytes.slice(start, searched);
        for (int at = tail.limit() - END_BYTES; at >= 0; at--) {
            boolean atEnd = tail.getInt(at) == END_SIGNATURE
                    && at + END_BYTES + (tail.getShort(at + 20) & 0xFFFF) == tail.limit();
            if (atEnd) {
                Directory directory = new Directory(
                        tail.getInt(at + 16) & UNSIGNED_INT_MAX,
                        tail.getInt(at + 12) & UNSIGNED_INT_MAX,
                        tail.getShort(at + 10) & 0xFFFF);
                boolean zip64 = directory.offset == UNSIGNED_INT_MAX
                        || directory.size == UNSIGNED_INT_MAX
                        || directory.count == 0xFFFF;
                return zip64 ? findDirectory64(start + at, directory) : directory;
            }
        }
        throw new CheckpointException(
                file, "truncated: it begins as a zip archive, the directory at its end is missing");
    }

    private Directory findDirectory64(long endOffset, Directory small) {
        if (endOffset < END64_LOCATOR_BYTES) {
            return small;
        }
        ByteBuffer locator = bytes.slice(endOffset - END64_LOCATOR_BYTES, END64_LOCATOR_BYTES);
        if (locator.getInt(0) != END64_LOCATOR_SIGNATURE) {
            return small;
        }
        ByteBuffer end = bytes.slice(locator.getLong(8), END64_BYTES);
        if (end.getInt(0) != END64_SIGNATURE) {
            throw new CheckpointException(file, "damaged zip archive: its zip64 directory is not where it should be");
        }
        return new Directory(end.getLong(48), end.getLong(40), end.getLong(32));
    }

    private Map<String, Entry> readEntries(Directory directory) {
        if (directory.count < 0 || directory.count > directory.size / CENTRAL_BYTES) {
            throw new CheckpointException(
                    file, "damaged zip archive: " + directory.count + " entries in " + directory.size + " bytes");
        }
        ByteBuffer central = bytes.slice(directory.offset, directory.size);
        Map<String, Entry> found = new LinkedHashMap<>();
        for (long i = 0; i < directory.count; i++) {
            Entry entry = readEntry(central);
            if (found.put(entry.name, entry) != null) {
                throw new CheckpointException(file, "two entries of the archive are named '" + entry.name + "'");
            }
        }
        if (central.hasRemaining()) {
            throw new CheckpointException(file, "damaged zip archive: more in its directory than it counts");
        }
        return found;
    }

    /** Reads one line of the central directory and advances {@code central} past it. */
    private Entry readEntry(ByteBuffer central) {
        int at = central.position();
        if (central.remaining() < CENTRAL_BYTES || central.getInt(at) != CENTRAL_SIGNATURE) {
            throw new CheckpointException(file, "damaged zip archive: its directory breaks off");
        }
        int nameBytes = central.getShort(at + 28) & 0xFFFF;
        int extraBytes = central.getShort(at + 30) & 0xFFFF;
        int commentBytes = central.getShort(at + 32) & 0xFFFF;
        if (central.remaining() - CENTRAL_BYTES < nameBytes + extraBytes + commentBytes) {
            throw new CheckpointException(file, "damaged zip archive: its directory breaks off");
        }
        byte[] rawName = new byte[nameBytes];
        central.get(at + CENTRAL_BYTES, rawName);
        String name = new String(rawName, StandardCharsets.UTF_8);
        requireHarmless(name);
        int flags = central.getShort(at + 8);
        int method = central.getShort(at + 10) & 0xFFFF;
        if ((flags & 1) != 0 || (method != STORED && method != DEFLATED)) {
            throw new CheckpointException(
                    file, "entry '" + name + "' is encrypted or compressed by a method (" + method + ") unknown here");
        }
        long packedSize = central.getInt(at + 20) & UNSIGNED_INT_MAX;
        long size = central.getInt(at + 24) & UNSIGNED_INT_MAX;
        long headerOffset = central.getInt(at + 42) & UNSIGNED_INT_MAX;
        ByteBuffer extra = zip64Extra(central.slice(at + CENTRAL_BYTES + nameBytes, extraBytes));
        // The extra field holds, in this order, only those numbers that did not fit.
        size = size == UNSIGNED_INT_MAX ? nextLong(extra, name) : size;
        packedSize = packedSize == UNSIGNED_INT_MAX ? nextLong(extra, name) : packedSize;
        headerOffset = headerOffset == UNSIGNED_INT_MAX ? nextLong(extra, name) : headerOffset;
        central.position(at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes);
        if (size < 0 || packedSize < 0 || (method == STORED && size != packedSize)) {
            throw new CheckpointException(
                    file, "entry '" + name + "' claims " + size + " bytes stored as " + packedSize);
        }
        long dataOffset = dataOffset(name, rawName, method, headerOffset);
        bytes.slice(dataOffset, 0);
        if (packedSize > bytes.size() - dataOffset) {
            throw new CheckpointException(
                    file, "truncated: entry '" + name + "' takes " + packedSize + " bytes from " + dataOffset + " on");
        }
        return new Entry(name, method, packedSize, size, headerOffset, dataOffset);
    }

    private long dataOffset(String name, byte[] rawName, int method, long headerOffset) {
        ByteBuffer local = bytes.slice(headerOffset, LOCAL_BYTES);
        int nameBytes = local.getShort(26) & 0xFFFF;
        int extraBytes = local.getShort(28) & 0xFFFF;
        boolean same = local.getInt(0) == LOCAL_SIGNATURE
                && (local.getShort(8) & 0xFFFF) == method
                && nameBytes == rawName.length
                && bytes.slice(headerOffset + LOCAL_BYTES, nameBytes).equals(ByteBuffer.wrap(rawName));
        if (!same) {
            throw new CheckpointException(
                    file, "damaged zip archive: entry '" + name + "' differs from what its directory says");
        }
        return headerOffset + LOCAL_BYTES + nameBytes + extraBytes;
    }

    private static ByteBuffer zip64Extra(ByteBuffer extra) {
        extra.order(ByteOrder.LITTLE_ENDIAN);
        while (extra.remaining() >= 4) {
            int id = extra.getShort() & 0xFFFF;
            int length = Math.min(extra.getShort() & 0xFFFF, extra.remaining());
            if (id == 1) {
                return extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
            }
            extra.position(extra.position() + length);
        }
        return ByteBuffer.allocate(0);
    }

    private long nextLong(ByteBuffer extra, String name) {
        if (extra.remaining() < Long.BYTES) {
            throw new CheckpointException(file, "damaged zip archive: entry '" + name + "' lacks its zip64 sizes");
        }
        return extra.getLong();
    }

    private void requireHarmless(String name) {
        boolean harmful = name.startsWith("/")
                || name.indexOf('\\') >= 0
                || name.indexOf('\0') >= 0
                || ("/" + name + "/").contains("/../");
        if (harmful) {
            throw new CheckpointException(file, "entry '" + name + "' points outside of the archive");
        }
    }

    private void requireDisjoint() {
        List<Entry> sorted = new ArrayList<>(entries.values());
        sorted.sort(Comparator.comparingLong(Entry::headerOffset));
        long end = 0;
        for (Entry entry : sorted) {
            if (entry.headerOffset < end) {
                throw new CheckpointException(file, "entry '" + entry.name + "' overlaps another one");
            }
            end = entry.dataOffset + entry.packedSize;
        }
    }
}
