package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.OwnProcess;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that find the natives' cache empty, half full or closed. */
@NullUnmarked // a null fails the test
class NativeUnpackingTest {

    @TempDir
    Path folder;

    private OwnProcess start(String... options) throws IOException {
        List<String> all = new ArrayList<>(List.of(options));
        all.add("-D" + NativeCache.PROPERTY + "=" + folder.resolve("cache"));
        return OwnProcess.start(folder, FirstLoad.class, all);
    }

    @Test
    void threeProcessesMayFindItEmptyAtOnceAndOneMayBeKilledWhileItUnpacks() throws Exception {
        try (OwnProcess killed = start()) {
            while (unpacked() < 100_000_000) {
                assertThat(killed.isAlive()).as(killed.out()).isTrue();
                Thread.sleep(5);
            }
            killed.kill();
            killed.await(20);
        }
        try (OwnProcess first = start();
                OwnProcess second = start();
                OwnProcess third = start()) {
            for (OwnProcess process : List.of(first, second, third)) {
                assertThat(process.await(120)).as(process.out()).isZero();
                assertThat(process.out()).contains("loaded");
            }
        }
        // as other programs' JavaCPP leaves it when they are killed
        Path library = find("libtorch_cpu.so");
        assumeTrue(library != null, "libraries have other names here");
        long whole = Files.size(library);
        try (FileChannel channel = FileChannel.open(library, StandardOpenOption.WRITE)) {
            channel.truncate(whole / 2);
        }
        try (OwnProcess after = start()) {
            assertThat(after.await(120)).as(after.out()).isZero();
        }
        assertThat(library).hasSize(whole);
        assertThat(find(".unpacking-libtorch_cpu.so")).isNull();
    }

    @Test
    void aProcessThatWasStoppedWhileItLoadsHoldsUpOnlyThoseThatMissSomething() throws Exception {
        Path cache = folder.resolve("cache");
        try (OwnProcess first = start()) {
            assertThat(first.await(120)).as(first.out()).isZero();
        }
        try (Stream<Path> files = Files.list(cache)) {
            for (Path mark : files.filter(file -> file.getFileName().toString().startsWith(".thinkingvit-whole"))
                    .toList()) {
                Files.delete(mark);
            }
        }
        try (FileChannel channel = FileChannel.open(cache.resolve(".thinkingvit.lock"), StandardOpenOption.WRITE);
                FileLock lock = channel.lock();
                OwnProcess second = start()) {
            assertThat(lock.isValid()).isTrue();
            assertThat(second.await(120)).as(second.out()).isZero();
            assertThat(second.out()).contains("loaded");
        }
    }

    @Test
    void aFolderThatHasOtherThingsTooKeepsThem() throws Exception {
        Path cache = Files.createDirectory(folder.resolve("cache"));
        Path text = Files.writeString(cache.resolve("letter.txt"), "nothing to do with it");
        Path library = Files.writeString(cache.resolve(System.mapLibraryName("other")), "somebody else's");
        try (OwnProcess process = start("-Dorg.bytedeco.javacpp.cachedir.nosubdir=true")) {
            assertThat(process.await(120)).as(process.out()).isZero();
        }
        assertThat(text).exists();
        assertThat(library).exists();
    }

    @Test
    void aCompleteCacheThatCannotBeWrittenToIsUsedAsItIs() throws Exception {
        Path cache = folder.resolve("cache");
        try (OwnProcess first = start()) {
            assertThat(first.await(120)).as(first.out()).isZero();
        }
        try (OwnProcess told = OwnProcess.start(folder, ReadOnly.class, List.of(), cache.toString())) {
            assertThat(told.await(60)).as(told.out()).isZero();
            assertThat(told.out()).contains("JavaCPP uses " + cache.toRealPath());
        }
        assumeTrue(cache.toFile().setWritable(false) && !Files.isWritable(cache), "root may write everywhere");
        Path home = Files.createDirectory(folder.resolve("home"));
        try (OwnProcess second = start("-Duser.home=" + home, "-Djava.io.tmpdir=" + home)) {
            assertThat(second.await(60)).as(second.out()).isZero();
            assertThat(home).as("nothing is unpacked once more").isEmptyDirectory();
        } finally {
            assertThat(cache.toFile().setWritable(true)).isTrue();
        }
    }

