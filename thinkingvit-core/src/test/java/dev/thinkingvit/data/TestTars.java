package dev.thinkingvit.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** A tar for a test. */
final class TestTars {
    private final List<TarArchiveEntry> entries = new ArrayList<>();
    private final List<byte[]> contents = new ArrayList<>();

    static TestTars tar() {
        return new TestTars();
    }

    /** Files whose content is their own name, which no two share. */
    TestTars files(String... names) {
        for (String name : names) {
            file(name, name.getBytes(StandardCharsets.UTF_8));
        }
        return this;
    }

    TestTars file(String name, byte[] content) {
        TarArchiveEntry entry = new TarArchiveEntry(name, true);
        entry.setSize(content.length);
        entries.add(entry);
        contents.add(content);
        return this;
    }

    TestTars file(String name, String content) {
        return file(name, content.getBytes(StandardCharsets.UTF_8));
    }

    TestTars link(byte type, String name, String target) {
        TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
        entry.setLinkName(target);
        entries.add(entry);
        contents.add(new byte[0]);
        return this;
    }

    TestTars symbolic(String name, String target) {
        return link(TarConstants.LF_SYMLINK, name, target);
    }

    Path write(Path file) throws IOException {
        return write(file, TarArchiveOutputStream.LONGFILE_POSIX);
    }

    Path write(Path file, int longNames) throws IOException {
        try (TarArchiveOutputStream out =
                new TarArchiveOutputStream(Files.newOutputStream(file), StandardCharsets.UTF_8.name())) {
            out.setLongFileMode(longNames);
            out.setAddPaxHeadersForNonAsciiNames(longNames == TarArchiveOutputStream.LONGFILE_POSIX);
            for (int i = 0; i < entries.size(); i++) {
                out.putArchiveEntry(entries.get(i));
                out.write(contents.get(i));
                out.closeArchiveEntry();
            }
        }
        return file;
    }
}
