package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.ReferenceTensors;
import dev.thinkingvit.picture.TestPictures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
        assertThatThrownBy(() -> ImageFolder.open(root)).hasMessageContaining("no pictures in its only folder, cat");
        Path file = root.resolve("cat/notes.txt");
        assertThatThrownBy(() -> ImageFolder.open(file)).hasMessageContaining("this is a file");
    }

    @Test
    void aClasssOwnFolderIsAskedForAsTheOneAbove() throws IOException {
        touch("n01440764/a.jpg");

        assertThatThrownBy(() -> ImageFolder.open(root.resolve("n01440764")))
                .hasMessageEndingWith(
                        "there are no folders in it but 1 picture, as in a class's own folder: give --data "
                                + root.toAbsolutePath());
    }

    @Test
    void tarsInAFolderBelowAreNamedByTheirFolder() throws IOException {
        touch("val/n01440764.tar", "val/n01443537.tar");

        assertThatThrownBy(() -> ImageFolder.open(root)).hasMessageEndingWith("give --data " + root.resolve("val"));
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

        PictureFiles files =
                PictureFiles.find(List.of(root.resolve("z.jpg"), root.resolve("b"), root.resolve("odd.bin"), root));

        assertThat(files.pictures())
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

        assertThatThrownBy(() -> PictureFiles.find(List.of(root, missing)))
                .isInstanceOf(DatasetException.class)
                .hasMessage(missing + ": no such file or folder");
        Path empty = Files.createDirectory(root.resolve("empty"));
        assertThatThrownBy(() -> PictureFiles.find(List.of(empty)))
                .hasMessageContaining("no JPEG, PNG, GIF, BMP, WebP or TIFF picture in it")
                .hasMessageContaining(empty.toString());
    }

    @Test
    void systemFoldersAreNoClassesAndAreNamed() throws IOException {
        touch("cat/a.jpg", "__MACOSX/cat/a.jpg", "@eaDir/a.jpg", "lost+found/a.jpg", "$RECYCLE.BIN/a.jpg");
        touch("System Volume Information/a.jpg", ".git/a.jpg", ".ipynb_checkpoints/a.jpg", "cat/@eaDir/a.jpg");
        touch("cat/.DS_Store", "cat/Thumbs.db", "cat/desktop.ini");

        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.classNames()).containsExactly("cat");
        assertThat(folder.samples()).hasSize(1);
        assertThat(folder.passedOver().lines())
                .hasSize(2)
                .anyMatch(line -> line.startsWith("ignored: system folders (8): "))
                .anyMatch(line -> line.startsWith("ignored: system files (3): "));
    }

    @Test
    void picturesAreKnownByContentWhereTheirNamesSayNothing() throws IOException {
        Picture picture = TestPictures.noise(4, 4, 1);
        touch("cat/a.jpg");
        Files.write(root.resolve("cat/b"), TestPictures.encode(picture, "png"));
        Files.write(root.resolve("cat/c.dat"), TestPictures.encode(picture, "jpeg"));
        Files.write(root.resolve("cat/d.scan"), ReferenceTensors.resource("tiff/rgb.tif"));
        Files.write(root.resolve("cat/raw.dng"), ReferenceTensors.resource("tiff/rgb.tif"));
        Files.writeString(root.resolve("cat/BMW"), "BMW is a maker of cars");
        Files.write(root.resolve("cat/e.heic"), "\0\0\0\30ftypheic\0\0\0\0".getBytes(StandardCharsets.UTF_8));
        touch("cat/f.txt", "cat/g.txt", "beside.png", "notes.md");
        Files.writeString(root.resolve("cat/f.txt"), "text");

        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.samples().stream()
                        .map(sample -> sample.path().getFileName().toString()))
                .containsExactly("a.jpg", "b", "c.dat", "d.scan");
        assertThat(folder.passedOver().count()).isEqualTo(7);
        assertThat(folder.passedOver().lines())
                .contains(
                        "passed over: HEIC files (1): " + root.resolve("cat/e.heic"),
                        "passed over: camera raw files (1): " + root.resolve("cat/raw.dng"),
                        "passed over: .txt files (1): " + root.resolve("cat/f.txt"),
                        "passed over: files without an ending (1): " + root.resolve("cat/BMW"),
                        "passed over: pictures beside the class folders (1): " + root.resolve("beside.png"));
    }

    @Test
    void misplacedPicturesComeFirstAndEveryKindIsNamed() throws IOException {
        touch("cat/a.jpg", "beside.png");
        for (int i = 0; i < 12; i++) {
            touch("cat/x.k" + i, "cat/y.k" + i);
            Files.writeString(root.resolve("cat/x.k" + i), "text");
            Files.writeString(root.resolve("cat/y.k" + i), "text");
        }
        List<String> lines = ImageFolder.open(root).passedOver().lines();
        assertThat(lines.get(0)).startsWith("passed over: pictures beside the class folders (1): ");
        assertThat(lines).hasSize(9);
        assertThat(lines.get(8))
                .startsWith("passed over: 10 files of 5 more kinds: ")
                .contains(" files (2), ");
        assertThat(String.join(" ", lines)).contains(".k0 ", ".k5 ", ".k11 ");
    }

    @Test
    void linksThatLeadBackOrNowhereAreCountedAndEndTheWalk() throws IOException {
        touch("cat/a.jpg", "dog/b.jpg");
        Files.createSymbolicLink(root.resolve("cat/loop"), root);
        Files.createSymbolicLink(root.resolve("cat/gone.jpg"), root.resolve("nothing"));

        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.samples())
                .containsExactly(new Sample(root.resolve("cat/a.jpg"), 0), new Sample(root.resolve("dog/b.jpg"), 1));
        assertThat(folder.passedOver().lines())
                .anyMatch(line -> line.contains("links that lead back (1): " + root.resolve("cat/loop")))
                .anyMatch(line -> line.contains("links to nothing (1): " + root.resolve("cat/gone.jpg")));
    }

    @Test
    void aClassWithoutPicturesIsNamedWithWhatLiesInIt() throws IOException {
        touch("cat/a.jpg", "dog/readme.txt");
        Files.writeString(root.resolve("dog/readme.txt"), "text");
        Files.createDirectories(root.resolve("eel"));
        ImageFolder folder = ImageFolder.open(root);

        assertThatThrownBy(folder::requirePictures)
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("no pictures of classes dog, eel")
                .hasMessageContaining("passed over: .txt files (1): " + root.resolve("dog/readme.txt"));
        assertThat(folder.remarks()).anyMatch(line -> line.contains("no pictures of dog, eel"));
        assertThat(folder.withLabels(List.of("cat")).samples())
                .as("what is empty needs no label")
                .hasSize(1);
    }

    @Test
    void aFolderThatIsOneTooHighIsSuspected() throws IOException {
        touch("train/cat/a.jpg", "test/cat/b.jpg");
        assertThat(ImageFolder.open(root).remarks()).singleElement().asString().contains("one folder too high?");
        touch("train/c.jpg");
        assertThat(ImageFolder.open(root).remarks()).singleElement().asString().contains("2 of 3 pictures");
    }

    @Test
    void unicodesFormsOfANameAreOneClass() throws IOException {
        String composed = "caf\u00e9";
        String decomposed = "cafe\u0301";
        touch(decomposed + "/a.jpg", "cafz/b.jpg", "\u732b/c.jpg");

        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.classNames()).containsExactly("cafz", composed, "\u732b");
        assertThat(folder.withLabels(List.of("\u732b", decomposed, "cafz")).samples().stream()
                        .map(Sample::label))
                .containsExactly(2, 1, 0);
        touch(composed + "/d.jpg");
        assertThatThrownBy(() -> ImageFolder.open(root)).hasMessageContaining("two folders are named '" + composed);
    }

    @Test
    void classesAreSortedByCodePointsAsPythonDoes() throws IOException {
        String emoji = "\ud83d\ude00"; // beyond U+FFFF: UTF-16 would sort it before U+FF21
        touch(emoji + "/a.jpg", "\uff21/a.jpg", "b/a.jpg", "B/a.jpg", "a b/a.jpg", "10/a.jpg", "9/a.jpg");

        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.classNames()).containsExactly("10", "9", "B", "a b", "b", "\uff21", emoji);
        assertThat(folder.remarks()).anyMatch(line -> line.contains("classes B, b differ in case only"));
    }

    @Test
    void numberedFoldersAreAnUnnamedModelsIndices() throws IOException {
        touch("0/a.jpg", "2/a.jpg", "10/a.jpg");
        ImageFolder folder = ImageFolder.open(root);

        assertThat(folder.remarksOnOrder()).singleElement().asString().contains("sorted as text: 0, 10, 2");
        assertThat(folder.withLabels(11).samples().stream().map(Sample::label)).containsExactly(0, 10, 2);
        assertThatThrownBy(() -> folder.withLabels(5)).hasMessageContaining("--class-map");
        assertThat(folder.withLabels(3).samples().stream().map(Sample::label))
                .as("10 is no index of three, so that they count as they are sorted")
                .containsExactly(0, 1, 2);
    }

    @Test
    void aLabelThatIsAlmostAFoldersNameIsSuggested() throws IOException {
        touch("golden_retriever/a.jpg");
        ImageFolder folder = ImageFolder.open(root);

        assertThatThrownBy(() -> folder.withLabels(List.of("tabby", "Golden Retriever")))
                .hasMessageContaining("is 'Golden Retriever' meant?");
    }

    private void touch(String... files) throws IOException {
        for (String file : files) {
            Path path = root.resolve(file);
            Files.createDirectories(root.resolve(file + "/..").normalize());
            Files.createFile(path);
        }
    }
}
