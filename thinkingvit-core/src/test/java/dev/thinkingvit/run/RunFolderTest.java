package dev.thinkingvit.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.TrainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class RunFolderTest {
    private static final List<String> MARKS = List.of("recipe.yaml", "inventory.json.gz", "run.json");

    @TempDir
    Path directory;

    private Path run;

    @BeforeEach
    void begin() throws IOException {
        run = Files.createDirectory(directory.resolve("run"));
        for (String mark : MARKS) {
            Files.writeString(run.resolve(mark), mark);
        }
    }

    private static TrainerState state() {
        return new TrainerState(
                Map.of(),
                new TrainerState.Position(
                        0, 0, 0, 0, 0, List.of(0.0), List.of(0L), null, 0, false, TrainerState.Missed.NONE, "", 0),
                List.of());
    }

    @Test
    void aFolderThatWasMovedGetsNothingMoreAndIsNotMadeAnew() throws IOException {
        try (RunFolder folder = RunFolder.open(run)) {
            folder.begun();
            Files.move(run, directory.resolve("elsewhere"));
            assertThatThrownBy(() -> folder.saveState(state()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining(run + ": was moved or deleted while the training ran");
            assertThat(run).doesNotExist();
        }
    }

    @Test
    void aFolderInItsPlaceGetsNothing() throws IOException {
        try (RunFolder folder = RunFolder.open(run)) {
            Files.move(run, directory.resolve("elsewhere"));
            Files.createDirectory(run);
            assertThatThrownBy(folder::check).hasMessageContaining("was replaced by another folder");
            assertThatThrownBy(() -> folder.saveState(state())).hasMessageContaining("was replaced by another folder");
            assertThat(run).isEmptyDirectory();
        }
    }

    @Test
    void whatMakesItATrainingsIsWrittenAgainIfSomebodyDeletesIt() throws IOException {
        try (RunFolder folder = RunFolder.open(run)) {
            folder.begun();
            assertThat(folder.check()).isEmpty();
            Files.delete(run.resolve("run.json"));
            assertThat(folder.check()).singleElement().asString().contains("run.json: was deleted");
            assertThat(run.resolve("run.json")).hasContent("run.json");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"best", "report", "history"})
    void whatStandsInTheWayOfALaterFolderIsNamedAtTheStart(String name) throws IOException {
        Files.writeString(run.resolve(name), "a file");
        assertThatThrownBy(() -> RunFolder.open(run))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(run.resolve(name) + ": is a file where the training keeps a folder");
    }

    @Test
    void aTrainingWithoutItsStateIsNoNewOne() throws IOException {
        assertThatThrownBy(() -> RunFolder.requireState(run))
                .hasMessageContaining("state.safetensors: is gone")
                .hasMessageContaining("--force");
        Path loop = Files.createSymbolicLink(run.resolve("last"), run.resolve("last"));
        assertThatThrownBy(() -> RunFolder.state(run)).hasMessageContaining(loop.toString());
    }

    @Test
    void whatATrainingLeavesThatWasKilledAsItBeganIsAsGoodAsNothing() throws IOException {
        Files.delete(run.resolve("run.json"));
        try (RunFolder folder = RunFolder.open(run)) {
            folder.saveState(state());
        }
        assertThat(RunFolder.isBlank(run)).isTrue();
        Files.writeString(run.resolve("last/config.json"), "{}");
        Files.createDirectory(run.resolve("best"));
        assertThat(RunFolder.remains(run)).containsExactly("best", "last");
    }

    @Test
    void aStateWhoseValuesChangedOnTheDiskIsRefused(@TempDir Path folder) throws IOException {
        TrainerState state = new TrainerState(
                Map.of("a", HostTensor.of(new float[] {1, 2}, 2), "b", HostTensor.of(new float[] {3}, 1)),
                state().position(),
                List.of());
        Path file = folder.resolve("state.safetensors");
        state.write(file);
        assertThat(TrainerState.read(file).tensors()).hasSize(2);

        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 2] ^= 1;
        Files.write(file, bytes);
        assertThatThrownBy(() -> TrainerState.read(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(file + ": its values are not those that were written: the file is damaged");
    }
}
