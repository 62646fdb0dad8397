package dev.thinkingvit.archive;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a name in an archive stands for. */
sealed interface Node {

    /** Whether two are one thing, or of one slice two names. */
    static boolean same(Node one, Node other) {
        return one == other
                || (one instanceof Slice slice
                        && other instanceof Slice twin
                        && slice.tar.equals(twin.tar)
                        && slice.offset == twin.offset);
    }

    /** A folder; a link to a folder is the same object under another name. */
    final class Folder implements Node {
        final Map<String, Node> children = new LinkedHashMap<>();
    }

    /**
     * A file, which is a slice of a tar.
     *
     * @param tar that holds it
     * @param member its name in the tar, for people
     * @param offset of its first byte in the tar's file
     * @param size in bytes
     * @param mark of its header, by which it is known again if the tar was changed
     * @param fault why it cannot be read, or null
     */
    record Slice(
            TarFile tar,
            String member,
            long offset,
            long size,
            int mark,
            @Nullable String fault) implements Node {
        /** Where it is, in words: {@code photos.tar!/cat/1.jpg}. */
        String place() {
            return tar.path() + ArchiveFileSystem.INSIDE + member;
        }
    }

    /** A link that leads to nothing in the archive. */
    record DeadLink() implements Node {}

    /** A pipe or a device. */
    record Device() implements Node {}
}
