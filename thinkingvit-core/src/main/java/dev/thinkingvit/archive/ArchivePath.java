package dev.thinkingvit.archive;

import java.io.IOError;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A path in archives. Its text is for people: a file's is where it is stored, {@code train/n01440764.tar!/x.JPEG}, which
 * {@link ArchiveFileSystem#getPath} of the same file system does not read. Immutable.
 */
final class ArchivePath implements Path {
    private final ArchiveFileSystem archive;
    private final boolean absolute;
    private final List<String> names;

    ArchivePath(ArchiveFileSystem archive, boolean absolute, List<String> names) {
        this.archive = archive;
        this.absolute = absolute;
        this.names = List.copyOf(names);
    }

    List<String> names() {
        return names;
    }

    /** The names, parted by '/'. */
    String inner() {
        return String.join("/", names);
    }

    @Override
    public ArchiveFileSystem getFileSystem() {
        return archive;
    }

    @Override
    public boolean isAbsolute() {
        return absolute;
    }

    @Override
    public @Nullable Path getRoot() {
        return absolute ? new ArchivePath(archive, true, List.of()) : null;
    }

    @Override
    public @Nullable Path getFileName() {
        return names.isEmpty() ? null : getName(names.size() - 1);
    }

    @Override
    public @Nullable Path getParent() {
        if (names.isEmpty() || (names.size() == 1 && !absolute)) {
            return null;
        }
        return new ArchivePath(archive, absolute, names.subList(0, names.size() - 1));
    }

    @Override
    public int getNameCount() {
        return names.size();
    }

    @Override
    public Path getName(int index) {
        return new ArchivePath(archive, false, List.of(names.get(index)));
    }

    @Override
    public Path subpath(int beginIndex, int endIndex) {
        return new ArchivePath(archive, false, names.subList(beginIndex, endIndex));
    }

    @Override
    public boolean startsWith(Path other) {
        return other instanceof ArchivePath path
                && path.archive == archive
                && path.absolute == absolute
                && path.names.size() <= names.size()
                && names.subList(0, path.names.size()).equals(path.names);
    }

    @Override
    public boolean endsWith(Path other) {
        if (!(other instanceof ArchivePath path) || path.archive != archive || path.names.size() > names.size()) {
            return false;
        }
        return path.absolute
                ? equals(path)
                : names.subList(names.size() - path.names.size(), names.size()).equals(path.names);
    }

    @Override
    public Path normalize() {
        List<String> kept = new ArrayList<>();
        for (String name : names) {
            boolean up = name.equals("..");
            if (up && !kept.isEmpty() && !kept.get(kept.size() - 1).equals("..")) {
                kept.remove(kept.size() - 1);
            } else if (!name.equals(".") && !(up && absolute)) {
                kept.add(name);
            }
        }
        return new ArchivePath(archive, absolute, kept);
    }

    @Override
    public Path resolve(Path other) {
        ArchivePath path = of(other);
        if (path.absolute) {
            return path;
        }
        List<String> all = new ArrayList<>(names);
        all.addAll(path.names);
        return new ArchivePath(archive, absolute, all);
    }

    @Override
    public Path relativize(Path other) {
        ArchivePath path = of(other);
        if (path.absolute != absolute) {
            throw new IllegalArgumentException("one path is absolute and the other is not");
        }
        int common = 0;
        while (common < names.size()
                && common < path.names.size()
                && names.get(common).equals(path.names.get(common))) {
            common++;
        }
        List<String> way = new ArrayList<>();
        for (int i = common; i < names.size(); i++) {
            way.add("..");
        }
        way.addAll(path.names.subList(common, path.names.size()));
        return new ArchivePath(archive, false, way);
    }

    /** A path of an archive. */
    static ArchivePath of(Path path) {
        if (path instanceof ArchivePath ours) {
            return ours;
        }
        throw new ProviderMismatchException();
    }

    @Override
    public URI toUri() {
        try {
            return new URI("tar", null, "/" + archive.label() + ArchiveFileSystem.INSIDE + inner(), null);
        } catch (URISyntaxException e) {
            throw new IOError(e);
        }
    }

    @Override
    public Path toAbsolutePath() {
        return absolute ? this : new ArchivePath(archive, true, names);
    }

    @Override
    public Path toRealPath(LinkOption... options) throws IOException {
        ArchivePath real = of(toAbsolutePath().normalize());
        archive.node(real);
        return real;
    }

    @Override
    public WatchKey register(WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
        throw new UnsupportedOperationException("an archive is not watched");
    }

    @Override
    public int compareTo(Path other) {
        return inner().compareTo(of(other).inner());
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ArchivePath path
                && path.archive == archive
                && path.absolute == absolute
                && path.names.equals(names);
    }

    @Override
    public int hashCode() {
        return names.hashCode();
    }

    @Override
    public String toString() {
        return absolute ? archive.place(this) : inner();
    }
}
