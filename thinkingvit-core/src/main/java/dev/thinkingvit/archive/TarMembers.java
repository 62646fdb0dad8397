package dev.thinkingvit.archive;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarUtils;
import org.jspecify.annotations.Nullable;

/**
 * Lists a tar's members into a tree, from its headers alone: what lies between them is not read. The tree is what
 * unpacking would leave: of members of one name the last counts, links are followed within the archive, and a name
 * cannot lead out of it ({@code /a}, {@code ./a} and {@code ../a} are all {@code a}).
 */
final class TarMembers {
    private static final int RECORD = 512;
    private static final int NAME_BYTES = 100;
    private static final int BLOCK = 8192;
    private static final int MAX_PADDING = 1 << 16; // as much as is looked through; tar's own is 10 KB
    private static final int NAMED = 3;
    private static final int MAX_LINKS = 40; // one after the other, as on Linux

    private final TarFile tar;
    private final String prefix;
    private final Node.Folder root = new Node.Folder();
    private final Map<String, String> links = new LinkedHashMap<>(); // by the link's own name
    private final List<String> notes = new ArrayList<>();
    private final List<String> replaced = new ArrayList<>();
    private int replacements;

    private TarMembers(TarFile tar, String prefix) {
        this.tar = tar;
        this.prefix = prefix;
    }

    /**
     * A listed tar.
     *
     * @param root its top folder
     * @param notes what people should know of it, a line each
     */
    record Listed(Node.Folder root, List<String> notes) {}

    /** Lists a whole file. */
    static Listed of(TarFile tar) throws IOException {
        return new TarMembers(tar, "").list(0, tar.size());
    }

    /** Lists a tar that is a member of a tar. */
    static Listed of(Node.Slice slice) throws IOException {
        if (slice.fault() != null) {
            throw new IOException(slice.place() + ": " + slice.fault());
        }
        return new TarMembers(slice.tar(), slice.member() + ArchiveFileSystem.INSIDE)
                .list(slice.offset(), slice.offset() + slice.size());
    }

    private String name() {
        return prefix.isEmpty()
                ? tar.path().toString()
                : tar.path()
                        + ArchiveFileSystem.INSIDE
                        + prefix.substring(0, prefix.length() - ArchiveFileSystem.INSIDE.length());
    }

    private Listed list(long from, long to) throws IOException {
        if (from == to) {
            throw new IOException(
                    name() + ": a folder with a folder per class, or a tar, is needed; this is a file and empty");
        }
        try (FileChannel channel = tar.open()) {
            requireTar(channel, from, to);
            list(channel, from, to);
        } catch (IllegalArgumentException e) {
            throw new IOException(name() + ": not a readable tar: " + e.getMessage(), e);
        }
        linkAll();
        if (replacements > 0) {
            notes.add("note: " + name() + ": " + replacements
                    + (replacements == 1 ? " member comes again" : " members come again") + " and the last counts, as"
                    + " when it is unpacked: " + String.join(", ", replaced) + (replacements > NAMED ? ", …" : ""));
        }
        return new Listed(root, List.copyOf(notes));
    }

    private void requireTar(FileChannel channel, long from, long to) throws IOException {
        byte[] head = new byte[(int) Math.min(RECORD, to - from)];
        TarFile.readFully(channel, ByteBuffer.wrap(head), from);
        String compression = Compressions.of(head);
        if (compression != null) {
            throw new IOException(name() + ": " + compression);
        }
        if (head.length < RECORD || (!isZero(head) && !isHeader(head))) {
            throw new IOException(
                    name() + ": a folder with a folder per class, or a tar, is needed; this is a file and no tar");
        }
    }

    private static boolean isHeader(byte[] head) {
        try {
            return TarUtils.verifyCheckSum(head);
        } catch (IllegalArgumentException e) {
            return false; // no number where the sum should be
        }
    }

