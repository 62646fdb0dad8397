package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class AtomicFilesTest {
    @TempDir
    Path directory;

    @Test
    void replacesTheTargetAndLeavesNothingBesideIt() throws IOException {
        Path target = directory.resolve("a.txt");
        AtomicFiles.writeString(target, "old");
        AtomicFiles.writeString(target, "new");

        assertThat(target).hasContent("new");
        assertThat(listing()).containsExactly("a.txt");
    }

    @Test
    void aFailureLeavesTheOldFileAndNothingElse() throws IOException {
        Path target = directory.resolve("a.txt");
        AtomicFiles.writeString(target, "old");

        assertThatThrownBy(() -> AtomicFiles.write(target, out -> {
                    out.write(new byte[1 << 20]);
                    throw new IllegalStateException("in the middle");
                }))
                .isInstanceOf(IllegalStateException.class);

        assertThat(target).hasContent("old");
        assertThat(listing()).containsExactly("a.txt");
    }

    @Test
    void aHeadThatIsKnownLastStandsFirst() throws IOException {
        Path target = directory.resolve("a.bin");
        AtomicFiles.write(target, 3, body -> {
            body.write(new byte[100_000]);
            return new byte[] {1, 2, 3};
        });
        assertThat(Files.size(target)).isEqualTo(100_003);
        assertThat(Files.readAllBytes(target)).startsWith(1, 2, 3, 0);
        assertThatThrownBy(() -> AtomicFiles.write(target, 3, body -> new byte[4]))
                .hasMessage("a head of 3 bytes was announced, 4 bytes came");
        assertThat(Files.size(target)).isEqualTo(100_003);
        assertThat(listing()).containsExactly("a.bin");
    }

    @Test
    void aHeadThatIsKnownLastNeedsAFile() {
        Path device = Path.of("/dev/full");
        assumeTrue(Files.exists(device), "no " + device + " here");
        assertThatThrownBy(() -> AtomicFiles.write(device, 3, body -> new byte[3]))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("/dev/full: a file is needed");
    }

    @Test
    void whatKilledWritersLeftIsFoundInAllFoldersAndNothingElse() throws IOException {
        Path below = Files.createDirectory(directory.resolve("below"));
        Files.createFile(below.resolve(".a.txt.1f.tmp"));
        Files.createFile(directory.resolve(".b.0123456789abcdef.tmp"));
        Files.createFile(directory.resolve("c.1f.tmp"));
        Files.createFile(directory.resolve(".d.tmp"));

        AtomicFiles.deleteDrafts(directory);

        assertThat(listing()).containsExactlyInAnyOrder("below", "c.1f.tmp", ".d.tmp");
        assertThat(below).isEmptyDirectory();
    }

    @Test
    void aMissingDirectoryIsAnErrorAndIsNotCreated() {
        assertThatThrownBy(() -> AtomicFiles.writeString(directory.resolve("no/a.txt"), "x"))
                .isInstanceOf(IOException.class);
        assertThat(directory.resolve("no")).doesNotExist();
    }

    @Test
    void aDirectoryIsNotReplaced() throws IOException {
        Path target = Files.createDirectory(directory.resolve("d"));

        assertThatThrownBy(() -> AtomicFiles.writeString(target, "x"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is a directory");
        assertThat(listing()).containsExactly("d");
    }

    @Test
    void whatCouldBeWrittenIsToldWithoutATrace() throws IOException {
        AtomicFiles.requireWritable(directory.resolve("a.txt"));
        AtomicFiles.requireWritable(Path.of("a.txt"));
        assertThat(listing()).isEmpty();
    }

    @Test
    void whatCouldNotBeWrittenIsNamedWithTheReason() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        assertRefused(directory, "is a folder, a file is to be written there");
        assertRefused(directory.resolve("no/a.txt"), "its folder does not exist");
        assertRefused(file.resolve("a.txt"), "its folder does not exist");
    }

    @Test
    void aFolderThatCannotBeWrittenToIsNoticed() {
        Path virtual = Path.of("/proc/self"); // not even for root
        assumeTrue(Files.isDirectory(virtual), "no folder here that nobody can write to");
        assertRefused(virtual.resolve("a.txt"), "its folder cannot be written to: no such file or folder");
    }

    private static void assertRefused(Path target, String reason) {
        assertThatThrownBy(() -> AtomicFiles.requireWritable(target))
                .isInstanceOf(IOException.class)
                .hasMessage(target + ": " + reason);
    }

    @Test
    void aSymbolicLinkStaysALink() throws IOException {
        Path real = directory.resolve("real.txt");
        Path link = directory.resolve("link.txt");
        AtomicFiles.writeString(real, "old");
        Files.createSymbolicLink(link, real);

        AtomicFiles.writeString(link, "new");

        assertThat(link).isSymbolicLink();
        assertThat(real).hasContent("new");
    }

    @Test
    void aPipeIsWrittenThroughAndStaysAPipe() throws Exception {
        Path pipe = node("mkfifo", "pipe");
        AtomicFiles.requireWritable(pipe);
        CompletableFuture<String> read = CompletableFuture.supplyAsync(() -> {
            try {
                return Files.readString(pipe);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });

        AtomicFiles.writeString(pipe, "through");

        assertThat(read.get(20, TimeUnit.SECONDS)).isEqualTo("through");
        assertThat(Files.readAttributes(pipe, BasicFileAttributes.class).isOther())
                .isTrue();
        assertThat(listing()).containsExactly("pipe");
    }

    @Test
    void aDeviceThatIsFullIsToldAndStaysADevice() throws Exception {
        Path full = node("mknod", "full", "c", "1", "7");

        assertThatThrownBy(() -> AtomicFiles.writeString(full, "x"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(full.toString())
                .hasMessageContaining("no space left on device");
        assertThat(Files.readAttributes(full, BasicFileAttributes.class).isOther())
                .isTrue();
        assertThat(listing()).containsExactly("full");
    }

    /** A process that is told to end in the middle of a file. */
    static final class Writer {
        public static void main(String[] args) throws IOException {
            AtomicFiles.write(Path.of(args[0]), out -> {
                out.write(new byte[1 << 20]);
                System.out.println("ready");
                System.out.flush();
                try {
                    TimeUnit.MINUTES.sleep(1);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
    }

    @Test
    void whoIsToldToEndTakesAwayWhatIsHalfWritten() throws Exception {
        Path target = Files.writeString(directory.resolve("a.txt"), "old");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Writer.class.getName(),
                        target.toString())
                .redirectErrorStream(true)
                .start();
        try (BufferedReader said = process.inputReader()) {
            assertThat(said.readLine()).isEqualTo("ready");
            assertThat(listing()).hasSize(2);
            process.toHandle().destroy(); // that of the process closes what it said
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(said.lines()).isEmpty();
        } finally {
            process.destroyForcibly();
        }
        assertThat(listing()).containsExactly("a.txt");
        assertThat(target).hasContent("old");
    }

    private Path node(String command, String name, String... more) throws InterruptedException {
        Path node = directory.resolve(name);
        List<String> line = new ArrayList<>(List.of(command, node.toString()));
        line.addAll(List.of(more));
        try {
            assumeTrue(new ProcessBuilder(line).start().waitFor() == 0, "no " + command + " for this user");
        } catch (IOException e) {
            assumeTrue(false, "no " + command + " here");
        }
        return node;
    }

    private List<String> listing() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
