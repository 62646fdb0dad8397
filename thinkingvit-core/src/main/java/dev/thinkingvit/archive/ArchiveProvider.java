package dev.thinkingvit.archive;

import java.io.IOException;
import java.net.URI;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.spi.FileSystemProvider;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads members of archives; whatever would change them is a {@link ReadOnlyFileSystemException}. */
final class ArchiveProvider extends FileSystemProvider {

    private static Node node(Path path) throws NoSuchFileException {
        ArchivePath ours = ArchivePath.of(path);
        return ours.getFileSystem().node(ours);
    }

    @Override
    public String getScheme() {
        return "tar";
    }

    @Override
    public SeekableByteChannel newByteChannel(
            Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes) throws IOException {
        if (options.stream().anyMatch(option -> option != StandardOpenOption.READ)) {
            throw new ReadOnlyFileSystemException();
        }
        if (node(path) instanceof Node.Slice slice) {
            try {
                return new SliceChannel(slice);
            } catch (FileSystemException e) {
                throw e;
            } catch (IOException e) {
                throw refused(path, String.valueOf(e.getMessage()), e);
            }
        }
        throw refused(path, "a file is needed", null);
    }

    private static FileSystemException refused(Path path, String reason, @Nullable Exception cause) {
        FileSystemException refused = new FileSystemException(path.toString(), null, reason);
        if (cause != null) {
            refused.initCause(cause);
        }
        return refused;
    }

    @Override
    public DirectoryStream<Path> newDirectoryStream(Path folder, DirectoryStream.Filter<? super Path> filter)
            throws IOException {
        if (!(node(folder) instanceof Node.Folder listed)) {
            throw new NotDirectoryException(folder.toString());
        }
        List<Path> content = new ArrayList<>();
        for (String name : listed.children.keySet()) {
            Path child = folder.resolve(new ArchivePath(ArchivePath.of(folder).getFileSystem(), false, List.of(name)));
            if (filter.accept(child)) {
                content.add(child);
            }
        }
        return new DirectoryStream<>() {
            @Override
            public Iterator<Path> iterator() {
                return content.iterator();
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public <A extends BasicFileAttributes> A readAttributes(Path path, Class<A> type, LinkOption... options)
            throws IOException {
        if (type != BasicFileAttributes.class) {
            throw new UnsupportedOperationException("archives have basic attributes only, not " + type);
        }
        return type.cast(new Attributes(node(path)));
    }

    /** A node's attributes. Of a link that leads somewhere they are the target's, whoever asks. */
    private record Attributes(Node node) implements BasicFileAttributes {
        @Override
        public FileTime lastModifiedTime() {
            return node instanceof Node.Slice slice ? slice.tar().modified() : FileTime.fromMillis(0);
        }

        @Override
        public FileTime lastAccessTime() {
            return lastModifiedTime();
        }

        @Override
        public FileTime creationTime() {
            return lastModifiedTime();
        }

        @Override
        public boolean isRegularFile() {
            return node instanceof Node.Slice;
        }

        @Override
        public boolean isDirectory() {
            return node instanceof Node.Folder;
        }

        @Override
        public boolean isSymbolicLink() {
            return node instanceof Node.DeadLink;
        }

        @Override
        public boolean isOther() {
            return node instanceof Node.Device;
        }

        @Override
        public long size() {
            return node instanceof Node.Slice slice ? slice.size() : 0;
        }

        @Override
        public @Nullable Object fileKey() {
            return node instanceof Node.Folder ? node : null; // by which a walk notices that it goes round
        }
    }

    @Override
    public Map<String, Object> readAttributes(Path path, String attributes, LinkOption... options) {
        throw new UnsupportedOperationException("archives have basic attributes only");
    }

    @Override
    public <V extends FileAttributeView> @Nullable V getFileAttributeView(
            Path path, Class<V> type, LinkOption... options) {
        return null;
    }

    @Override
    public void checkAccess(Path path, AccessMode... modes) throws IOException {
        node(path);
        for (AccessMode mode : modes) {
            if (mode != AccessMode.READ) {
                throw new AccessDeniedException(path.toString());
            }
        }
    }

    @Override
    public boolean isSameFile(Path path, Path other) throws IOException {
        return path.equals(other) || (other instanceof ArchivePath && Node.same(node(path), node(other)));
    }

    @Override
    public boolean isHidden(Path path) {
        return String.valueOf(path.getFileName()).startsWith(".");
    }

    @Override
    public FileStore getFileStore(Path path) {
        throw new UnsupportedOperationException("archives have no file store");
    }

    @Override
    public FileSystem newFileSystem(URI uri, Map<String, ?> environment) {
        throw new UnsupportedOperationException("archives are opened by Archives");
    }

    @Override
    public FileSystem getFileSystem(URI uri) {
        throw new UnsupportedOperationException("archives are opened by Archives");
    }

    @Override
    public Path getPath(URI uri) {
        throw new UnsupportedOperationException("archives are opened by Archives");
    }

    @Override
    public void createDirectory(Path folder, FileAttribute<?>... attributes) {
        throw new ReadOnlyFileSystemException();
    }

    @Override
    public void delete(Path path) {
        throw new ReadOnlyFileSystemException();
    }

    @Override
    public void copy(Path source, Path target, CopyOption... options) {
        throw new ReadOnlyFileSystemException();
    }

    @Override
    public void move(Path source, Path target, CopyOption... options) {
        throw new ReadOnlyFileSystemException();
    }

    @Override
    public void setAttribute(Path path, String attribute, Object value, LinkOption... options) {
        throw new ReadOnlyFileSystemException();
    }
}
