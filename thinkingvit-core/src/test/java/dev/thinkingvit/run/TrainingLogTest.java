package dev.thinkingvit.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.train.TrainingException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class TrainingLogTest {
    private static final List<String> COLUMNS = List.of("epoch", "stage1_loss", "learning_rate");

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void inAFolderOfItsOwn() {
        file = folder.resolve("epochs.csv");
    }

    private void threeEpochs() throws IOException {
        try (TrainingLog log = TrainingLog.open(file, COLUMNS, 0)) {
            for (int epoch = 0; epoch < 3; epoch++) {
                log.append(epoch, 2.5 - epoch, 1e-3);
            }
        }
    }

    @Test
    void aRowIsInTheFileAtOnce() throws IOException {
        try (TrainingLog log = TrainingLog.open(file, COLUMNS, 0)) {
            assertThat(file).hasContent("epoch,stage1_loss,learning_rate\n");

            log.append(0, 2.5, Double.NaN);

            assertThat(file).hasContent("epoch,stage1_loss,learning_rate\n0,2.5,\n");
        }
    }

    @Test
    void numbersReadBackAsTheyWere() throws IOException {
        double[] values = {0.1 + 0.2, -0.0, Double.MIN_VALUE, 1e300, Double.NEGATIVE_INFINITY, Double.NaN, 256};
        try (TrainingLog log = TrainingLog.open(file, List.of("step", "a"), 0)) {
            for (int i = 0; i < values.length; i++) {
                log.append(10L * i, values[i]);
            }
        }

        assertThat(TrainingLog.read(file).get("a").stream().mapToDouble(Double::doubleValue))
                .containsExactly(0.1 + 0.2, -0.0, 4.9e-324, 1e300, Double.NEGATIVE_INFINITY, Double.NaN, 256.0);
        assertThat(TrainingLog.read(file).get("step")).containsExactly(0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0);
    }

    @Test
    void theComputersLanguageDoesNotMatter() throws IOException {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try {
            threeEpochs();
        } finally {
            Locale.setDefault(before);
        }

        assertThat(file).content().contains("\n1,1.5,0.001\n");
    }

    @Test
    void aResumedRunDropsTheRowsItWillWriteAgain() throws IOException {
        threeEpochs();

        try (TrainingLog log = TrainingLog.open(file, COLUMNS, 1)) {
            assertThat(TrainingLog.read(file).get("epoch")).containsExactly(0.0);
            log.append(1, 7, 8);
        }

        assertThat(TrainingLog.read(file))
                .containsEntry("epoch", List.of(0.0, 1.0))
                .containsEntry("stage1_loss", List.of(2.5, 7.0))
                .containsEntry("learning_rate", List.of(1e-3, 8.0));
        assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
    }

    @Test
    void aTornLastLineIsIgnoredAndGoneAfterResuming() throws IOException {
        threeEpochs();
        String whole = Files.readString(file);
        String before = whole.substring(0, whole.indexOf("2,0.5"));
        for (int length = before.length(); length < whole.length(); length++) {
            Files.writeString(file, whole.substring(0, length));

            assertThat(TrainingLog.read(file).get("epoch")).containsExactly(0.0, 1.0);
            TrainingLog.open(file, COLUMNS, 2).close();
            assertThat(file).hasContent(before);
        }
    }

    @Test
    void aTornHeaderBeginsANewLog() throws IOException {
        Files.writeString(file, "epoch,sta");

        threeEpochs();

        assertThat(TrainingLog.read(file).get("epoch")).containsExactly(0.0, 1.0, 2.0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"epoch,stage1_top1\n0,1.0\n", "Dear diary,", "\u001b[31m\n"})
    void aFileOfAnotherKindIsLeftAlone(String content) throws IOException {
        Files.writeString(file, content);

        assertThatThrownBy(() -> TrainingLog.open(file, COLUMNS, 0))
                .isInstanceOf(TrainingException.class)
                .hasMessageStartingWith(file + ": begins with '")
                .hasMessageEndingWith("' of this run; move the file away to begin a new one")
                .hasMessageNotContaining("\u001b");
        assertThat(file).hasContent(content);
    }

    @Test
    void aLogOfAnEarlierVersionGetsTheNewColumns() throws IOException {
        Files.writeString(file, "epoch,learning_rate\n0,0.5\n1,0.25\n");

        try (TrainingLog log = TrainingLog.open(file, COLUMNS, 2)) {
            log.append(2, 7, 8);
        }

        assertThat(TrainingLog.read(file))
                .containsEntry("stage1_loss", List.of(Double.NaN, Double.NaN, 7.0))
                .containsEntry("learning_rate", List.of(0.5, 0.25, 8.0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"1,2.0", "1,2.0,3.0,4.0", "one,2.0,3.0", "1,2.0,0.0.1", "1.5,2.0,3.0", ""})
    void aDamagedRowIsNamedByItsLine(String row) throws IOException {
        String content = "epoch,stage1_loss,learning_rate\n0,1.0,2.0\n" + row + "\n2,1.0,2.0\n";
        Files.writeString(file, content);

        assertThatThrownBy(() -> TrainingLog.open(file, COLUMNS, 5)).hasMessageStartingWith(file + ": line 3 ");
        assertThatThrownBy(() -> TrainingLog.read(file)).hasMessageStartingWith(file + ": line 3 ");
        assertThat(file).hasContent(content);
    }

    @Test
    void rowsComeInOrderAndWhole() throws IOException {
        try (TrainingLog log = TrainingLog.open(file, COLUMNS, 3)) {
            assertThatThrownBy(() -> log.append(2, 1, 1)).hasMessage("epoch must be at least 3 now, got 2");
            log.append(3, 1, 1);
            assertThatThrownBy(() -> log.append(3, 1, 1)).hasMessage("epoch must be at least 4 now, got 3");
            assertThatThrownBy(() -> log.append(4, 1)).hasMessage("a row needs 2 values after its epoch, got 1");
        }
        assertThat(TrainingLog.read(file).get("epoch")).containsExactly(3.0);
    }

    @Test
    void columnsNeedNamesThatAHeaderCanHold() {
        for (List<String> columns : List.of(List.<String>of(), List.of("a", ""), List.of("a,b"), List.of("a", "a"))) {
            assertThatThrownBy(() -> TrainingLog.open(file, columns, 0)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(file).doesNotExist();
    }

    @Test
    void readingNeedsALog() throws IOException {
        assertThatThrownBy(() -> TrainingLog.read(file)).isInstanceOf(NoSuchFileException.class);
        Files.writeString(file, "epoch");
        assertThatThrownBy(() -> TrainingLog.read(file)).hasMessageContaining("has no header");
        Files.writeString(file, "a,a\n");
        assertThatThrownBy(() -> TrainingLog.read(file)).hasMessage(file + ": has the column 'a' twice");
    }
}
