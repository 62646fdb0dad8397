package dev.thinkingvit.data;

import dev.thinkingvit.archive.ArchiveFileSystem;
import dev.thinkingvit.archive.Archives;
import dev.thinkingvit.picture.PictureFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Pictures found in files, folders and tars.
 *
 * @param pictures each once, in the order first met; those of a folder or tar by name
 * @param asked those of them that were named by themselves, and not found in something
 * @param passedOver what else the folders hold
 * @param notes what people should know of the tars, a line each
 */
public record PictureFiles(List<Path> pictures, Set<Path> asked, PassedOver passedOver, List<String> notes) {

    public PictureFiles {
        pictures = List.copyOf(pictures);
        asked = Set.copyOf(asked);
        notes = List.copyOf(notes);
    }

    /**
     * Files as they are named, whatever they are, and of folders and tars the pictures in and below them. Of a folder that
     * has tars and neither pictures nor folders, those of the tars. {@code shards-{000..009}.tar} names ten. A tar's members
     * have names such as {@code photos.tar!/cat/1.jpg}. Among several, a folder without pictures is noted.
     *
     * @throws DatasetException if a path does not exist, or nothing was found in all
     * @throws IOException if there is a tar that cannot be read
     */
    public static PictureFiles find(List<Path> filesOrFolders) throws IOException {
        Finding finding = new Finding();
        for (Path path : filesOrFolders) {
            Path member = Files.exists(path) ? null : TarSet.member(path);
            if (member != null) {
                finding.add(member);
            } else {
                for (Path each : Files.exists(path) ? List.of(path) : TarSet.named(path)) {
                    finding.add(each);
                }
            }
        }
        PassedOver others = finding.passedOver.done();
        if (finding.pictures.isEmpty()) {
            throw new DatasetException(
                    filesOrFolders.stream().map(Path::toString).collect(Collectors.joining(", ")) + ": no "
                            + PictureFormat.NAMES + " picture in it" + others.inBrief());
        }
        return new PictureFiles(List.copyOf(finding.pictures), finding.asked, others, List.copyOf(finding.notes));
    }

    /** Whether all that was named is one picture: then it cannot be passed over. */
    public boolean isOnePicture() {
        return pictures.size() == 1 && asked.size() == 1;
    }

    /** What people should know of what was found, a line each. */
    public List<String> remarks() {
        List<String> remarks = new ArrayList<>(notes);
        remarks.addAll(passedOver.lines());
        return remarks;
    }

    private static final class Finding {
        private final Collection<Path> pictures = new LinkedHashSet<>();
        private final Set<Path> asked = new LinkedHashSet<>();
        private final Set<String> notes = new LinkedHashSet<>();
        private final PassedOver.Counter passedOver = new PassedOver.Counter();

        void add(Path path) throws IOException {
            notes.addAll(ArchiveFileSystem.notesOn(path));
            if (Files.isDirectory(path)) {
                folder(path);
            } else if (Files.isRegularFile(path) && (Archives.isTarName(path) || Archives.isCompressedName(path))) {
                tar(path);
            } else {
                pictures.add(path);
                asked.add(path);
            }
        }

        private void folder(Path folder) throws IOException {
            PassedOver.Counter here = new PassedOver.Counter();
            List<PictureWalk.File> found = PictureWalk.through(folder, here).pictures();
            List<Path> tars = found.isEmpty() ? TarSet.tarsIn(folder) : List.of();
            if (tars.isEmpty()) {
                if (found.isEmpty()) {
                    notes.add("note: " + folder + ": no " + PictureFormat.NAMES + " picture in it");
                }
                found.forEach(file -> pictures.add(file.path()));
                passedOver.add(here);
                return;
            }
            for (Path tar : tars) {
                tar(tar);
            }
            PictureWalk.through(folder, passedOver, Set.copyOf(tars)::contains);
        }

        private void tar(Path tar) throws IOException {
            Path root = Archives.open(tar).root();
            notes.addAll(ArchiveFileSystem.notesOn(root));
            folder(root);
        }
    }
}
