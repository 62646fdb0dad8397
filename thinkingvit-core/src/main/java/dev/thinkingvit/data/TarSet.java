package dev.thinkingvit.data;

import dev.thinkingvit.archive.ArchiveFileSystem;
import dev.thinkingvit.archive.Archives;
import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Data sets in tar files, shown as a folder per class: a tar with class folders, perhaps below a leading folder; a
 * folder of class tars ({@code n01440764.tar}), or a tar of them; shards of either; WebDataset's shards. Nothing is
 * unpacked.
 */
final class TarSet {
    private TarSet() {}

    /**
     * A data set's root.
     *
     * @param path to walk through
     * @param indices whether its folders are indices of a model's classes, whatever these are called
     * @param misplaced what pictures are called that lie in none of its folders
     */
    record Root(Path path, boolean indices, String misplaced) {
        static Root of(Path path) {
            return new Root(path, false, PassedOver.MISPLACED);
        }
    }

    /**
     * One of the tars of a data set.
     *
     * @param tar the file, or member of a tar
     * @param stem its name without its ending
     * @param top the folder in it from which on it is read
     */
    record Part(Path tar, String stem, Path top) {}

    /**
     * Finds a data set's root; a folder with folders is its own.
     *
     * @param passedOver counts what lies beside the tars of a folder
     * @throws IOException if there are tars that cannot be read
     */
    static Root rootOf(Path asked, PassedOver.Counter passedOver) throws IOException {
        if (Files.isDirectory(asked)) {
            return ofFolder(asked, passedOver);
        }
        if (Files.exists(asked)) {
            return ofTar(asked);
        }
        String text = asked.toString();
        Path inside = member(asked);
        if (inside != null) {
            return Root.of(inside);
        }
        return ofTars(text, named(asked));
    }

    /**
     * The tars that a pattern such as {@code shards-{000..009}.tar} stands for, in order.
     *
     * @throws DatasetException if it is no pattern, or one of them is missing
     */
    static List<Path> named(Path asked) throws IOException {
        String text = asked.toString();
        List<String> names = text.indexOf('{') < 0 ? List.of(text) : Braces.expand(text);
        if (names.size() == 1 && names.get(0).equals(text)) {
            throw new DatasetException(asked + ": " + Reasons.ofMissing(asked));
        }
        List<Path> tars = new ArrayList<>();
        for (String name : names) {
            Path tar = Path.of(name);
            if (!Files.isRegularFile(tar)) {
                throw new DatasetException(text + ": stands for " + names.size() + " tars, of which " + name
                        + " is missing: " + (Files.exists(tar) ? "is a folder" : Reasons.ofMissing(tar)));
            }
            tars.add(tar);
        }
        return tars;
    }

    /** What {@code photos.tar!/cat} names; null if it is not of that form. */
    static @Nullable Path member(Path asked) throws IOException {
        String text = asked.toString();
        int end = text.indexOf(ArchiveFileSystem.INSIDE);
        if (end < 0 || !Files.isRegularFile(Path.of(text.substring(0, end)))) {
            return null;
        }
        ArchiveFileSystem tar = Archives.open(Path.of(text.substring(0, end)));
        Path member = tar.getPath("/" + text.substring(end + ArchiveFileSystem.INSIDE.length()));
        if (!Files.exists(member)) {
            throw new DatasetException(asked + ": the tar has no such member");
        }
        return member;
    }

    private static Root ofFolder(Path folder, PassedOver.Counter passedOver) throws IOException {
        List<Path> tars = tarsIn(folder);
        if (tars.isEmpty()) {
            return Root.of(folder);
        }
        Set<Path> used = new HashSet<>(tars);
        PictureWalk beside = PictureWalk.through(folder, passedOver, used::contains);
        beside.pictures().forEach(picture -> passedOver.add(PassedOver.BESIDE_TARS, false, picture.path()));
        return ofTars(folder.toString(), tars);
    }

    private static Root ofTar(Path file) throws IOException {
        Path root = Archives.open(file).root();
        Root labelled = WebDataset.of(file.toString(), List.of(new Part(file, stem(file), root)));
        if (labelled != null) {
            return labelled;
        }
        Path top = withoutLeading(root);
        List<Path> tars = tarsIn(top);
        return tars.isEmpty() ? Root.of(top) : ofTars(file.toString(), tars);
    }

    private static Root ofTars(String label, List<Path> tars) throws IOException {
        List<Part> parts = new ArrayList<>();
        for (Path tar : tars) {
            parts.add(new Part(tar, stem(tar), Archives.open(tar).root()));
        }
        Root labelled = WebDataset.of(label, parts);
        if (labelled != null) {
            return labelled;
        }
        boolean pictures = false;
        List<Part> read = new ArrayList<>();
        for (Part part : parts) {
            Content content = Content.of(part.top());
            boolean own = content.pictures().isEmpty()
                    && content.folders().size() == 1
                    && part.stem()
                            .equals(String.valueOf(content.folders().get(0).getFileName()));
            pictures |= own || !content.pictures().isEmpty();
            read.add(own ? new Part(part.tar(), part.stem(), content.folders().get(0)) : part);
        }
        if (!pictures && read.size() == 1) {
            return Root.of(withoutLeading(read.get(0).top()));
        }
        return !pictures && areShards(read) ? shards(label, read) : classes(label, read);
    }

