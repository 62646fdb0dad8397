package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands with a model of ImageNet's classes, and with pictures prepared otherwise than the model says. */
@NullUnmarked // a null fails the test
class ImageNetCommandsTest {
    private static final ThinkingViTConfig NETWORK = new ThinkingViTConfig(16, 8, 64, 1, 1, List.of(1), 1000, 1e-6);

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    private static Path folder;

    @SuppressWarnings("NullAway.Init") // made before all tests
    private static Path model;

    @SuppressWarnings("NullAway.Init")
    private static Path bare;

    @BeforeAll
    static void makeModel() throws IOException {
        model = folder.resolve("model");
        bare = folder.resolve("bare.safetensors");
        ModelConfig config = ModelConfig.of(NETWORK).withPreprocessing(Preprocessing.imagenet(16, 1.0));
        try (NestedNetwork network = NestedNetwork.initialise(NETWORK, 1)) {
            ModelDirectory.write(model, config, network.stateDict());
            Safetensors.write(bare, network.stateDict(), Map.of("format", "pt"));
        }
    }

    @Test
    void foldersNamedBySynsetNeedNoClassMap() throws IOException {
        CommandRun run = CommandRun.of(
                "evaluate", "--data", pictures("synsets", "n01440764", "n01443537"), "--model", model, "--json");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("note: the model names none of its 1,000 classes: they are taken for ImageNet's")
                .contains("has pictures of 2 of the model's 1000 classes, none of great white shark, tiger shark,");
        assertThat(json(run).get("images").asInt()).isEqualTo(2);
    }

    @Test
    void classesWithoutPicturesAreCountedAndTheFirstHundredNamed() throws IOException {
        CommandRun run = CommandRun.of(
                "evaluate", "--data", pictures("few", "n01440764", "n01443537"), "--model", model, "--json");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(json(run).get("classes_without_pictures").asInt()).isEqualTo(998);
        assertThat(json(run).get("labels_without_pictures").size()).isEqualTo(100);
    }

    @Test
    void onlyTheClassesOfASetMayBePredictedOnIt() throws IOException {
        Path data = pictures("r", "n01443537");
        CommandRun run =
                CommandRun.of("evaluate", "--data", data, "--model", model, "--dataset", "imagenet-r", "--json");
        CommandRun other = CommandRun.of(
                "evaluate", "--data", pictures("not-r", "n01440764"), "--model", model, "--dataset", "imagenet-r");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(json(run).get("dataset").asString()).isEqualTo("imagenet-r");
        assertThat(other.code()).isEqualTo(1);
        assertThat(other.err()).contains("n01440764 (tench), is none of the 200 of ImageNet-R");
    }

    @Test
    void picturesWithoutAReassessedLabelAreNotCounted() throws IOException {
        Path data = pictures("real", "n01440764");
        for (int number : new int[] {1, 2}) {
            Files.copy(
                    data.resolve("n01440764/a.png"),
                    data.resolve("n01440764").resolve(String.format("ILSVRC2012_val_%08d.png", number)));
        }
        Files.delete(data.resolve("n01440764/a.png"));
        CommandRun run =
                CommandRun.of("evaluate", "--data", data, "--model", model, "--dataset", "imagenet-real", "--json");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(json(run).get("images").asInt()).isEqualTo(1);
        assertThat(json(run).get("uncounted").asInt()).isEqualTo(1);
    }

    @Test
    void validationPicturesWithoutFoldersAreScoredByTheirNames() throws IOException {
        Path flatFolder = pictures("flat", "val").resolve("val");
        for (int number : new int[] {1, 2, 3}) {
            Files.copy(
                    flatFolder.resolve("a.png"), flatFolder.resolve(String.format("ILSVRC2012_val_%08d.png", number)));
        }
        Files.delete(flatFolder.resolve("a.png"));
        CommandRun flat = CommandRun.of(
                "evaluate", "--data", flatFolder, "--model", model, "--dataset", "imagenet-real", "--json");
        CommandRun above = CommandRun.of(
                "evaluate", "--data", flatFolder.getParent(), "--model", model, "--dataset", "imagenet-real", "--json");
        CommandRun plain = CommandRun.of("evaluate", "--data", flatFolder, "--model", model);

        assertThat(flat.code()).as(flat.err()).isZero();
        assertThat(json(flat).get("images").asInt()).isEqualTo(2);
        assertThat(json(flat).get("uncounted").asInt()).isEqualTo(1);
        assertThat(flat.err()).contains("note: 1 of 3 pictures have no right answer among the ReaL labels");
        assertThat(json(above).get("images").asInt()).isEqualTo(2);
        assertThat(plain.code()).isEqualTo(1);
        assertThat(plain.err()).contains("--dataset imagenet-real");
    }

    @Test
    void aModelOfOneStageHasOneRow() throws IOException {
        Path data = pictures("one-row", "n01440764");
        Path csv = folder.resolve("row.csv");
        CommandRun text = CommandRun.of(
                "evaluate", "--data", data, "--model", model, "--csv", csv, "--report", folder.resolve("page"));
        CommandRun run = CommandRun.of("evaluate", "--data", data, "--model", model, "--json");

        assertThat(text.code()).as(text.err()).isZero();
        assertThat(text.out().lines()).hasSize(2);
        assertThat(Files.readAllLines(csv)).hasSize(2).element(1).asString().startsWith("always,");
        assertThat(json(run).get("thresholds")).hasSize(1);
        assertThat(json(run).get("thresholds").get(0).get("threshold")).isEmpty();
    }

    @Test
    void aModelOfOtherClassesHasNoPlaceOnASetOfImageNets() throws IOException {
        CommandRun run = CommandRun.of(
                "evaluate",
                "--data",
                pictures("ten", "cat"),
                "--dataset",
                "imagenet-v2",
                "--model",
                Path.of("../models/cifar10-3h-6h"));

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("ImageNet-V2 is for networks of ImageNet's 1,000 classes; this one has 10");
    }

