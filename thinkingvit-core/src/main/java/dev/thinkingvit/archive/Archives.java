package dev.thinkingvit.archive;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Opens tar files. Compressed ones are refused with a word on what to do. */
public final class Archives {
    private Archives() {}

    /** Whether a path is called as a tar is. */
    public static boolean isTarName(Path path) {
        String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
        return name.endsWith(".tar");
    }

    /** Whether a path is called as a compressed tar is. */
    public static boolean isCompressedName(Path path) {
        return Compressions.isName(String.valueOf(path.getFileName()));
    }

    /**
     * Lists a tar: a file of a disk, or a member of another tar.
     *
     * @throws IOException if it cannot be read, is cut short or is no tar: names it, and the member where there is one
     */
    public static ArchiveFileSystem open(Path tar) throws IOException {
        if (tar instanceof ArchivePath member) {
            if (!(member.getFileSystem().node(member) instanceof Node.Slice slice)) {
                throw new FileSystemException(tar.toString(), null, "a tar is needed");
            }
            return system(slice.place(), TarMembers.of(slice));
        }
        TarFile file = TarFile.at(tar);
        try {
            return system(tar.toString(), TarMembers.of(file));
        } catch (FileSystemException e) {
            throw e;
        } catch (IOException e) {
            throw String.valueOf(e.getMessage()).startsWith(tar.toString())
                    ? e
                    : new IOException(tar + ": " + Reasons.of(e), e);
        }
    }

    private static ArchiveFileSystem system(String label, TarMembers.Listed listed) {
        return new ArchiveFileSystem(label, true, listed.root(), listed.notes());
    }

    /** Puts files and folders of archives together under other names. Not thread-safe. */
    public static final class View {
        private final Node.Folder root = new Node.Folder();
        private final List<String> notes = new ArrayList<>();

        /**
         * Gives a file or folder of an archive a name in a folder of the view, which is made where there is none.
         *
         * @param folder its name, without '/'; empty for the top
         * @param name without '/'
         * @return false, and nothing changes, if the name is taken
         */
        public boolean put(String folder, String name, Path member) throws IOException {
            ArchivePath source = ArchivePath.of(member);
            Node node = source.getFileSystem().node(source);
            Node in = folder.isEmpty() ? root : root.children.computeIfAbsent(folder, key -> new Node.Folder());
            return in instanceof Node.Folder place && place.children.putIfAbsent(name, node) == null;
        }

        /** Adds a line that people should know. */
        public void note(String line) {
            notes.add(line);
        }

        /** The view's top folder; {@code label} is what people call it. */
        public Path root(String label) {
            return new ArchiveFileSystem(label, Files.isRegularFile(Path.of(label)), root, notes).root();
        }
    }
}
