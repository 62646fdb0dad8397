package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.run.RunFolder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trains while its pictures go bad. */
@NullUnmarked // a null fails the test
class TrainLosesPicturesTest {
    private static final int EPOCHS = 30;

    @TempDir
    Path directory;

    private Path run;
    private Path dark;

    @BeforeEach
    void writePictures() throws IOException {
        TinyTraining.writePictures(directory);
        run = directory.resolve("run");
        dark = directory.resolve("train/dark");
    }

    private CompletableFuture<CommandRun> start(Object... more) {
        Object[] arguments =
                TinyTraining.arguments(directory, run, EPOCHS, more).toArray();
        return CompletableFuture.supplyAsync(() -> CommandRun.of(arguments));
    }

    private CommandRun resume(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("train", "--resume", "--out", run));
        arguments.addAll(Arrays.asList(more));
        return CommandRun.of(arguments.toArray());
    }

    private void awaitEpochs(CompletableFuture<CommandRun> training, int epochs) throws Exception {
        while (!training.isDone() && !(Files.exists(run.resolve("epochs.csv")) && rows().size() > epochs)) {
            Thread.sleep(5);
        }
        assertThat(training).as("still at work").isNotDone();
    }

    private List<String> rows() throws IOException {
        return Files.readAllLines(run.resolve("epochs.csv"));
    }

    private List<Double> column(String name) throws IOException {
        return TinyTraining.epochs(run).get(name);
    }

    private double last(String name) throws IOException {
        List<Double> values = column(name);
        return values.get(values.size() - 1);
    }

    @Test
    void eachPictureThatGoesBadIsNamedOnceAndAllAreCounted() throws Exception {
        CompletableFuture<CommandRun> training = start("--max-unreadable=10%");
        awaitEpochs(training, 1);
        Files.delete(dark.resolve("0.png"));
        Files.write(dark.resolve("2.png"), Arrays.copyOf(Files.readAllBytes(dark.resolve("2.png")), 100));
        Files.copy(dark.resolve("6.png"), directory.resolve("other.png"));
        Files.move(
                directory.resolve("other.png"),
                dark.resolve("4.png"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Files.delete(directory.resolve("val/light/81.png"));
        CommandRun ended = training.join();
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err().lines().filter(line -> line.startsWith("skipped: ")))
                .hasSize(4)
                .anyMatch(line -> line.endsWith("dark/0.png: no such file or folder"))
                .anyMatch(line -> line.contains("dark/2.png: it has 100 bytes and had "))
                .anyMatch(line -> line.contains("dark/4.png: it "))
                .anyMatch(line -> line.endsWith("light/81.png: no such file or folder"));
        assertThat(ended.err())
                .contains("3 of 80 training pictures and 1 of 21 validation pictures could not be read")
                .containsPattern("epoch 30 of 30: .* of 20 of 21 pictures, 3 pictures left out");
        assertThat(last("images")).isEqualTo(77);
        assertThat(last("unreadable")).isEqualTo(3);
        assertThat(last("val_images")).isEqualTo(20);
        assertThat(last("val_unreadable")).isEqualTo(1);
        assertThat(Files.readString(run.resolve("run.json")).replaceAll("\\s", ""))
                .contains("\"unreadable\":{\"training\":3,\"validation\":1,\"updates_passed_over\":0}");
        assertThat(run.resolve(RunFolder.UNUSED)).content().contains("\"picture\" : \"dark/2.png\"");
    }

    @Test
    void aClassFolderThatVanishesEndsTheTrainingWhichGoesOnWhenItIsBack() throws Exception {
        CompletableFuture<CommandRun> training = start();
        awaitEpochs(training, 1);
        Path away = Files.move(dark, directory.resolve("away"));
        CommandRun ended = training.join();
        assertThat(ended.code()).isEqualTo(Main.FAILED);
        assertThat(ended.err())
                .contains("of 80 training pictures cannot be read, more than --max-unreadable 5% allows", "dark/")
                .contains("the training is saved");
        long saved = TinyTraining.updates(run);
        assertThat(saved).isGreaterThanOrEqualTo(10);
        Files.move(away, dark);
        CommandRun back = resume("--epochs=" + (saved / 10 + 2));
        assertThat(back.code()).as(back.err()).isZero();
        assertThat(back.err()).contains("readable again: ");
        assertThat(last("images")).isEqualTo(80);
        assertThat(Files.readString(run.resolve("run.json"))).contains("\"training\" : 0");
    }

    @Test
    void aTarThatChangesIsNamedOnceAndTheTrainingGoesOnWhenItIsBack() throws Exception {
        Path tar = directory.resolve("train.tar");
        TinyTraining.tar(directory.resolve("train"), tar);
        List<String> arguments = TinyTraining.arguments(directory, run, EPOCHS);
        arguments.replaceAll(argument -> argument.startsWith("--data=") ? "--data=" + tar : argument);
        CompletableFuture<CommandRun> training =
                CompletableFuture.supplyAsync(() -> CommandRun.of(arguments.toArray()));
        awaitEpochs(training, 1);
        Files.setLastModifiedTime(tar, FileTime.fromMillis(1));
        awaitEpochs(training, rows().size() + 2);
        byte[] whole = Files.readAllBytes(tar);
        Files.write(tar, new byte[10_240]);
        CommandRun ended = training.join();
        assertThat(ended.code()).isEqualTo(Main.FAILED);
        assertThat(ended.err().lines().filter(line -> line.startsWith("skipped: ")))
                .singleElement()
                .asString()
                .startsWith("skipped: " + tar + ": the tar was changed");
        assertThat(ended.err()).contains("of 80 training pictures cannot be read", "the training is saved");
        Files.write(tar, whole);
        CommandRun back = resume("--epochs=" + (TinyTraining.updates(run) / 10 + 2));
        assertThat(back.code()).as(back.err()).isZero();
        assertThat(back.err().lines().filter(line -> line.startsWith("readable again: ")))
                .singleElement()
                .asString()
                .contains(tar + "!/", " and others");
        assertThat(last("images")).isEqualTo(80);
    }

    @Test
    void updatesWithoutAPictureArePassedOverAndCounted() throws Exception {
        CompletableFuture<CommandRun> training = start("--max-unreadable=100%");
        awaitEpochs(training, 1);
        for (String of : List.of("dark", "light")) {
            List<Path> files;
            try (Stream<Path> all = Files.list(directory.resolve("train").resolve(of))) {
                files = all.sorted().skip(1).toList();
            }
            for (Path file : files) {
                Files.write(file, new byte[0]);
            }
        }
        CommandRun ended = training.join();
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).contains("passed over: update ", "78 of 80 training pictures could not be read");
        assertThat(last("images")).isEqualTo(2);
        assertThat(last("updates_passed_over")).isBetween(8.0, 9.0);
        assertThat(TinyTraining.updates(run)).as("updates made").isLessThan(10L * EPOCHS);
    }

    @Test
    void aClassOfTheValidationWithoutAPictureLeftEndsTheTrainingToo() throws Exception {
        CompletableFuture<CommandRun> training = start("--max-unreadable=100%");
        awaitEpochs(training, 1);
        Files.move(directory.resolve("val/light"), directory.resolve("away"));
        CommandRun ended = training.join();
        assertThat(ended.code()).isEqualTo(Main.FAILED);
        assertThat(ended.err()).contains("no picture of class 'light' is left to validate on");
        Files.move(directory.resolve("away"), directory.resolve("val/light"));
        int judged = rows().size() - 1;
        CommandRun back = resume("--epochs=" + (judged + 1));
        assertThat(back.code()).as(back.err()).isZero();
        assertThat(column("val_images"))
                .as("the epoch is judged after all")
                .hasSize(judged + 1)
                .containsOnly(21.0);
    }

    /** What kill -9 would leave now: every file of a run is replaced as a whole or grows by whole rows. */
    private Path snapshot() throws IOException {
        Path killed = directory.resolve("killed");
        for (String name : List.of(
                "recipe.yaml",
                "inventory.json.gz",
                "run.json",
                "last/state.safetensors",
                "best/config.json",
                "best/model.safetensors",
                RunFolder.UNUSED,
                "epochs.csv",
                "steps.csv")) {
            Files.createDirectories(killed.resolve(name).resolveSibling("."));
            Files.copy(run.resolve(name), killed.resolve(name));
        }
        return killed;
    }

    @Test
    void aTrainingThatIsKilledGoesOnWithTheSamePicturesLeftOutBitForBit() throws Exception {
        Files.write(dark.resolve("10.png"), new byte[] {1, 2, 3});
        CompletableFuture<CommandRun> training = start("--save-seconds=1e-9");
        awaitEpochs(training, 2);
        Path killed = snapshot();
        Files.delete(dark.resolve("10.png"));
        CommandRun ended = training.join();
        assertThat(ended.code()).as(ended.err()).isZero();
        Path whole = run;
        run = killed;
        assertThat(TinyTraining.updates(run)).isBetween(20L, 10L * EPOCHS - 1);
        CommandRun again = resume();
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.err()).contains("1 picture could not be read so far");
        TinyTraining.assertSame(run, whole);
    }

    private static void writeTiny(Path file) throws IOException {
        ImageIO.write(new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB), "png", file.toFile());
    }

    @Test
    void aPictureThatDoesNotFitAtTheVeryStartIsAnErrorThatSaysWhatTakesIt() throws Exception {
        writeTiny(directory.resolve("train/light/tiny.png"));
        for (String processes : List.of("1", "2")) {
            CommandRun refused = CommandRun.of(TinyTraining.arguments(directory, run, 1, "--processes=" + processes)
                    .toArray());
            assertThat(refused.code()).isEqualTo(Main.FAILED);
            if (processes.equals("2")) {
                assertThat(refused.err())
                        .as("process 0 says it on a standard error of its own")
                        .isEmpty();
            } else {
                assertThat(refused.err().lines().filter(line -> line.startsWith("thinkingvit: ")))
                        .singleElement()
                        .asString()
                        .contains("light/tiny.png: does not fit: it has 1 × 1 pixels")
                        .contains("--crop resized takes pictures of every size, or take it out of the data");
            }
            assertThat(run).as("nothing is begun").doesNotExist();
        }
        CommandRun resized = CommandRun.of(
                TinyTraining.arguments(directory, run, 1, "--crop=resized").toArray());
        assertThat(resized.code()).as(resized.err()).isZero();
    }

    @Test
    void aPictureThatDoesNotFitLaterIsPassedBy() throws Exception {
        CompletableFuture<CommandRun> training = start();
        awaitEpochs(training, 1);
        writeTiny(dark.resolve("0.png"));
        CommandRun ended = training.join();
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).contains("dark/0.png: ").contains(", 1 picture left out");
    }

    @Test
    void aShareThatIsNoneIsRefused() {
        for (String share : List.of("5", "-1%", "101%", "few")) {
            CommandRun refused = CommandRun.of(TinyTraining.arguments(directory, run, 1, "--max-unreadable=" + share)
                    .toArray());
            assertThat(refused.code()).as(share).isEqualTo(Main.USAGE);
            assertThat(refused.err()).contains("a share must ");
        }
    }
}