    @Test
    void aProgramThatUsedJavaCppBeforeHasOneCacheOnly() throws Exception {
        Path first = Files.createDirectories(folder.resolve("first"));
        try (OwnProcess process = OwnProcess.start(folder, JavaCppFirst.class, List.of(), first.toString())) {
            assertThat(process.await(60)).as(process.out()).isZero();
            assertThat(process.out()).contains("unpacked in " + first.toRealPath());
        }
    }

    @Test
    void whatIsInTheWayIsNamed() throws Exception {
        Path lock = Files.createDirectories(folder.resolve("cache/.thinkingvit.lock"));
        try (OwnProcess process = start()) {
            process.await(60);
            assertThat(process.out()).contains(lock + ": is a folder, a file is needed");
        }
    }

    @Test
    void aCacheThatCannotBeWrittenToIsSaidByEachCall() throws Exception {
        Path file = Files.createFile(folder.resolve("cache")); // no rights keep root out of a folder
        try (OwnProcess process = start()) {
            process.await(60);
            assertThat(process.out().lines())
                    .hasSize(2)
                    .allMatch(line -> line.startsWith("TensorException: ") && line.contains(file.toString()));
        }
    }

    @Test
    void aVirtualMachineThatForbidsNativeCodeIsToldWhatToAllow() throws Exception {
        Path home = newerJava();
        assumeTrue(home != null, "no Java 24 or newer beside this one");
        try (OwnProcess process =
                OwnProcess.start(folder, Map.of(), home, FirstLoad.class, List.of("--illegal-native-access=deny"))) {
            process.await(60);
            assertThat(process.out().lines().filter(line -> line.startsWith("TensorException: ")))
                    .as(process.out())
                    .hasSize(2)
                    .allMatch(line -> line.contains("--enable-native-access=ALL-UNNAMED"));
        }
        try (OwnProcess process = OwnProcess.start(
                folder,
                Map.of(),
                home,
                FirstLoad.class,
                List.of("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED"))) {
            assertThat(process.await(60)).as(process.out()).isZero();
        }
    }

    /** This Java if it is new enough, else one installed beside it. */
    private static Path newerJava() throws IOException {
        Path here = Path.of(System.getProperty("java.home"));
        if (Runtime.version().feature() >= 24) {
            return here;
        }
        try (Stream<Path> homes = Files.list(here.getParent())) {
            return homes.filter(home -> version(home) >= 24).findFirst().orElse(null);
        }
    }

    private static int version(Path home) {
        try {
            return Integer.parseInt(
                    Files.readString(home.resolve("release")).replaceAll("(?s).*JAVA_VERSION=\"(\\d+).*", "$1"));
        } catch (IOException | NumberFormatException e) {
            return 0; // no Java
        }
    }

    private long unpacked() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            long bytes = 0;
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                bytes += Files.exists(file) ? Files.size(file) : 0;
            }
            return bytes;
        } catch (java.io.UncheckedIOException | java.nio.file.NoSuchFileException e) {
            return 0; // renamed meanwhile
        }
    }

    private Path find(String name) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.getFileName().toString().equals(name))
                    .findFirst()
                    .orElse(null);
        }
    }

    /** Which folder JavaCPP takes that is told to use the argument's. */
    static final class ReadOnly {
        private ReadOnly() {}

        public static void main(String... arguments) throws IOException {
            System.setProperty(NativeCache.PROPERTY, arguments[0] + "-other");
            NativeCache.useAsItIs(Path.of(arguments[0]));
            System.out.println("JavaCPP uses " + Loader.getCacheDir());
        }
    }

    /** Where natives are unpacked when JavaCPP's folder was the argument before another one is asked for. */
    static final class JavaCppFirst {
        private JavaCppFirst() {}

        public static void main(String... arguments) throws IOException {
            System.setProperty(NativeCache.PROPERTY, arguments[0]);
            Loader.getCacheDir();
            System.setProperty(NativeCache.PROPERTY, arguments[0] + "-other");
            System.out.println("unpacked in " + NativeCache.chosen());
        }
    }

    /** Loads the natives, twice. */
    static final class FirstLoad {
        private FirstLoad() {}

        public static void main(String... arguments) {
            for (int turn = 0; turn < 2; turn++) {
                try {
                    Natives.load();
                    System.out.println("loaded");
                } catch (Throwable e) {
                    System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
                    if (turn == 1) {
                        System.exit(1);
                    }
                }
            }
        }
    }
}
