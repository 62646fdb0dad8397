package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.run.TrainingLog;
import dev.thinkingvit.store.ModelDirectory;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills trainings, stops them and takes their disk away; nothing may be lost. */
@NullUnmarked // a null fails the test
class TrainingDurabilityIT {
    private static final int EPOCHS = 24;
    private static final int UPDATES = EPOCHS * TinyTraining.UPDATES_PER_EPOCH;
    private static final int KILLS = 20;
    private static final int SIGINT = 2;

    @TempDir
    private static Path directory;

    private static Path uninterrupted;

    @BeforeAll
    static void trainWithoutInterruption() throws Exception {
        TinyTraining.writePictures(directory);
        breakPictures(directory.resolve("train/dark"));
        uninterrupted = directory.resolve("uninterrupted");
        try (Launched training = train(uninterrupted, "--save-seconds=300")) {
            assertThat(training.exit()).as(training.err()).isZero();
            assertThat(training.err().lines().filter(line -> line.startsWith("skipped: ")))
                    .as("each broken picture once")
                    .hasSize(2)
                    .anyMatch(line -> line.contains("text.jpg"))
                    .anyMatch(line -> line.contains("torn.jpg"));
        }
        assertThat(TinyTraining.updates(uninterrupted)).isEqualTo(UPDATES);
    }

    /** In place of two good ones: a text, and the first half of a JPEG. */
    private static void breakPictures(Path folder) throws IOException {
        Path whole = folder.resolve("0.png");
        Path jpeg = folder.resolve("torn.jpg");
        ImageIO.write(ImageIO.read(whole.toFile()), "jpg", jpeg.toFile());
        byte[] bytes = Files.readAllBytes(jpeg);
        Files.write(
                jpeg,
                Stream.of(bytes)
                        .map(all -> java.util.Arrays.copyOf(all, 120))
                        .findFirst()
                        .orElseThrow());
        Files.delete(whole);
        Files.delete(folder.resolve("2.png"));
        Files.writeString(folder.resolve("text.jpg"), "no picture");
    }

    private static Launched train(Path run, Object... more) throws IOException {
        return train(EPOCHS, run, more);
    }

    private static Launched train(int epochs, Path run, Object... more) throws IOException {
        List<String> arguments = TinyTraining.arguments(directory, run, epochs, "--threads=2", "--workers=2");
        Stream.of(more).map(String::valueOf).forEach(arguments::add);
        return Launched.start(directory, Map.of(), arguments);
    }

