package dev.thinkingvit.store;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A repository in the cache that Hugging Face's tools share:
 *
 * <pre>
 * models--owner--name/
 *     blobs/        the files' contents, called by their hash
 *     refs/         which commit a branch or a tag was last
 *     snapshots/    for each commit a folder of links into blobs, with the files' names
 *     .no_exist/    for each commit empty files, called like what it does not have
 * .locks/           one for each content that is being fetched
 * </pre>
 */
final class HubCache {
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,199}");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{7,64}");

    /** Not what other tools call theirs: they and Java do not see each other's locks. */
    private static final String INCOMPLETE = ".thinkingvit.incomplete";

    private static final int MAX_SHOWN = 100;

    private final Path cache;
    private final Path folder;

    HubCache(Path cache, HubModel model) {
        this.cache = cache.toAbsolutePath();
        this.folder = this.cache.resolve("models--" + model.repository().replace("/", "--"));
    }

    /** The commit that a revision was when the hub was last asked. */
    Optional<String> commit(HubModel model) throws IOException {
        if (model.isPinned()) {
            return Optional.of(model.revision());
        }
        Path ref = ref(model.revision());
        if (!Files.isRegularFile(ref)) {
            return Optional.empty();
        }
        String commit = Files.readString(ref).strip();
        return COMMIT.matcher(commit).matches() ? Optional.of(commit) : Optional.empty();
    }

    /** Notes which commit a revision is. */
    void keepCommit(HubModel model, String commit) throws IOException {
        if (model.isPinned() || commit(model).equals(Optional.of(commit))) {
            return;
        }
        Path ref = ref(model.revision());
        Files.createDirectories(ref.getParent() == null ? folder : ref.getParent());
        AtomicFiles.writeString(ref, commit); // without a line end, as other tools write it
    }

    private Path ref(String revision) {
        return folder.resolve("refs").resolve(revision);
    }

    /** Where a commit's files are. */
    Path snapshot(String commit) {
        if (!COMMIT.matcher(commit).matches()) {
            throw new HubException(
                    "the hub calls a commit '" + Printable.of(commit, MAX_SHOWN) + "'; a hash is required");
        }
        return folder.resolve("snapshots").resolve(commit);
    }

    /** Names of the files of a commit that are there. */
    List<String> files(String commit) throws IOException {
        Path snapshot = snapshot(commit);
        if (!Files.isDirectory(snapshot)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(snapshot)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> String.valueOf(file.getFileName()))
                    .toList();
        } catch (UncheckedIOException e) {
            throw new IOException(Reasons.of(e), e);
        }
    }

    /** Whether a commit's file is there, whole. */
    boolean has(String commit, String file) {
        return Files.isRegularFile(snapshot(commit).resolve(plain(file)));
    }

    /** Whether a commit's file is there, or is known not to exist. */
    boolean knows(String commit, String file) {
        return has(commit, file) || Files.isRegularFile(absent(commit, file));
    }

    /** Notes, as other tools do, that a commit has no such file. */
    void keepAbsence(String commit, String file) throws IOException {
        Path note = absent(commit, file);
        if (!Files.exists(note)) {
            Files.createDirectories(note.getParent() == null ? folder : note.getParent());
            AtomicFiles.writeString(note, "");
        }
    }

    private Path absent(String commit, String file) {
        String known = String.valueOf(snapshot(commit).getFileName());
        return folder.resolve(".no_exist").resolve(known).resolve(plain(file));
    }

    /** Where a content is, or will be; its folder is there. */
    Path blob(String etag) throws IOException {
        return Files.createDirectories(folder.resolve("blobs")).resolve(plain(etag));
    }

    /** What there is of a content so far. */
    Path incomplete(String etag) throws IOException {
        return blob(etag + INCOMPLETE);
    }

    /** The file whose lock its fetcher holds; its folder is there. */
    Path lock(String etag) throws IOException {
        Path locks = cache.resolve(".locks").resolve(String.valueOf(folder.getFileName()));
        return Files.createDirectories(locks).resolve(plain(etag) + ".lock");
    }

    /**
     * Makes the blob of {@code etag} a commit's file: a link where the file system has them, else the content itself, which
     * other tools move there too. To be called with the content's lock.
     */
    void place(String commit, String file, String etag) throws IOException {
        Path snapshot = Files.createDirectories(snapshot(commit));
        Path target = snapshot.resolve(plain(file));
        Path blob = blob(etag);
        Path draft = snapshot.resolve("." + file + "." + Long.toHexString(System.nanoTime()) + ".tmp");
        try {
            Files.createSymbolicLink(draft, snapshot.relativize(blob));
        } catch (UnsupportedOperationException | IOException e) { // links need a privilege on Windows
            draft = blob;
        }
        Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Names come from a server: none may lead out of its folder. */
    private static String plain(String name) {
        if (!PLAIN.matcher(name).matches()) {
            throw new HubException("the hub calls a file or its content '" + Printable.of(name, MAX_SHOWN)
                    + "'; a plain name is required");
        }
        return name;
    }
}