    private void list(FileChannel channel, long from, long to) throws IOException {
        Headers headers = new Headers(channel, from, to);
        long end = from; // of the last member
        String last = null;
        try (Reader in = new Reader(headers)) {
            for (TarArchiveEntry entry = next(in, last); entry != null; entry = next(in, last)) {
                last = entry.getName();
                if (!entry.isCheckSumOK()) {
                    throw new IOException(
                            name() + ": damaged: the header of member '" + last + "' does not have its own checksum");
                }
                if (entry.getSize() < 0) {
                    throw new IOException(
                            name() + ": damaged: member '" + last + "' says it has " + entry.getSize() + " bytes");
                }
                long size = entry.isDirectory() || entry.isLink() || entry.isSymbolicLink() ? 0 : entry.getSize();
                if (size > to - headers.at) {
                    throw new IOException(name() + ": cut short within member '" + last + "': its " + size
                            + " bytes end at " + (headers.at + size - from) + ", the tar has " + (to - from));
                }
                end = headers.at + (size + RECORD - 1) / RECORD * RECORD;
                add(entry, name(entry, channel, headers.at), headers.at, TarFile.markBefore(channel, headers.at));
                if (!entry.isSparse()) {
                    in.passOver(end);
                }
            }
        }
        if (to > end && to - end < RECORD) {
            throw new IOException(
                    name() + ": cut short within the header after " + (last == null ? "its start" : "'" + last + "'"));
        }
        if (to <= end) {
            notes.add("note: " + name() + ": has no mark at its end; it may have been cut short after member '" + last
                    + "'");
        }
        long more = nextTar(channel, end, to);
        if (more >= 0) {
            notes.add(
                    "note: " + name() + ": another tar begins at byte " + (more - from) + ", after the mark at the end;"
                            + " its members are not read, as when unpacking: name the tars one by one, or join them with"
                            + " 'tar --concatenate'");
        }
    }

    /** Where, soon after a tar's end, the header of a member stands that unpacking does not reach; -1 for nowhere. */
    private static long nextTar(FileChannel channel, long end, long to) throws IOException {
        ByteBuffer padding = ByteBuffer.allocate((int) Math.max(0, Math.min(MAX_PADDING, to - end)));
        TarFile.readFully(channel, padding, end);
        byte[] bytes = padding.array();
        for (int at = 0; at + RECORD <= bytes.length; at += RECORD) {
            byte[] record = Arrays.copyOfRange(bytes, at, at + RECORD);
            if (!isZero(record)) {
                return isHeader(record) ? end + at : -1;
            }
        }
        return -1;
    }

    private static boolean isZero(byte[] record) {
        boolean zero = true;
        for (byte each : record) {
            zero &= each == 0;
        }
        return zero;
    }

    private @Nullable TarArchiveEntry next(TarArchiveInputStream in, @Nullable String last) throws IOException {
        try {
            return in.getNextEntry();
        } catch (IOException | IllegalArgumentException e) {
            throw new IOException(
                    name() + ": not a readable tar" + (last == null ? "" : " after member '" + last + "'") + ": "
                            + Reasons.of(e),
                    e);
        }
    }

    /** A member's name, with replacement characters for bytes that are not UTF-8, for which the library has '?'. */
    private static String name(TarArchiveEntry entry, FileChannel channel, long dataStart) throws IOException {
        String name = entry.getName();
        if (name.indexOf('?') < 0 || dataStart < RECORD) {
            return name;
        }
        byte[] bytes = new byte[NAME_BYTES];
        TarFile.readFully(channel, ByteBuffer.wrap(bytes), dataStart - RECORD);
        String raw = new String(bytes, StandardCharsets.UTF_8);
        return raw.indexOf('\uFFFD') < 0 ? name : name.replace('?', '\uFFFD');
    }

    private void add(TarArchiveEntry entry, String memberName, long offset, int mark) {
        List<String> parts = parts(memberName, List.of());
        if (parts.isEmpty()) {
            return;
        }
        String name = String.join("/", parts);
        if (entry.isDirectory()) {
            folder(parts);
            links.remove(name);
            return;
        }
        Node node;
        if (entry.isSymbolicLink()) {
            links.put(name, String.join("/", parts(entry.getLinkName(), parts.subList(0, parts.size() - 1))));
            node = new Node.DeadLink();
        } else if (entry.isLink()) {
            Node target = find(parts(entry.getLinkName(), List.of()));
            node = target == null ? new Node.DeadLink() : named(target, name);
        } else if (entry.isCharacterDevice() || entry.isBlockDevice() || entry.isFIFO()) {
            node = new Node.Device();
        } else {
            node = new Node.Slice(
                    tar,
                    prefix + name,
                    offset,
                    entry.isSparse() ? entry.getRealSize() : entry.getSize(),
                    mark,
                    entry.isSparse() ? "is stored sparse in the tar; pack it without --sparse" : null);
        }
        if (!entry.isSymbolicLink()) {
            links.remove(name);
        }
        Node.Folder folder = folder(parts.subList(0, parts.size() - 1));
        Node before = folder.children.put(parts.get(parts.size() - 1), node);
        if (before != null) {
            replacements++;
            if (replaced.size() < NAMED) {
                replaced.add(name);
            }
        }
    }

