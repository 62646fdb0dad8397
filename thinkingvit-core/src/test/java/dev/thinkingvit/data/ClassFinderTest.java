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

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "train/n01440764, val/n01440764, val/n01443537 | train, val are no classes of the model | val",
                "imagenet/ILSVRC/Data/CLS-LOC/val/n01440764 | imagenet is no class of | imagenet/ILSVRC/Data/CLS-LOC/val",
                "v2/0, v2/999 | v2 is no class of the model | v2",
                "train/tench, train/goldfish | train is no class of the model | train"
            })
    void ofAFolderTooHighTheRightOneIsNamed(String folders, String what, String right) throws IOException {
        pictures(folders.split(", ", -1));

        assertThatThrownBy(() -> found(1000, UNNAMED))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining(what)
                .hasMessageEndingWith("give --data " + root.resolve(right));
    }

    @Test
    void ofAFolderTooHighTheRightOneIsNamedToAModelOfOtherClasses() throws IOException {
        pictures("test/cat", "test/dog", "train/cat", "train/dog");

        assertThatThrownBy(() -> found(3, List.of("owl", "dog", "cat")))
                .hasMessageEndingWith("give --data " + root.resolve("test"));
    }

    @ParameterizedTest
    @CsvSource({"N01440764,n01440764", "Golden_Retriever,golden retriever"})
    void aNameThatIsNearlyAClassIsAskedFor(String folder, String meant) throws IOException {
        pictures(folder);

        assertThatThrownBy(() -> found(1000, UNNAMED))
                .hasMessageContaining(root.resolve(folder) + ": is no class of ImageNet; is '" + meant + "' meant?");
    }

    @Test
    void amongSynsetsToo() throws IOException {
        pictures("n01443537", "N01440764");

        assertThatThrownBy(() -> found(1000, UNNAMED)).hasMessageContaining("is 'n01440764' meant?");
    }

    @Test
    void foldersOfUnknownNamesHearHowClassesAreCalled() throws IOException {
        pictures("one", "two");

        assertThatThrownBy(() -> found(1000, UNNAMED))
                .hasMessage(root
                        + ": one, two are no classes of ImageNet: folders are called by synset (n01440764), by name"
                        + " (tench) or by number (0 … 999); --class-map takes other names");
    }

    @Test
    void picturesThatAreLabelledByNameNeedNoFolders() throws IOException {
        for (String name : List.of("ILSVRC2012_val_00000001.png", "ILSVRC2012_val_00000002.png")) {
            Files.createFile(root.resolve(name));
        }
        RealLabels real = RealLabels.ofImageNet();

        assertThatThrownBy(() -> ImageFolder.open(root)).hasMessageContaining("--dataset imagenet-real");
        ImageFolder flat = ImageFolder.openFlat(root);
        ImageFolder labelled = new ClassFinder(1000, UNNAMED).label(flat, List.of(), real);

        assertThat(flat).hasToString(root + " (2 pictures)");
        assertThat(labelled.samples()).hasSize(2);
        assertThat(labelled.samples().get(1).label())
                .isEqualTo(real.labelsOf(root.resolve("ILSVRC2012_val_00000002.png"))[0]);
        assertThat(labelled.labelsWithoutPictures())
                .hasSize(1000 - real.labelsOf(root.resolve("ILSVRC2012_val_00000002.png")).length);
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
