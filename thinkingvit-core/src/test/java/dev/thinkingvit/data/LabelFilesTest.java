package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LabelFilesTest {

    private static final List<String> NAMES = List.of("cat", "dog", "boeing 747", "bird");

    private final Path folder;

    LabelFilesTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void aClassMapMayListNamesByLine() throws IOException {
        ClassMap map = ClassMap.read(write("cat\nboeing 747\ndog\n"));

        assertThat(map.size()).isEqualTo(3);
        assertThat(map.indexOf("boeing 747")).isEqualTo(1);
        assertThat(map.indexOf("dog")).isEqualTo(2);
    }

    @Test
    void aClassMapMayNameIndices() throws IOException {
        assertThat(ClassMap.read(write("cat 5\r\nsea lion\t2\r\n")).indexOf("sea lion"))
                .isEqualTo(2);
        assertThat(ClassMap.read(write("{\"cat\": 5, \"dog\": 5}")).indexOf("dog"))
                .isEqualTo(5);
    }

    @Test
    void aFaultyClassMapIsRefusedByNameAndLine() {
        assertThatThrownBy(() -> ClassMap.read(folder.resolve("none"))).hasMessageContaining("no such file");
        refusesMap("", "the file is empty");
        refusesMap("cat\ndog\ncat", "line 3: 'cat' was there before");
        refusesMap("cat\n\ndog", "line 2: an entry is needed");
        refusesMap("[1]", "a JSON object");
        refusesMap("{\"cat\": -1}", "'cat': an index from 0");
        refusesMap("{\"cat\": 1.5}", "'cat': an index from 0");
        refusesMap("{\"cat\": 1, \"cat\": 2}", "not valid JSON");
        refusesMap("{\"cat\": 1", "not valid JSON");
        refusesMap("{\"cat\": 1} x", "not valid JSON");
    }

    @Test
    void aFolderThatIsNotInTheMapIsRefusedByName() throws IOException {
        Path file = write("cat 0");

        assertThatThrownBy(() -> ClassMap.read(file).indexOf("dog"))
                .isInstanceOf(DatasetException.class)
                .hasMessage(file + ": no entry for the folder 'dog'");
    }

    @Test
    void validLabelsComeAsIndicesOrNames() throws IOException {
        for (String text : List.of("2\ncat\n", "boeing 747\n0", "[2, \"cat\"]")) {
            ValidLabels valid = ValidLabels.read(write(text), NAMES);

            assertThat(valid.mask()).containsExactly(true, false, true, false);
            assertThat(valid.count()).isEqualTo(2);
            assertThat(valid.contains(2)).isTrue();
        }
    }

    @Test
    void faultyValidLabelsAreRefused() {
        refusesValid("cat\nhorse", "entry 2: 'horse' is neither a name nor an index of the model's 4 labels");
        refusesValid("4", "entry 1: '4' is neither");
        refusesValid("cat\n0", "entry 2: label 0 was there before");
        refusesValid("[]", "a JSON array of labels");
        refusesValid("[1.5]", "entry 1: an index or a name is needed, not 1.5");
        refusesValid("", "the file is empty");
    }

    @Test
    void realLabelsBelongToValidationPicturesByNumber() throws IOException {
        RealLabels real = RealLabels.read(write("[[1, 3], [], [0]]"), 4);

        assertThat(real.isRight(Path.of("x/ILSVRC2012_val_00000001.JPEG"), 3)).isTrue();
        assertThat(real.isRight(Path.of("ILSVRC2012_val_00000001.JPEG"), 0)).isFalse();
        assertThat(real.labelsOf(Path.of("ILSVRC2012_val_00000002.JPEG"))).isEmpty();
        assertThatThrownBy(() -> real.labelsOf(Path.of("ILSVRC2012_val_00000004.JPEG")))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("00000004.JPEG")
                .hasMessageContaining("no entry");
        assertThatThrownBy(() -> real.labelsOf(Path.of("cat.jpg"))).hasMessageContaining("cat.jpg");
    }

    @Test
    void realLabelsMayNameFiles() throws IOException {
        RealLabels real = RealLabels.read(write("{\"a.jpg\": [1, 2], \"b.jpg\": []}"), 4);

        assertThat(real.labelsOf(Path.of("any/where/a.jpg"))).containsExactly(1, 2);
        assertThatThrownBy(() -> real.labelsOf(Path.of("c.jpg"))).hasMessageContaining("c.jpg");
    }

    @Test
    void faultyRealLabelsAreRefused() {
        refusesReal("[[4]]", "entry 1: an index from 0 to 3 is needed, not 4");
        refusesReal("[[0], 1]", "entry 2: a list of labels is needed");
        refusesReal("{\"a.jpg\": [-1]}", "'a.jpg': an index from 0 to 3");
        refusesReal("7", "a JSON array or object");
    }

    private void refusesMap(String text, String message) {
        assertThatThrownBy(() -> ClassMap.read(write(text)))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("labels.txt")
                .hasMessageContaining(message);
    }

    private void refusesValid(String text, String message) {
        assertThatThrownBy(() -> ValidLabels.read(write(text), NAMES))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("labels.txt")
                .hasMessageContaining(message);
    }

    private void refusesReal(String text, String message) {
        assertThatThrownBy(() -> RealLabels.read(write(text), 4))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("labels.txt")
                .hasMessageContaining(message);
    }

    private Path write(String text) throws IOException {
        return Files.writeString(folder.resolve("labels.txt"), text);
    }
}
