package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class FolderLockTest {
    @TempDir
    private Path folder;

    @Test
    void aFolderIsLockedOnceAtATime() throws IOException {
        try (FolderLock lock = FolderLock.take(folder).orElseThrow()) {
            assertThat(lock).isNotNull();
            assertThat(FolderLock.take(folder)).isEmpty();
            assertThat(FolderLock.take(folder.resolve("../" + folder.getFileName())))
                    .isEmpty();
        }
        FolderLock.take(folder).orElseThrow().close();
    }

    @Test
    void anotherProcessIsKeptOutToTheEndAlsoAfterAVainAttemptHere() throws Exception {
        try (FolderLock lock = FolderLock.take(folder).orElseThrow()) {
            assertThat(lock).isNotNull();
            assertThat(FolderLock.take(folder)).isEmpty();
            assertThat(takenByAnotherProcess()).isFalse();
        }
        assertThat(takenByAnotherProcess()).isTrue();
    }

    private boolean takenByAnotherProcess() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Taker.class.getName(),
                        folder.toString())
                .inheritIO()
                .start();
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).isIn(Taker.TAKEN, Taker.REFUSED);
        return process.exitValue() == Taker.TAKEN;
    }

    /** Tries once, in a process of its own. */
    static final class Taker {
        static final int TAKEN = 10;
        static final int REFUSED = 11;

        private Taker() {}

        public static void main(String[] arguments) throws IOException {
            System.exit(FolderLock.take(Path.of(arguments[0])).isPresent() ? TAKEN : REFUSED);
        }
    }

    @Test
    void aFileSystemWithoutLocksIsToldWithItsFolderAndMayBeDoneWithout() throws Exception {
        Path source = Files.writeString(folder.resolve("enolck.c"), """
                #include <errno.h>
                int fcntl(int fd, int command, ...) { errno = ENOLCK; return -1; }
                int fcntl64(int fd, int command, ...) { errno = ENOLCK; return -1; }
                """);
        Path library = folder.resolve("enolck.so");
        assumeTrue(compiled(source, library), "no C compiler here that could take the locks away");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Taker.class.getName(),
                        folder.toString())
                .redirectErrorStream(true);
        builder.environment().put("LD_PRELOAD", library.toString());
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(said)
                .contains(folder + ": cannot be locked: no locks available")
                .contains("--no-lock");
        try (FolderLock here = FolderLock.takeHere(folder).orElseThrow()) {
            assertThat(here).isNotNull();
            assertThat(FolderLock.takeHere(folder)).isEmpty();
            assertThat(folder.resolve(".lock")).as("made by the other process").exists();
        }
    }

    private static boolean compiled(Path source, Path library) throws InterruptedException {
        try {
            return new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false; // there is no such command
        }
    }

    @Test
    void onlyAFolderWithNothingElseInItIsDeleted() throws IOException {
        Path made = Files.createDirectory(folder.resolve("made"));
        Path file = Files.createFile(made.resolve("notes.txt"));
        try (FolderLock lock = FolderLock.take(made).orElseThrow()) {
            lock.deleteIfEmpty();
            assertThat(file).exists();
            Files.delete(file);
            lock.deleteIfEmpty();
        }
        assertThat(made).doesNotExist();
    }
}