    /** Tars whose names differ by their numbers alone, and that hold several class folders between them. */
    private static boolean areShards(List<Part> parts) throws IOException {
        Set<String> forms = new HashSet<>();
        Set<String> folders = new HashSet<>();
        for (Part part : parts) {
            forms.add(part.stem().replaceAll("\\d+", "#"));
            Content.of(withoutLeading(part.top())).folders().forEach(each -> folders.add(each.getFileName() + ""));
        }
        return forms.size() == 1 && folders.size() > 1;
    }

    private static Root classes(String label, List<Part> parts) throws IOException {
        Archives.View view = new Archives.View();
        view.note("note: " + label + ": read as " + parts.size() + (parts.size() == 1 ? " class tar" : " class tars"));
        notes(view, parts);
        for (Part part : parts) {
            if (!view.put("", part.stem(), part.top())) {
                throw new DatasetException(part.tar() + ": another tar is named so too; each is a class by its name");
            }
        }
        return Root.of(view.root(label));
    }

    private static Root shards(String label, List<Part> parts) throws IOException {
        Archives.View view = new Archives.View();
        view.note("note: " + label + ": read as " + parts.size() + " shards with class folders");
        notes(view, parts);
        for (Part part : parts) {
            Content top = Content.of(withoutLeading(part.top()));
            for (Path folder : top.folders()) {
                String name = String.valueOf(folder.getFileName());
                for (Path each : Content.of(folder).all()) {
                    putFree(view, name, part.stem(), each);
                }
            }
            for (Path file : top.all()) {
                if (!Files.isDirectory(file)) {
                    putFree(view, "", part.stem(), file);
                }
            }
        }
        return Root.of(view.root(label));
    }

    /** Puts a member under its own name, or, where another shard has the name too, with its shard's in front. */
    static void putFree(Archives.View view, String folder, String stem, Path member) throws IOException {
        String name = String.valueOf(member.getFileName());
        for (int i = 1; !view.put(folder, name, member); i++) {
            name = (i == 1 ? stem : stem + "." + i) + "." + member.getFileName();
        }
    }

    private static void notes(Archives.View view, List<Part> parts) {
        parts.forEach(part -> ArchiveFileSystem.notesOn(part.top()).forEach(view::note));
    }

    static String stem(Path tar) {
        String name = PictureWalk.composed(String.valueOf(tar.getFileName()));
        return name.toLowerCase(Locale.ROOT).endsWith(".tar") ? name.substring(0, name.length() - 4) : name;
    }

    /** Goes down to where the class folders are, from a tar that was packed with the folder that holds them. */
    private static Path withoutLeading(Path root) throws IOException {
        Path top = root;
        while (true) {
            Content content = Content.of(top);
            if (content.folders().size() != 1 || !content.pictures().isEmpty()) {
                return top;
            }
            Content below = Content.of(content.folders().get(0));
            boolean classes = below.folders().size() > (below.pictures().isEmpty() ? 0 : 1);
            boolean tars = below.folders().isEmpty()
                    && below.pictures().isEmpty()
                    && !below.tars().isEmpty();
            if (!classes && !tars) {
                return top;
            }
            top = content.folders().get(0);
        }
    }

    /** The tars in a folder that has no folders, by name. */
    static List<Path> tarsIn(Path folder) throws IOException {
        Content content = Content.of(folder);
        if (!content.folders().isEmpty()) {
            return List.of();
        }
        if (content.tars().isEmpty() && !content.compressed().isEmpty()) {
            return List.of(content.compressed().get(0)); // which opening refuses with a word on what to do
        }
        return content.tars();
    }

    /** What lies right in a folder, but for what systems put there; each kind by name. */
    private record Content(
            List<Path> folders, List<Path> pictures, List<Path> tars, List<Path> compressed, List<Path> all) {
        static Content of(Path folder) throws IOException {
            List<Path> entries = new ArrayList<>();
            try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
                stream.forEach(entries::add);
            } catch (IOException | DirectoryIteratorException e) {
                throw new DatasetException(folder + ": " + Reasons.of(e), e);
            }
            entries.sort(
                    (a, b) -> PictureWalk.compare(String.valueOf(a.getFileName()), String.valueOf(b.getFileName())));
            List<Path> own = entries.stream()
                    .filter(entry -> !PictureWalk.isOfSystem(entry))
                    .toList();
            Set<Path> folders = own.stream().filter(Files::isDirectory).collect(Collectors.toSet());
            List<Path> files =
                    own.stream().filter(entry -> !folders.contains(entry)).toList();
            return new Content(
                    own.stream().filter(folders::contains).toList(),
                    files.stream().filter(PictureWalk::isPictureName).toList(),
                    files.stream().filter(Archives::isTarName).toList(),
                    files.stream().filter(Archives::isCompressedName).toList(),
                    entries);
        }
    }
}