    /** The parts of a name seen from a folder, or from the archive's top if it is absolute; never above the top. */
    private static List<String> parts(String name, List<String> from) {
        Deque<String> parts = new ArrayDeque<>(name.startsWith("/") ? List.of() : from);
        for (String part : name.split("/", -1)) {
            if (part.equals("..")) {
                parts.pollLast();
            } else if (!part.isEmpty() && !part.equals(".")) {
                parts.addLast(part);
            }
        }
        return List.copyOf(parts);
    }

    /** A folder of the archive, made where it is not there; a file of its name gives way, as when unpacking. */
    private Node.Folder folder(List<String> parts) {
        Node.Folder folder = root;
        for (String part : parts) {
            Node next = folder.children.get(part);
            if (!(next instanceof Node.Folder)) {
                next = new Node.Folder();
                folder.children.put(part, next);
            }
            folder = (Node.Folder) next;
        }
        return folder;
    }

    private @Nullable Node find(List<String> parts) {
        Node node = root;
        for (String part : parts) {
            node = node instanceof Node.Folder folder ? folder.children.get(part) : null;
        }
        return node;
    }

    /** Puts in place of each symbolic link what it leads to; a link through links takes as many rounds. */
    private void linkAll() {
        boolean changed = true;
        for (int round = 0; changed && round < MAX_LINKS; round++) {
            changed = false;
            for (Map.Entry<String, String> link : List.copyOf(links.entrySet())) {
                Node target = find(parts(link.getValue(), List.of()));
                List<String> own = parts(link.getKey(), List.of());
                Node before = find(own);
                if (target != null && !(target instanceof Node.DeadLink) && before instanceof Node.DeadLink) {
                    folder(own.subList(0, own.size() - 1))
                            .children
                            .put(own.get(own.size() - 1), named(target, link.getKey()));
                    links.remove(link.getKey());
                    changed = true;
                }
            }
        }
    }

    /** What a link leads to, under the link's name: else two rows of a result would have one name. */
    private Node named(Node target, String name) {
        return target instanceof Node.Slice slice
                ? new Node.Slice(slice.tar(), prefix + name, slice.offset(), slice.size(), slice.mark(), slice.fault())
                : target;
    }

    /** The library's reader, which passes over a member's bytes by reading all of them: a tar may have terabytes. */
    private static final class Reader extends TarArchiveInputStream {
        private final Headers headers;

        Reader(Headers headers) {
            super(headers, RECORD, RECORD, StandardCharsets.UTF_8.name(), true);
            this.headers = headers;
        }

        /** Goes on with the header at {@code place}, as if the member before had been read to its end. */
        void passOver(long place) {
            setCurrentEntry(null);
            headers.moveTo(place);
        }
    }

    /** A tar's bytes from its channel, without reading what is jumped over. */
    private static final class Headers extends InputStream {
        private final FileChannel channel;
        private final long end;
        private final ByteBuffer ahead = ByteBuffer.allocate(BLOCK).limit(0);
        private long at;

        Headers(FileChannel channel, long from, long end) {
            this.channel = channel;
            this.at = from;
            this.end = end;
        }

        /** Has the next bytes come from a place further on. */
        void moveTo(long place) {
            ahead.position((int) Math.min(ahead.limit(), ahead.position() + (place - at)));
            at = place;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] into, int start, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            if (at >= end) {
                return -1;
            }
            if (!ahead.hasRemaining()) {
                ahead.clear().limit((int) Math.min(BLOCK, end - at));
                TarFile.readFully(channel, ahead, at);
                ahead.flip();
            }
            int taken = Math.min(length, ahead.remaining());
            ahead.get(into, start, taken);
            at += taken;
            return taken;
        }

        @Override
        public int available() {
            return (int) Math.max(0, Math.min(Integer.MAX_VALUE, end - at));
        }
    }
}
