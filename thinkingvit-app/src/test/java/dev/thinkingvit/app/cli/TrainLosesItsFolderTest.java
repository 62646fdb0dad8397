package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trains while somebody deletes what it has written. */
@NullUnmarked // a null fails the test
class TrainLosesItsFolderTest {
    @TempDir
    Path directory;

    private Path run;

    @BeforeEach
    void writePictures() throws IOException {
        TinyTraining.writePictures(directory);
        run = directory.resolve("run");
    }

    private CompletableFuture<CommandRun> start(int epochs) {
        Object[] arguments = TinyTraining.arguments(directory, run, epochs, "--save-seconds=1e-9")
                .toArray();
        return CompletableFuture.supplyAsync(() -> CommandRun.of(arguments));
    }

    private void awaitEpochs(CompletableFuture<CommandRun> training, int epochs) throws Exception {
        Path table = run.resolve("epochs.csv");
        while (!training.isDone()
                && !(Files.exists(table) && Files.readAllLines(table).size() > epochs)) {
            Thread.sleep(5);
        }
        assertThat(training).as("still at work").isNotDone();
    }

    /** As {@code rm -rf} does, which fails where something new is put into what it deletes. */
    private static void delete(Path folder) throws IOException {
        while (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(each);
                }
            } catch (NoSuchFileException | DirectoryNotEmptyException | UncheckedIOException e) {
                // once more
            }
        }
    }

    private static List<String> lines(CommandRun of, String beginning) {
        return of.err().lines().filter(line -> line.startsWith(beginning)).toList();
    }

    private void assertAllEpochs(int count) throws IOException {
        assertThat(TinyTraining.epochs(run).get("epoch"))
                .containsExactlyElementsOf(IntStream.rangeClosed(1, count)
                        .mapToObj(Double::valueOf)
                        .toList());
    }

    @Test
    void tablesThatAreDeletedAreWrittenAgainWithAllTheirRows() throws Exception {
        CompletableFuture<CommandRun> training = start(20);
        awaitEpochs(training, 2);
        Files.delete(run.resolve("epochs.csv"));
        Files.delete(run.resolve("steps.csv"));
        delete(run.resolve("tensorboard"));
        CommandRun ended = training.join();
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(lines(ended, "warning: "))
                .hasSize(3)
                .allMatch(line -> line.endsWith("was deleted while the training ran; written again"));
        assertAllEpochs(20);
        assertThat(Files.readAllLines(run.resolve("steps.csv"))).hasSize(21);
        try (Stream<Path> events = Files.list(run.resolve("tensorboard"))) {
            assertThat(events).hasSize(1);
        }
    }

    @Test
    void aFolderThatIsDeletedUnderTheTrainingIsSaidToBeGone() throws Exception {
        CompletableFuture<CommandRun> training = start(1000);
        awaitEpochs(training, 2);
        delete(run);
        CommandRun ended = training.join();
        assertThat(ended.code()).isEqualTo(Main.FAILED);
        assertThat(lines(ended, "thinkingvit: "))
                .singleElement()
                .asString()
                .startsWith("thinkingvit: " + run + ": was moved or deleted while the training ran");
        assertThat(run).doesNotExist();
    }

    @Test
    void aTableThatIsGoneWhenTheTrainingGoesOnIsSaid() throws Exception {
        assertThat(start(3).join().code()).isZero();
        Files.delete(run.resolve("epochs.csv"));
        List<String> rows = Files.readAllLines(run.resolve("steps.csv"));
        Files.write(run.resolve("steps.csv"), rows.subList(0, 3));
        CommandRun more = CommandRun.of("train", "--resume", "--out", run, "--epochs", 4);
        assertThat(more.code()).as(more.err()).isZero();
        assertThat(more.err())
                .contains(
                        run.resolve("epochs.csv") + ": lacks 3 of the 3 epochs so far",
                        run.resolve("steps.csv") + ": lacks 1 of the 3 rows so far");
        assertThat(TinyTraining.epochs(run).get("epoch")).containsExactly(4.0);
    }
}
