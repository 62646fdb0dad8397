package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A run folder as it was written when recipes named no architecture: two epochs of two updates, on pictures of
 * {@code samples}. Charts and the history are left out.
 */
@NullUnmarked // a null fails the test
class WrittenBeforeTest {
    private static final Path WRITTEN = Path.of("../thinkingvit-core/src/test/resources/written/run");
    private static final Path SAMPLES = Path.of("../samples");

    @TempDir
    Path directory;

    private Path run;
    private Path pictures;

    @BeforeEach
    void copy() throws IOException {
        run = directory.resolve("run");
        try (Stream<Path> files = Files.walk(WRITTEN)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                place(file, run.resolve(WRITTEN.relativize(file).toString()));
            }
        }
        pictures = directory.resolve("pictures");
        for (String name : List.of("airplane", "cat")) {
            for (String number : List.of("0011", "0123", "0777")) {
                String file = name + "-" + number + ".jpg";
                String set = number.equals("0777") ? "val" : "train";
                place(SAMPLES.resolve(file), pictures.resolve(set).resolve(name).resolve(file));
            }
        }
    }

    private static void place(Path file, Path target) throws IOException {
        Files.createDirectories(target.getParent());
        Files.copy(file, target);
    }

    private CommandRun resume(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("train", "--resume", "--out", run, "--epochs", 3));
        arguments.addAll(Arrays.asList(more));
        return CommandRun.of(arguments.toArray());
    }

    @ParameterizedTest
    @ValueSource(strings = {"best", "last"})
    void itsModelsAreRead(String model) {
        CommandRun info = CommandRun.of("info", run.resolve(model));
        assertThat(info.code()).as(info.err()).isZero();
        assertThat(info.out()).contains("1H → 2H", "2,635", "2: airplane, cat");

        CommandRun classified =
                CommandRun.of("classify", "--model", run.resolve(model), SAMPLES.resolve("cat-0011.jpg"));
        assertThat(classified.code()).as(classified.err()).isZero();
        assertThat(classified.out()).contains("airplane").contains("2/2");
    }

    @Test
    void itsTrainingGoesOn() throws IOException {
        List<String> before = Files.readAllLines(run.resolve("epochs.csv"));

        CommandRun resumed = resume("--data", pictures.resolve("train"), "--val", pictures.resolve("val"));

        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(resumed.err())
                .contains("the training goes on with a change of epochs (2 → 3)")
                .contains("going on at epoch 3, update 1");
        assertThat(TinyTraining.updates(run)).isEqualTo(6);
        List<String> after = Files.readAllLines(run.resolve("epochs.csv"));
        assertThat(after).hasSize(4).startsWith(before.toArray(String[]::new));
        assertThat(Files.readString(run.resolve("recipe.yaml"))).contains("architecture: thinkingvit", "epochs: 3");
    }

    @Test
    void itsPicturesAreAskedForByName() {
        CommandRun resumed = resume();

        assertThat(resumed.code()).isEqualTo(Main.FAILED);
        assertThat(resumed.err()).contains("pictures/train");
    }

    @Test
    void aStateOfAnotherFormatIsRefusedByName() throws IOException {
        Path state = run.resolve("last/state.safetensors");
        String bytes = Files.readString(state, StandardCharsets.ISO_8859_1);
        assertThat(bytes).contains("thinkingvit-training-1");
        Files.writeString(
                state, bytes.replace("thinkingvit-training-1", "thinkingvit-training-9"), StandardCharsets.ISO_8859_1);

        CommandRun resumed = resume("--data", pictures.resolve("train"), "--val", pictures.resolve("val"));

        assertThat(resumed.code()).isEqualTo(Main.FAILED);
        assertThat(resumed.err()).contains("state.safetensors").contains("thinkingvit-training-9");
    }
}
