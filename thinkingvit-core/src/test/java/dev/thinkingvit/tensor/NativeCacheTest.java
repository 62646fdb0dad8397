package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // JUnit sets the folder
class NativeCacheTest {
    @TempDir
    private Path temporary;

    @Test
    void theFolderInTheTemporaryOneIsTheUsersAlone() throws IOException {
        Path folder = NativeCache.privateFolder(temporary);
        assertThat(folder).hasParent(temporary);
        assertThat(Files.getPosixFilePermissions(folder)).isEqualTo(PosixFilePermissions.fromString("rwx------"));
        assertThat(NativeCache.privateFolder(temporary)).as("found again").isEqualTo(folder);
        try (var files = Files.list(temporary)) {
            assertThat(files).as("nothing else is left").containsExactly(folder);
        }
    }

    @Test
    void aLinkThatSomebodyPutThereIsNotFollowed() throws IOException {
        Path folder = NativeCache.privateFolder(temporary);
        Files.delete(folder);
        Path trap = Files.createDirectory(temporary.resolve("trap"));
        Files.createSymbolicLink(folder, trap);
        assertThatThrownBy(() -> NativeCache.privateFolder(temporary)).hasMessageContaining("a link or a file");
        assertThat(Files.exists(folder, LinkOption.NOFOLLOW_LINKS)).isTrue();
    }

    @Test
    void aFolderThatIsOpenToOthersIsRefused() throws IOException {
        Path folder = NativeCache.privateFolder(temporary);
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwx---"));
        assertThatThrownBy(() -> NativeCache.privateFolder(temporary)).hasMessageContaining("open to others");
    }

    @Test
    void aFolderWhereJavaCppHasItsLockIsNamed() throws IOException {
        NativeCache.requireWritable(temporary);
        Path lock = Files.createDirectory(temporary.resolve(".lock"));
        assertThatThrownBy(() -> NativeCache.requireWritable(temporary))
                .isInstanceOf(TensorException.class)
                .hasMessageStartingWith("native libraries cannot be unpacked in " + temporary + ": its .lock")
                .hasMessageContaining("delete it; -Dorg.bytedeco.javacpp.cachedir=FOLDER");
        Files.delete(lock);
        Files.createFile(lock);
        NativeCache.requireWritable(temporary);
    }

    @Test
    void aFullOrForbiddingFileSystemIsNamedWithTheWayOut() {
        UnsatisfiedLinkError full = new UnsatisfiedLinkError("java.io.IOException: No space left on device");
        full.initCause(new IOException("No space left on device"));
        assertThat(NativeCache.fault(full))
                .contains("no space left on device", "600 MB", "-Dorg.bytedeco.javacpp.cachedir=");
        UnsatisfiedLinkError noexec = new UnsatisfiedLinkError("no jnitorch in java.library.path");
        noexec.initCause(new UnsatisfiedLinkError("libc10.so: failed to map segment from shared object"));
        assertThat(NativeCache.fault(noexec)).contains("noexec", "-Dorg.bytedeco.javacpp.cachedir=");
        assertThat(NativeCache.fault(new UnsatisfiedLinkError("no jnitorch in java.library.path")))
                .isNull();
    }

    @Test
    void aLibraryThatCannotBeMappedMayLackMemoryToo() {
        UnsatisfiedLinkError unmapped = new UnsatisfiedLinkError("no jnitorch in java.library.path");
        unmapped.initCause(new UnsatisfiedLinkError("libtorch_cpu.so: failed to map segment from shared object"));
        assertThat(NativeCache.fault(unmapped)).contains("noexec", "memory", "ulimit -v");
        assertThat(NativeCache.isUnmapped(unmapped)).isTrue();
        assertThat(NativeCache.isUnmapped(new UnsatisfiedLinkError("no jnidnnl in java.library.path")))
                .isFalse();
    }

    @Test
    void aLibraryThatWasNotUnpackedIsBlamedOnTheRoomThatIsLeft() {
        UnsatisfiedLinkError missing = new UnsatisfiedLinkError("no jnitorch in java.library.path");
        missing.initCause(new UnsatisfiedLinkError(
                "libopenblas_nolapack.so.0: cannot open shared object file: No such file or directory"));
        assertThat(NativeCache.fault(missing, 3_900_000))
                .contains("only 3 MB are left", "600 MB", "-Dorg.bytedeco.javacpp.cachedir=");
        assertThat(NativeCache.fault(missing, 1_000_000_000)).as("room enough").isNull();
        assertThat(NativeCache.fault(new UnsatisfiedLinkError("no jnitorch in java.library.path"), 0))
                .as("not in the jars")
                .isNull();
    }
}
