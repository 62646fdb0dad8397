package dev.thinkingvit.archive;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Members of tar files as files: {@link java.nio.file.Files} lists and reads them as any others, and changes nothing. It
 * holds no open file, so that nobody needs to close it. Immutable once built: safe to share between threads.
 */
public final class ArchiveFileSystem extends FileSystem {
    /** Between an archive's name and a member's. */
    public static final String INSIDE = "!/";

    private final String label;
    private final boolean oneFile;
    private final Node.Folder root;
    private final List<String> notes;
    private final ArchiveProvider provider = new ArchiveProvider();

    /**
     * @param label what people call the whole
     * @param oneFile whether the whole is a tar, and not a folder of some
     * @param notes on its tars, a line each
     */
    ArchiveFileSystem(String label, boolean oneFile, Node.Folder root, List<String> notes) {
        this.label = label;
        this.oneFile = oneFile;
        this.root = root;
        this.notes = List.copyOf(notes);
    }

    String label() {
        return label;
    }

    /** What people should know of the archives, a line each. */
    public List<String> notes() {
        return notes;
    }

    /** The notes on the archives that a path is in; none for a path of a disk. */
    public static List<String> notesOn(Path path) {
        return path.getFileSystem() instanceof ArchiveFileSystem archive ? archive.notes() : List.of();
    }

    /** The disk's file that a path's bytes lie in: of a member its tar, of a path of a disk the file itself. */
    public static Path fileOf(Path path) {
        return path instanceof ArchivePath ours && ours.getFileSystem().find(ours) instanceof Node.Slice slice
                ? slice.tar().path()
                : path;
    }

    /** The top folder. */
    public Path root() {
        return new ArchivePath(this, true, List.of());
    }

    /**
     * What a path stands for.
     *
     * @throws NoSuchFileException for nothing
     */
    Node node(ArchivePath path) throws NoSuchFileException {
        Node node = find(path);
        if (node == null) {
            throw new NoSuchFileException(path.toString());
        }
        return node;
    }

    private @Nullable Node find(ArchivePath path) {
        Node node = root;
        for (String name : path.names()) {
            node = node instanceof Node.Folder folder ? folder.children.get(name) : null;
        }
        return node;
    }

    /** Where something is, for people. */
    String place(ArchivePath path) {
        if (find(path) instanceof Node.Slice slice) {
            return slice.place();
        }
        return path.names().isEmpty() ? label : label + (oneFile ? INSIDE : "/") + path.inner();
    }

    @Override
    public ArchiveProvider provider() {
        return provider;
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("an archive needs no closing");
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public boolean isReadOnly() {
        return true;
    }

    @Override
    public String getSeparator() {
        return "/";
    }

    @Override
    public Iterable<Path> getRootDirectories() {
        return List.of(root());
    }

    @Override
    public Iterable<FileStore> getFileStores() {
        return List.of();
    }

    @Override
    public Set<String> supportedFileAttributeViews() {
        return Set.of("basic");
    }

    @Override
    public Path getPath(String first, String... more) {
        List<String> names = new ArrayList<>();
        String whole = more.length == 0 ? first : first + "/" + String.join("/", more);
        for (String name : whole.split("/", -1)) {
            if (!name.isEmpty()) {
                names.add(name);
            }
        }
        return new ArchivePath(this, whole.startsWith("/"), names);
    }

    @Override
    public PathMatcher getPathMatcher(String syntaxAndPattern) {
        throw new UnsupportedOperationException("archives have no patterns");
    }

    @Override
    public UserPrincipalLookupService getUserPrincipalLookupService() {
        throw new UnsupportedOperationException("archives have no owners");
    }

    @Override
    public WatchService newWatchService() throws IOException {
        throw new UnsupportedOperationException("an archive is not watched");
    }
}
