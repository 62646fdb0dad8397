package dev.thinkingvit.data;

import dev.thinkingvit.archive.ArchiveFileSystem;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.picture.PictureException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

/**
 * What a file system says of a file: if it is the same, so is the file. A member of a tar is as the tar's file is.
 *
 * @param changed when its content, name or permissions changed last, where that is known; else as {@code modified}
 */
record FileStamp(long bytes, FileTime modified, FileTime changed) {

    /** @throws PictureException if the file is gone or may not be asked after */
    static FileStamp of(Path picture) throws IOException {
        Path file = ArchiveFileSystem.fileOf(picture);
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            FileTime changed =
                    file.getFileSystem().supportedFileAttributeViews().contains("unix")
                            ? (FileTime) Files.getAttribute(file, "unix:ctime")
                            : attributes.lastModifiedTime();
            return new FileStamp(attributes.size(), attributes.lastModifiedTime(), changed);
        } catch (IOException e) {
            throw new PictureException(file + ": " + Reasons.of(e), e);
        }
    }
}
