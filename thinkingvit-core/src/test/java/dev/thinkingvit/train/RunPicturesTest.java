package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.data.DatasetException;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class RunPicturesTest {
    @TempDir
    Path root;

    private Path data;
    private RunInventory begun;

    @BeforeEach
    void begin() throws IOException {
        data = root.resolve("data");
        for (String name : List.of("cat", "dog", "owl")) {
            for (int i = 0; i < 5; i++) {
                write(data.resolve(name + "/" + i + ".png"), name.hashCode() % 100 + 200 + i);
            }
        }
        // the third of each class is kept back
        RunPictures pictures = RunPictures.begin(ImageFolder.open(data), null, samples -> samples.stream()
                .filter(sample -> sample.path().endsWith("3.png"))
                .toList());
        begun = pictures.inventory();
        assertThat(pictures.training()).hasSize(12);
        assertThat(begun.heldOut()).containsExactly("cat/3.png", "dog/3.png", "owl/3.png");
    }

    private static void write(Path file, int bytes) throws IOException {
        Files.createDirectories(file.resolve("..").normalize());
        Files.write(file, new byte[bytes]);
    }

    private RunPictures goOn(boolean force) throws IOException {
        RunInventory read = RunInventory.of(begun.bytes(), Path.of("inventory"));
        return RunPictures.goOn("the training", read, ImageFolder.open(data), null, force);
    }

    private void assertRefused(String... words) {
        assertThatThrownBy(() -> goOn(false))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining(data + ": not the pictures of the training")
                .hasMessageContaining("--force")
                .message()
                .contains(words)
                .doesNotContain("\n");
    }

    @Test
    void whatIsAsItWasGoesOnWithTheSamePictures() throws IOException {
        Path elsewhere = root.resolve("elsewhere");
        Files.move(data, elsewhere);
        data = elsewhere;
        RunPictures again = goOn(false);
        assertThat(again.inventory()).isEqualTo(begun);
        assertThat(again.validation().stream().map(Sample::label)).containsExactly(0, 1, 2);
        assertThat(again.training()).hasSize(12);
    }

    @Test
    void aRenamedClassIsRefusedAndForcedItsRowKeepsItsPictures() throws IOException {
        Files.move(data.resolve("cat"), data.resolve("zebra"));
        assertRefused("class 'cat' is called 'zebra' now");

        RunPictures forced = goOn(true);

        assertThat(forced.classNames()).containsExactly("zebra", "dog", "owl");
        assertThat(forced.training())
                .allMatch(sample -> sample.path().startsWith(data.resolve("zebra")) == (sample.label() == 0));
        assertThat(forced.inventory().heldOut()).containsExactly("zebra/3.png", "dog/3.png", "owl/3.png");
        assertThat(forced.remarks()).anyMatch(line -> line.contains("'cat'") && line.contains("'zebra'"));
        begun = forced.inventory();
        assertThat(goOn(false).inventory()).as("once forced it is what it is").isEqualTo(begun);
    }

    @Test
    void anAddedClassIsRefusedAndForcedItIsLeftOut() throws IOException {
        write(data.resolve("ant/0.png"), 10);
        assertRefused("class ant is new");

        RunPictures forced = goOn(true);

        assertThat(forced.classNames()).containsExactly("cat", "dog", "owl");
        assertThat(forced.training())
                .hasSize(12)
                .noneMatch(sample -> sample.path().toString().contains("ant"));
        assertThat(forced.remarks()).anyMatch(line -> line.contains("ant is left out"));
        begun = forced.inventory();
        assertThat(goOn(false).classNames()).hasSize(3);
    }

    @Test
    void aClassThatIsGoneIsRefusedAndForcedItKeepsItsRow() throws IOException {
        for (int i = 0; i < 5; i++) {
            Files.delete(data.resolve("dog/" + i + ".png"));
        }
        Files.delete(data.resolve("dog"));
        assertRefused("class dog is gone");

        RunPictures forced = goOn(true);

        assertThat(forced.classNames()).containsExactly("cat", "dog", "owl");
        assertThat(forced.training().stream().map(Sample::label)).containsOnly(0, 2);
        begun = forced.inventory();
        assertThat(goOn(false).training()).hasSize(8);
    }

    @Test
    void changedPicturesAreNamed() throws IOException {
        Files.delete(data.resolve("cat/1.png"));
        write(data.resolve("cat/new.png"), 3);
        write(data.resolve("owl/2.png"), 999);
        assertRefused(
                "of class 'cat' 1 picture is gone (1.png) and 1 picture is new (new.png)",
                "of class 'owl' 1 picture is of another size (2.png)");

        RunPictures forced = goOn(true);

        assertThat(forced.training()).hasSize(12);
        assertThat(forced.validation().stream()
                        .map(sample -> sample.path().getFileName().toString()))
                .as("what was kept back stays so, by name")
                .containsExactly("3.png", "3.png", "3.png");
    }

    @Test
    void aTrainingWhosePicturesNobodyNotedIsHeldToItsClasses() throws IOException {
        begun = RunPictures.unnoted(List.of("cat", "dog", "owl"), ImageFolder.open(data), samples -> List.of());
        assertThat(goOn(false).training()).hasSize(15);
        Files.move(data.resolve("cat"), data.resolve("lynx"));
        assertRefused("class cat is gone", "class lynx is new");
    }

    @Test
    void aValidationSetIsComparedAndMayCoverSomeClassesButNoOthers() throws IOException {
        Path val = root.resolve("val");
        write(val.resolve("dog/0.png"), 5);
        RunPictures pictures = RunPictures.begin(ImageFolder.open(data), ImageFolder.open(val), samples -> List.of());
        assertThat(pictures.validation()).containsExactly(new Sample(val.resolve("dog/0.png"), 1));
        assertThat(pictures.remarks()).anyMatch(line -> line.contains("1 of the model's 3 classes, none of cat, owl"));

        write(val.resolve("dog/1.png"), 5);
        assertThatThrownBy(() -> RunPictures.goOn(
                        "it", pictures.inventory(), ImageFolder.open(data), ImageFolder.open(val), false))
                .hasMessageContaining(val + ": not the pictures of it: of class 'dog' 1 picture is new (1.png)");
        write(val.resolve("eel/1.png"), 5);
        assertThatThrownBy(() -> RunPictures.begin(ImageFolder.open(data), ImageFolder.open(val), samples -> List.of()))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("holds pictures of eel, which " + data + " has not");
    }

    @Test
    void anEmptyClassCannotBeLearnt() throws IOException {
        Files.createDirectory(data.resolve("yak"));
        assertThatThrownBy(() -> RunPictures.begin(ImageFolder.open(data), null, samples -> List.of()))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("no pictures of class yak");
    }

    @Test
    void sourcesAreKnownByTheirContent() throws IOException {
        Path file = Files.writeString(root.resolve("init.pth"), "weights");
        Map<String, RunInventory.Source> before = RunInventory.sources(Map.of("init", file));
        RunInventory inventory = begun.withSources(before);
        assertThat(inventory.changedSources(RunInventory.sources(Map.of("init", file))))
                .isEmpty();
        Files.writeString(file, "Weights");
        assertThat(inventory.changedSources(RunInventory.sources(Map.of("init", file))))
                .containsExactly("init");
        assertThat(RunInventory.sources(Map.of("init", root.resolve("none")))).isEmpty();
    }

    @Test
    void aDamagedInventoryIsNamed() throws IOException {
        begun.write(root);
        assertThat(RunInventory.read(root)).contains(begun);
        Path file = root.resolve(RunInventory.NAME);
        byte[] bytes = Files.readAllBytes(file);
        for (byte[] damaged : List.of(new byte[0], java.util.Arrays.copyOf(bytes, bytes.length / 2), new byte[9])) {
            Files.write(file, damaged);
            assertThatThrownBy(() -> RunInventory.read(root))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining(file.toString());
        }
    }
}