    @Test
    void killedTwentyTimesATrainingEndsAsOneThatNeverWas() throws Exception {
        Path run = directory.resolve("killed");
        Random random = new Random(20);
        int midway = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            try (Launched training = train(run, "--save-seconds=0.02")) {
                long target = (long) (0.6 * UPDATES * (kill + 1) / KILLS);
                // a machine at leisure must not be at the end before it is killed
                long deadline = System.nanoTime() + random.nextInt(2500) * 1_000_000L;
                switch (kill % 5) {
                    case 1 ->
                        training.awaitWhileAlive( // often as it starts
                                () -> System.nanoTime() > deadline || TinyTraining.updates(run) >= target);
                    case 3 -> {
                        training.awaitWhileAlive(() -> TinyTraining.updates(run) >= target);
                        training.awaitWhileAlive(() -> !drafts(run).isEmpty()); // while it saves
                    }
                    default -> {
                        training.awaitWhileAlive(() -> TinyTraining.updates(run) >= target);
                        Thread.sleep(random.nextInt(100));
                    }
                }
                training.kill();
                assertThat(training.exit())
                        .as("kill %d: %s", kill, training.err())
                        .isEqualTo(137);
            }
            assertWhole(run);
            midway += TinyTraining.updates(run) % TinyTraining.UPDATES_PER_EPOCH == 0 ? 0 : 1;
        }
        assertThat(midway).as("kills within an epoch").isPositive();
        try (Launched training = train(run)) {
            assertThat(training.exit()).as(training.err()).isZero();
            assertThat(training.err()).contains("going on at epoch ");
        }
        TinyTraining.assertSame(run, uninterrupted);
        assertThat(drafts(run)).isEmpty();
        try (Stream<Path> history = Files.list(run.resolve("history"))) {
            assertThat(history.map(Path::getFileName).map(Path::toString))
                    .containsExactlyInAnyOrder("epoch-0022", "epoch-0023", "epoch-0024");
        }
    }

    /** No file under its own name is less than whole, and what a killed writer left does not pile up. */
    private static void assertWhole(Path run) throws IOException {
        if (!Files.exists(run)) {
            return;
        }
        try (Stream<Path> files = Files.walk(run)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".safetensors")) {
                    Safetensors.read(file);
                } else if (name.equals("config.json")) {
                    ModelDirectory.readConfig(file);
                } else if (name.endsWith(".csv")) {
                    TrainingLog.read(file);
                }
            }
        }
        // one of this life; another of the one before, if this one was too short to clear away
        assertThat(drafts(run)).hasSizeLessThanOrEqualTo(2);
    }

    private static List<Path> drafts(Path run) {
        try (Stream<Path> files = Files.walk(run)) {
            return files.filter(AtomicFiles::isDraft).toList();
        } catch (NoSuchFileException e) {
            return List.of(); // not there yet
        } catch (IOException | UncheckedIOException e) {
            return List.of(run); // a draft that was renamed while it was looked at
        }
    }

    @Test
    void aTrainingThatIsToldToEndSavesAndGoesOnExactly() throws Exception {
        Path run = directory.resolve("stopped");
        for (String signal : List.of("TERM", "INT")) {
            long before = TinyTraining.updates(run);
            long target = before + 45;
            try (Launched training = train(run, "--save-seconds=0.02")) {
                training.awaitWhileAlive(() -> TinyTraining.updates(run) >= target);
                long start = System.nanoTime();
                send(heeds(training, SIGINT) ? signal : "TERM", training.pid());
                assertThat(training.exit()).as(training.err()).isEqualTo(Main.INTERRUPTED);
                assertThat((System.nanoTime() - start) / 1e9).as("seconds").isLessThan(20);
                assertThat(training.out()).contains("stopped; 'train --resume --out ");
            }
            assertThat(TinyTraining.updates(run)).isGreaterThanOrEqualTo(target);
        }
        try (Launched training = train(run)) {
            assertThat(training.exit()).as(training.err()).isZero();
        }
        TinyTraining.assertSame(run, uninterrupted);
    }

    private static void send(String signal, long pid) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + signal, String.valueOf(pid))
                        .start()
                        .waitFor())
                .isZero();
    }

    /** Whether a process does not ignore a signal; a shell has what it runs in the background ignore SIGINT. */
    private static boolean heeds(Launched process, int signal) throws IOException {
        Path status = Path.of("/proc", String.valueOf(process.pid()), "status");
        if (!Files.exists(status)) {
            return true;
        }
        String ignored = Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("SigIgn:"))
                .map(line -> line.substring("SigIgn:".length()).strip())
                .findFirst()
                .orElse("0");
        return (Long.parseUnsignedLong(ignored, 16) >> (signal - 1) & 1) == 0;
    }

    @Test
    void aDiskThatFillsUpEndsTheTrainingWhichGoesOnOnceThereIsRoom() throws Exception {
        Path disk = Files.createDirectory(directory.resolve("disk"));
        assumeTrue(mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", disk.toString()), "no right to mount a small disk");
        try {
            Path run = disk.resolve("run");
            try (Launched training = train(run, "--save-seconds=0.02")) {
                training.awaitWhileAlive(() -> TinyTraining.updates(run) >= 60);
                fill(disk.resolve("filler"));
                assertThat(training.exit()).as(training.err()).isEqualTo(Main.FAILED);
                assertThat(training.errors())
                        .singleElement()
                        .asString()
                        .contains(run.toString())
                        .contains("no space left on device");
            }
            assertWhole(run);
            assertThat(TinyTraining.updates(run)).isGreaterThanOrEqualTo(60);
            try (Launched training = train(run)) {
                assertThat(training.exit()).as("still full").isEqualTo(Main.FAILED);
                assertThat(training.errors()).singleElement().asString().contains("no space left on device");
            }
            assertWhole(run);
            Files.delete(disk.resolve("filler"));
            try (Launched training = train(run)) {
                assertThat(training.exit()).as(training.err()).isZero();
            }
            TinyTraining.assertSame(run, uninterrupted);
        } finally {
            unmount(disk);
        }
    }

    private static void fill(Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            while (true) {
                out.write(new byte[1024]);
            }
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("No space left");
        }
    }

    @Test
    void aReadOnlyFolderIsNamed() throws Exception {
        Path disk = Files.createDirectory(directory.resolve("read-only"));
        assumeTrue(mount("-t", "tmpfs", "-o", "ro", "tmpfs", disk.toString()), "no right to mount a disk");
        try (Launched training = train(disk.resolve("run"))) {
            assertThat(training.exit()).isEqualTo(Main.FAILED);
            assertThat(training.errors())
                    .singleElement()
                    .asString()
                    .contains(disk.resolve("run").toString())
                    .contains("read-only file system");
        } finally {
            unmount(disk);
        }
    }

    private static boolean mount(String... arguments) throws Exception {
        if (!System.getProperty("user.name").equals("root")) {
            return false;
        }
        List<String> command = new ArrayList<>(List.of("mount"));
        command.addAll(List.of(arguments));
        try {
            return new ProcessBuilder(command).start().waitFor() == 0;
        } catch (IOException e) {
            return false; // there is no such command
        }
    }

    private static void unmount(Path disk) throws Exception {
        assertThat(new ProcessBuilder("umount", disk.toString()).start().waitFor())
                .isZero();
    }

    @Test
    void aFolderTakesOneTrainingAtATime() throws Exception {
        Path run = directory.resolve("shared");
        try (Launched training = train(1000, run, "--save-seconds=0.02")) {
            training.awaitWhileAlive(() -> TinyTraining.updates(run) > 0);
            for (String how : List.of("--resume", "--force")) {
                try (Launched second = Launched.start(
                        directory,
                        Map.of(),
                        List.of(
                                "train",
                                how,
                                "--data=" + directory.resolve("train"),
                                "--out=" + run,
                                "--img-size=16",
                                "--batch-size=8"))) {
                    assertThat(second.exit()).isEqualTo(Main.FAILED);
                    assertThat(second.errors())
                            .singleElement()
                            .asString()
                            .contains(run.toString())
                            .contains("another training is at work in it");
                }
            }
            assertThat(training.isAlive()).as(training.err()).isTrue();
        }
        assertWhole(run);
    }
}
