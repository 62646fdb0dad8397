package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {

    private final Path root;

    ImageFolderTest(@TempDir Path root) {
        this.root = root;
    }

    @Test
    void foldersAreClassesInTheOrderOfTheirNames() throws IOException {
        touch("dog/b.jpg", "dog/a.PNG", "cat/deep/er/c.webp", "cat/b.JPEG", "bird/x.txt", "bird/y.gif");

        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.classNames()).containsExactly("bird", "cat", "dog");
        assertThat(folder.samples())
                .containsExactly(
                        new Sample(root.resolve("bird/y.gif"), 0),
                        new Sample(root.resolve("cat/b.JPEG"), 1),
                        new Sample(root.resolve("cat/deep/er/c.webp"), 1),
                        new Sample(root.resolve("dog/a.PNG"), 2),
                        new Sample(root.resolve("dog/b.jpg"), 2));
    }

    @Test
    void hiddenFilesAndFoldersArePassedOver() throws IOException {
        touch("cat/._a.jpg", "cat/a.jpg", "cat/.trash/b.jpg", ".git/c.jpg");

        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.classNames()).containsExactly("cat");
        assertThat(folder.samples()).containsExactly(new Sample(root.resolve("cat/a.jpg"), 0));
    }

    @Test
    void aFolderThatIsNoDatasetIsRefusedByName() throws IOException {
        Path missing = root.resolve("missing");
        assertThatThrownBy(() -> ImageFolder.open(missing))
                .isInstanceOf(DatasetException.class)
                .hasMessage(missing + ": no such file or folder");
        assertThatThrownBy(() -> ImageFolder.open(root)).hasMessageContaining("there are no folders in it");
        touch("cat/notes.txt");
        assertThatThrownBy(() -> ImageFolder.open(root)).hasMessageContaining("no pictures in its 1 class folders");
        Path file = root.resolve("cat/notes.txt");
        assertThatThrownBy(() -> ImageFolder.open(file)).hasMessageContaining("this is a file");
    }

    @Test
    void labelsFollowAModelsNames() throws IOException {
        touch("cat/a.jpg", "catfish/b.jpg", "dog/c.jpg");

        ImageFolder folder = ImageFolder.open(root).withLabels(List.of("dog", "horse", "catfish", "cat"));

        assertThat(folder.samples().stream().map(Sample::label)).containsExactly(3, 2, 0);
        assertThat(folder.classNames()).containsExactly("dog", "horse", "catfish", "cat");
        assertThat(folder.folderNames()).containsExactly("cat", "catfish", "dog");
        assertThat(folder.labelsPresent()).containsExactly(true, false, true, true);
        assertThat(ValidLabels.of(folder).count()).isEqualTo(3);
    }

    @Test
    void aFolderThatTheModelDoesNotKnowIsRefusedByName() throws IOException {
        touch("cat/a.jpg", "dog/c.jpg");
        ImageFolder folder = ImageFolder.open(root);

        assertThatThrownBy(() -> folder.withLabels(List.of("cat", "horse")))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining(root.resolve("dog").toString())
                .hasMessageContaining("no label 'dog' among its 2");
        assertThatThrownBy(() -> folder.withLabels(List.of("cat", "cat", "dog")))
                .hasMessageContaining("twice");
    }

    @Test
    void aClassMapLabelsFoldersOfOtherNames() throws IOException {
        touch("n1/a.jpg", "n2/c.jpg");
        Path map = Files.writeString(root.resolve("map.json"), "{\"n1\": 1, \"n2\": 0, \"n3\": 2}");
        ImageFolder folder = ImageFolder.open(root);

        ImageFolder labelled = folder.withLabels(ClassMap.read(map), List.of("dog", "cat", "bird"));

        assertThat(labelled.samples().stream().map(Sample::label)).containsExactly(1, 0);
        assertThatThrownBy(() -> folder.withLabels(ClassMap.read(map), List.of("dog")))
                .hasMessageContaining("'n1' has index 1, the model has 1 classes");
    }

    @Test
    void filesAndFoldersExpandInAStableOrder() throws IOException {
        touch("b/2.jpg", "b/1.jpg", "b/.hidden.jpg", "b/note.txt", "z.jpg", "odd.bin");

        List<Path> files =
                PictureFiles.expand(List.of(root.resolve("z.jpg"), root.resolve("b"), root.resolve("odd.bin"), root));

        assertThat(files)
                .containsExactly(
                        root.resolve("z.jpg"),
                        root.resolve("b/1.jpg"),
                        root.resolve("b/2.jpg"),
                        root.resolve("odd.bin"));
    }

    @Test
    void aMissingPathIsRefusedByName() throws IOException {
        touch("z.jpg");
        Path missing = root.resolve("nope.jpg");

        assertThatThrownBy(() -> PictureFiles.expand(List.of(root, missing)))
                .isInstanceOf(DatasetException.class)
                .hasMessage(missing + ": no such file or folder");
        Path empty = Files.createDirectory(root.resolve("empty"));
        assertThatThrownBy(() -> PictureFiles.expand(List.of(empty)))
                .hasMessageContaining("No pictures in")
                .hasMessageContaining(empty.toString());
    }

    private void touch(String... files) throws IOException {
        for (String file : files) {
            Path path = root.resolve(file);
            Files.createDirectories(root.resolve(file + "/..").normalize());
            Files.createFile(path);
        }
    }
}
