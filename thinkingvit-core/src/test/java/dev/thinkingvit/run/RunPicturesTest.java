package dev.thinkingvit.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.data.DatasetException;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.train.TrainingException;
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
        return RunPictures.goOn("the training", read, ImageFolder.open(data), null, force, false, List.of());
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
    void picturesOfTheSameNamesAndSizesWithOtherContentAreNoticed() throws IOException {
        for (String name : List.of("eel", "fox")) {
            for (int i = 0; i < 2; i++) {
                Path file = data.resolve(name + "/" + i + ".bmp");
                write(file, 9000);
                byte[] bytes = new byte[9000];
                java.util.Arrays.fill(bytes, 3000, 6000, (byte) name.charAt(0)); // beginning and end are alike
                Files.write(file, bytes);
            }
        }
        begun = RunPictures.begin(ImageFolder.open(data), null, samples -> List.of())
                .inventory();
        assertThat(goOn(false).inventory()).isEqualTo(begun);
        Path aside = root.resolve("aside");
        Files.move(data.resolve("eel"), aside);
        Files.move(data.resolve("fox"), data.resolve("eel"));

        assertRefused("class fox is gone", "of class 'eel' 2 pictures are of other content (0.bmp, 1.bmp)");
        Files.move(data.resolve("eel"), data.resolve("gnu"));
        assertRefused("class eel is gone", "class 'fox' is called 'gnu' now");
        Files.move(aside, data.resolve("fox"));
        Files.move(data.resolve("gnu"), data.resolve("eel"));
        assertRefused(
                "of class 'eel' 2 pictures are of other content", "of class 'fox' 2 pictures are of other content");
    }

    @Test
    void anInventoryWithoutMarksStillGoesOn() throws IOException {
        begun = new RunInventory(
                begun.training().stream()
                        .map(each -> new RunInventory.OfClass(each.name(), each.pictures(), null))
                        .toList(),
                begun.leftOut(),
                begun.heldOut(),
                null,
                Map.of(),
                Map.of());
        RunPictures again = goOn(false);
        assertThat(again.inventory().training())
                .allMatch(each -> each.marks() != null && each.marks().size() == 5);
    }

    @Test
    void ofALargeSetSomePicturesAreMarkedAndThoseOfASmallerOneAmongThem() throws IOException {
        Map<String, Map<String, Long>> all = PictureMarks.of(ImageFolder.open(data), 15);
        Map<String, Map<String, Long>> some = PictureMarks.of(ImageFolder.open(data), 10);
        assertThat(all.values()).allMatch(marks -> marks.size() == 5);
        assertThat(some.values().stream().mapToInt(Map::size).sum()).isBetween(1, 14);
        some.forEach((name, marks) -> assertThat(all.get(name)).containsAllEntriesOf(marks));
    }

    @Test
    void ofTwoGoneClassesThatANewcomerCouldBeNeitherIsGuessed() throws IOException {
        for (String name : List.of("eel", "fox")) {
            write(data.resolve(name + "/0.png"), 7);
        }
        begun = RunPictures.begin(ImageFolder.open(data), null, samples -> List.of())
                .inventory();
        Files.move(data.resolve("eel"), data.resolve("gnu"));
        Files.delete(data.resolve("fox/0.png"));
        Files.delete(data.resolve("fox"));
        assertRefused("2 classes eel, fox are gone", "class gnu is new");
    }

    @Test
    void theValidationOfARenamedClassMayKeepItsOldName() throws IOException {
        Path val = root.resolve("val");
        write(val.resolve("cat/0.png"), 5);
        write(val.resolve("dog/0.png"), 6);
        begun = RunPictures.begin(ImageFolder.open(data), ImageFolder.open(val), samples -> List.of())
                .inventory();
        Files.move(data.resolve("cat"), data.resolve("zebra"));

        RunPictures forced =
                RunPictures.goOn("it", begun, ImageFolder.open(data), ImageFolder.open(val), true, false, List.of());

        assertThat(forced.classNames()).containsExactly("zebra", "dog", "owl");
        assertThat(forced.validation())
                .containsExactly(new Sample(val.resolve("cat/0.png"), 0), new Sample(val.resolve("dog/0.png"), 1));
        assertThat(forced.remarks()).anyMatch(line -> line.contains("'cat' in " + val + " is judged as 'zebra'"));
        RunInventory kept = RunInventory.of(forced.inventory().bytes(), Path.of("inventory"));
        assertThat(RunPictures.goOn("it", kept, ImageFolder.open(data), ImageFolder.open(val), false, false, List.of())
                        .validation())
                .isEqualTo(forced.validation());
        Files.move(val.resolve("cat"), val.resolve("lynx"));
        assertThat(RunPictures.goOn("it", kept, ImageFolder.open(data), ImageFolder.open(val), true, false, List.of())
                        .validation())
                .as("renamed in the other set")
                .contains(new Sample(val.resolve("lynx/0.png"), 0));
        write(val.resolve("emu/0.png"), 9);
        assertThat(RunPictures.goOn("it", kept, ImageFolder.open(data), ImageFolder.open(val), true, false, List.of())
                        .remarks())
                .anyMatch(line -> line.startsWith("forced: emu in " + val + " is left out"));
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
        assertThat(pictures.remarks())
                .anyMatch(line -> line.contains("1 of the 3 classes; accuracy says nothing of cat, owl"));

        write(val.resolve("dog/1.png"), 5);
        assertThatThrownBy(() -> RunPictures.goOn(
                        "it",
                        pictures.inventory(),
                        ImageFolder.open(data),
                        ImageFolder.open(val),
                        false,
                        false,
                        List.of()))
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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "{}",
                "[]",
                "3",
                "{\"training\":null}",
                "{\"training\":[null],\"left_out\":[],\"held_out\":[],\"sources\":{}}",
                "{\"training\":[{}],\"left_out\":[],\"held_out\":[],\"sources\":{}}",
                "{\"training\":[],\"left_out\":[],\"held_out\":[\"x\"],\"sources\":{}}",
                "{\"training\":[],\"left_out\":[],\"held_out\":[],\"sources\":{\"init\":{}}}",
                "{\"training\":[{\"name\":\"a\",\"pictures\":{\"b\":\"c\"}}]}",
                "{\"training\":[{\"name\":\"a\",\"pictures\":7}]}"
            })
    void anInventoryThatSaysSomethingElseIsDamagedInPlainWords(String json) throws IOException {
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
        try (java.util.zip.GZIPOutputStream out = new java.util.zip.GZIPOutputStream(bytes)) {
            out.write(json.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        assertThatThrownBy(() -> RunInventory.of(bytes.toByteArray(), Path.of("inventory")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("inventory: is damaged: ")
                .message()
                .doesNotContain("\n", "java", "dev.thinkingvit", "null");
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

    @Test
    void validationOnWhatIsTrainedOnIsSaid() throws IOException {
        Path val = root.resolve("val");
        Files.createSymbolicLink(val, data);
        assertThat(RunPictures.begin(ImageFolder.open(data), ImageFolder.open(val), samples -> List.of())
                        .remarks())
                .anyMatch(
                        line -> line.startsWith("warning: validation is on the training pictures themselves, " + val));
        Path some = root.resolve("some");
        Files.createDirectories(some.resolve("cat"));
        Files.write(some.resolve("cat/x.png"), new byte[] {1, 2, 3});
        Files.write(data.resolve("dog/y.png"), new byte[] {1, 2, 3});
        assertThat(RunPictures.begin(ImageFolder.open(data), ImageFolder.open(some), samples -> List.of())
                        .remarks())
                .anyMatch(line ->
                        line.startsWith("warning: 1 of 1 validation pictures are training pictures too (cat/x.png)"))
                .anyMatch(
                        line -> line.contains("has pictures of 1 of the 3 classes; accuracy says nothing of dog, owl"));
    }

    @Test
    void aClassOfWhichNothingOrEverythingIsHeldOutIsSaid() throws IOException {
        write(data.resolve("one/0.png"), 3);
        RunPictures pictures = RunPictures.begin(ImageFolder.open(data), null, samples -> samples.stream()
                .filter(sample ->
                        sample.path().endsWith("3.png") || sample.path().endsWith("one/0.png"))
                .filter(sample -> !sample.path().endsWith("owl/3.png"))
                .toList());
        assertThat(pictures.remarks())
                .anyMatch(line -> line.startsWith("warning: no picture of owl is held out"))
                .anyMatch(line -> line.startsWith("warning: every picture of one is held out"));
    }

    @Test
    void picturesThatTheTrainingKnowsToBeUnreadableKeepTheirPlaces() throws IOException {
        List<Sample> before = goOn(false).training();
        Files.delete(data.resolve("cat/1.png"));
        write(data.resolve("dog/2.png"), 7);
        assertRefused("of class 'cat' 1 picture is gone");
        List<UnreadablePictures.Entry> known = List.of(
                new UnreadablePictures.Entry("training", "cat/1.png", "", "gone"),
                new UnreadablePictures.Entry("training", "dog/2.png", "", "cut"));
        RunPictures again = RunPictures.goOn("it", begun, ImageFolder.open(data), null, false, false, known);
        assertThat(again.training()).isEqualTo(before);
        assertThat(again.inventory()).isEqualTo(begun);
        Sample cut = before.stream()
                .filter(sample -> sample.path().endsWith("dog/2.png"))
                .findFirst()
                .orElseThrow();
        assertThat(again.check(UnreadablePictures.Use.TRAINING).fault(cut, new byte[7]))
                .contains("it has 7 bytes and had ");
    }
}
