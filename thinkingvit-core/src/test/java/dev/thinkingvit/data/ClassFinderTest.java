package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClassFinderTest {
    private static final List<String> UNNAMED = List.of();

    private final Path root;

    ClassFinderTest(@TempDir Path root) {
        this.root = root;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "n01443537 | n02085620 | 1 | 151",
                "1 | 151 | 1 | 151",
                "001 | 151 | 1 | 151",
                "goldfish | Chihuahua | 1 | 151",
                "n01443537-goldfish | n02085620_Chihuahua | 1 | 151",
                "goldfish, Carassius auratus | Chihuahua | 1 | 151"
            })
    void foldersOfImageNetsClassesAreFoundHoweverTheyAreCalled(String first, String second, int one, int other)
            throws IOException {
        pictures(first, second);

        assertThat(found(1000, UNNAMED)).containsExactlyInAnyOrderEntriesOf(Map.of(first, one, second, other));
        assertThat(found(1000, ImageNet.names())).containsExactlyInAnyOrderEntriesOf(Map.of(first, one, second, other));
    }

    @Test
    void anUnknownSynsetIsNamed() throws IOException {
        pictures("n01443537", "n00000000");

        assertThatThrownBy(() -> found(1000, UNNAMED))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("'n00000000' is none of the 1,000 synsets");
    }

    @Test
    void aFolderAmongSynsetsThatIsNoneIsNamedUnlessItIsEmpty() throws IOException {
        pictures("n01443537", "others");
        assertThatThrownBy(() -> found(1000, UNNAMED)).hasMessageContaining("'others' is none");

        Files.delete(root.resolve("others/a.png"));
        assertThat(found(1000, UNNAMED)).containsOnlyKeys("n01443537");
    }

    @Test
    void aNumberThatNoClassHasIsRefused() throws IOException {
        pictures("7", "1000");

        assertThatThrownBy(() -> found(1000, UNNAMED)).isInstanceOf(DatasetException.class);
    }

    @Test
    void aHeadOfSomeOfTheClassesInAnyOrderIsFoundByItsNames() throws IOException {
        pictures("n01443537", "n01440764");

        assertThat(found(3, List.of("tench, Tinca tinca", "airplane", "goldfish")))
                .containsExactlyInAnyOrderEntriesOf(Map.of("n01440764", 0, "n01443537", 2));
    }

    @Test
    void aThousandClassesOfAnotherKindAreNotTakenForImageNets() throws IOException {
        pictures("n01443537");
        List<String> own = IntStream.range(0, 1000).mapToObj(i -> "plant " + i).toList();

        assertThatThrownBy(() -> found(1000, own)).hasMessageContaining("the model has no label 'n01443537'");
    }

    @Test
    void labelsInAnotherOrderCountByName() throws IOException {
        pictures("n01440764");
        List<String> backwards = new ArrayList<>(ImageNet.names());
        Collections.reverse(backwards);

        assertThat(found(1000, backwards)).containsEntry("n01440764", 999);
    }

    @Test
    void otherWaysToCallTheClassesCount() throws IOException {
        pictures("n00007846", "n00004475");
        ImageFolder labelled = new ClassFinder(2, List.of("organism", "person"))
                .label(ImageFolder.open(root), List.of(List.of("n00004475", "n00007846")));

        assertThat(labelled.samples()).extracting(Sample::label).containsExactly(0, 1);
        assertThat(labelled.classNames()).containsExactly("organism", "person");
    }

    private Map<String, Integer> found(int classes, List<String> labels) throws IOException {
        ImageFolder labelled = new ClassFinder(classes, labels).label(ImageFolder.open(root), List.of());
        Map<String, Integer> found = new TreeMap<>();
        for (Sample sample : labelled.samples()) {
            found.put(String.valueOf(root.relativize(sample.path()).getName(0)), sample.label());
        }
        return found;
    }

    private void pictures(String... folders) throws IOException {
        for (String folder : folders) {
            Files.createDirectories(root.resolve(folder));
            Files.createFile(root.resolve(folder).resolve("a.png"));
        }
    }
}