    @Test
    void aClassIsCalledByItsFirstNameAndInJsonByAllAndItsSynset() throws IOException {
        Path picture = pictures("one", "n01440764").resolve("n01440764/a.png");
        CommandRun words = CommandRun.of("classify", "--model", model, picture);
        CommandRun run = CommandRun.of("classify", "--model", model, "--json", picture);

        JsonNode image = json(run).get("images").get(0);
        assertThat(image.get("synset").asString()).matches("n\\d{8}");
        assertThat(image.get("top").get(4).get("synset").asString()).matches("n\\d{8}");
        String first = image.get("label").asString().split(",", -1)[0];
        assertThat(words.out()).containsPattern(java.util.regex.Pattern.quote(first) + "( \\(n\\d{8}\\))? +\\d");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--input-size=20 | 1 | must be a multiple of the patch size 8",
                "--input-size=0 | 2 | input size must be at least 1, not 0",
                "--input-size=-8 | 2 | input size must be at least 1, not -8",
                "--input-size=4,16,24 | 2 | --input-size takes the side of a square",
                "--input-size=20,16 | 1 | must be a multiple of the patch size 8, at most 2048, such as 16; got 20 × 16",
                "--input-size=16.5 | 2 | --input-size",
                "--crop-pct=0 | 2 | crop_pct must be above 0 and at most 1",
                "--crop-pct=NaN | 2 | crop_pct must be above 0 and at most 1",
                "--std=0 | 2 | std positive",
                "--mean=0.5,0.5 | 2 | --mean takes one number or three",
                "--interpolation=nearest | 2 | --interpolation"
            })
    void absurdPreparationIsRefusedInOneLine(String option, int code, String words) throws IOException {
        Path picture = pictures("absurd", "n01440764").resolve("n01440764/a.png");
        CommandRun run = CommandRun.of("classify", "--model", model, option, picture);

        assertThat(run.code()).as(run.err()).isEqualTo(code);
        assertThat(run.err()).contains(words);
    }

    @Test
    void numbersOfAListMayStandApartBeforeAPicture() throws IOException {
        Path picture = pictures("apart", "n01440764").resolve("n01440764/a.png");
        CommandRun apart =
                CommandRun.of("classify", "--model", model, "--json", "--mean", "0.4", "0.5", "0.6", picture);
        CommandRun together = CommandRun.of("classify", "--model", model, "--json", "--mean=0.4,0.5,0.6", picture);

        assertThat(apart.code()).as(apart.err()).isZero();
        assertThat(apart.out()).isEqualTo(together.out());
    }

    @Test
    void whatIsConvertedKeepsTheSizeAndNormalisationThatWereAskedFor() throws IOException {
        Path out = folder.resolve("converted");
        CommandRun run = CommandRun.of("convert", bare, out, "--input-size", 32, "--mean", "0.5", "--std", "0.5");
        CommandRun plain = CommandRun.of("convert", bare, folder.resolve("plain"));

        assertThat(run.code()).as(run.err()).isZero();
        ModelConfig config = ModelDirectory.read(out).config();
        assertThat(config.network().imageSize().side()).isEqualTo(32);
        assertThat(config.preprocessing().size().side()).isEqualTo(32);
        assertThat(config.preprocessing().mean()).containsExactly(0.5f, 0.5f, 0.5f);
        assertThat(plain.err()).containsOnlyOnce("--mean and --std say otherwise");
        assertThat(run.err()).doesNotContain("--mean");
    }

    @Test
    void heightAndWidthMayBeWrittenAsATrainingTakesThem() throws IOException {
        Path picture = pictures("sizes", "n01440764").resolve("n01440764/a.png");
        CommandRun apart = CommandRun.of("classify", "--model", model, "--json", "--input-size", 16, 24, picture);
        for (String size : List.of("16x24", "16,24", "3x16x24")) {
            CommandRun together = CommandRun.of("classify", "--model", model, "--json", "--img-size", size, picture);
            assertThat(together.code()).as(together.err()).isZero();
            assertThat(together.out()).as(size).isEqualTo(apart.out());
        }
    }

    @Test
    void anExportedModelTakesPicturesOfItsOwnSizeOnly() throws IOException {
        Path exported = folder.resolve("exported");
        assertThat(CommandRun.of("export", "--model", model, "--out", exported, "--input-size", 24)
                        .code())
                .isZero();
        Path picture = pictures("exports", "n01440764").resolve("n01440764/a.png");
        CommandRun run = CommandRun.of("classify", "--model", exported, "--input-size", 16, picture);

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("graphs take pictures of one size, 24; got 16");
    }

    @Test
    void aThresholdIsNotSavedForPicturesThatTheModelDoesNotGet() throws IOException {
        CommandRun run = CommandRun.of(
                "calibrate",
                "--model",
                model,
                "--data",
                pictures("saved", "n01440764"),
                "--target",
                "gmacs=1",
                "--save",
                "--crop-pct",
                "0.9");

        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("leave out --crop-pct");
    }

    private static Path pictures(String name, String... classes) throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        Path data = folder.resolve("data").resolve(name);
        for (String each : classes) {
            Path place = Files.createDirectories(data.resolve(each));
            BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
            for (int pixel = 0; pixel < 256; pixel++) {
                image.setRGB(pixel % 16, pixel / 16, random.nextInt(0x1000000));
            }
            ImageIO.write(image, "png", place.resolve("a.png").toFile());
        }
        return data;
    }

    private static JsonNode json(CommandRun run) {
        return JsonMapper.builder().build().readTree(run.out());
    }
}
