package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.Routing;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The commands that score a model: evaluate and calibrate. */
@NullUnmarked // a null fails the test
class EvaluateCommandTest {
    private static final ThinkingViTConfig NETWORK = new ThinkingViTConfig(16, 8, 32, 2, 4, List.of(2, 4), 3, 1e-6);

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    private static Path folder;

    @SuppressWarnings("NullAway.Init") // made before all tests
    private static Path data;

    @SuppressWarnings("NullAway.Init")
    private static Path model;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeAll
    static void makeModelAndPictures() throws IOException {
        data = folder.resolve("data");
        SplittableRandom random = new SplittableRandom(1);
        for (String name : List.of("cat", "dog", "owl")) {
            Files.createDirectories(data.resolve(name));
            for (int i = 0; i < 4; i++) {
                BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
                for (int pixel = 0; pixel < 256; pixel++) {
                    image.setRGB(pixel % 16, pixel / 16, random.nextInt(0x1000000));
                }
                ImageIO.write(
                        image, "png", data.resolve(name).resolve(i + ".png").toFile());
            }
        }
        Files.writeString(data.resolve("owl").resolve("broken.png"), "no picture");
        model = folder.resolve("model");
        ModelConfig config = ModelConfig.of(NETWORK)
                .withPreprocessing(Preprocessing.imagenet(16, 1.0))
                .withLabels(List.of("owl", "dog", "cat"));
        try (NestedNetwork network = NestedNetwork.initialise(NETWORK, 1)) {
            ModelDirectory.write(model, config, network.stateDict());
        }
    }

    @Test
    void jsonIsOneObjectWithARowAThreshold() {
        int code = run("evaluate", "--data", data, "--model", model, "--thresholds", "0,5", "--json");

        assertThat(code).as(err.toString()).isZero();
        JsonNode root = JsonMapper.builder().build().readTree(out.toString());
        assertThat(root.get("model").asString()).isEqualTo(model.toString());
        assertThat(root.get("images").asInt()).isEqualTo(12);
        assertThat(root.get("skipped").asInt()).isEqualTo(1);
        assertThat(root.get("thresholds")).hasSize(2);
        JsonNode thinks = root.get("thresholds").get(0);
        JsonNode stops = root.get("thresholds").get(1);
        assertThat(thinks.get("threshold").asDouble()).isZero();
        assertThat(thinks.get("top5").asDouble()).isEqualTo(100);
        assertThat(thinks.get("stages").get(0).get("dispatched").asInt()).isZero();
        assertThat(thinks.get("stages").get(0).get("accuracy").isNull()).isTrue();
        assertThat(thinks.get("gmacs").asDouble())
                .isGreaterThan(stops.get("gmacs").asDouble());
        assertThat(stops.get("stages").get(0).get("dispatched").asInt()).isEqualTo(12);
        assertThat(stops.get("top1").asDouble())
                .isEqualTo(stops.get("stages").get(0).get("accuracy").asDouble());
        assertThat(thinks.has("images_per_second")).isFalse();
        assertThat(err.toString())
                .contains("skipped: ", "broken.png")
                .contains("warning: 1 of 13 pictures could not be read; what follows is of the other 12");
    }

    @Test
    void whatIsNotUsedOfAFolderIsCountedAndNamed() throws IOException {
        Path mixed = Files.createDirectories(folder.resolve("mixed"));
        for (String name : List.of("cat", "dog", "owl", "__MACOSX")) {
            Files.createDirectories(mixed.resolve(name));
        }
        Path tiff = CommandRun.REFERENCE.resolve("tiff/rgb.tif");
        Files.copy(tiff, mixed.resolve("cat/scan.tiff"));
        Files.copy(tiff, mixed.resolve("cat/scan"));
        Files.copy(data.resolve("dog/0.png"), mixed.resolve("beside.png"));
        Files.writeString(mixed.resolve("dog/broken.jpg"), "no picture");
        Files.writeString(mixed.resolve("owl/list.csv"), "a,b");

        int code = run("evaluate", "--data", mixed, "--model", model, "--thresholds", "0", "--json");

        assertThat(code).as(err.toString()).isZero();
        JsonNode root = JsonMapper.builder().build().readTree(out.toString());
        assertThat(root.get("images").asInt()).isEqualTo(2);
        assertThat(root.get("skipped").asInt()).isEqualTo(1);
        assertThat(root.at("/skipped_files/0/file").asString()).endsWith("broken.jpg");
        assertThat(root.at("/passed_over/files").asInt()).isEqualTo(3);
        assertThat(root.at("/passed_over/kinds").findValuesAsString("kind"))
                .containsExactlyInAnyOrder(".csv files", "pictures beside the class folders", "system folders");
        assertThat(root.get("classes_without_pictures").asInt()).isEqualTo(1);
        assertThat(root.get("labels_without_pictures").toString()).isEqualTo("[\"owl\"]");
        assertThat(err.toString())
                .contains("passed over: .csv files (1): " + mixed.resolve("owl/list.csv"))
                .contains("passed over: pictures beside the class folders (1): " + mixed.resolve("beside.png"))
                .contains("ignored: system folders (1): " + mixed.resolve("__MACOSX"))
                .contains("note: no pictures of owl")
                .contains("skipped: " + mixed.resolve("dog/broken.jpg"))
                .contains(
                        "warning: none of the pictures of 'dog' could be read; nothing here says how well it is known");
    }

    @Test
    void fewOfManyLostPicturesAreNotedAndClassesThatAreLostFillOneLine() throws IOException {
        Path few = Files.createDirectories(folder.resolve("few"));
        Path many = Files.createDirectories(folder.resolve("many"));
        for (String name : List.of("cat", "dog", "owl")) {
            Files.createDirectories(few.resolve(name));
            Files.createDirectories(many.resolve(name));
            for (int i = 0; i < 10; i++) {
                Files.copy(data.resolve(name + "/0.png"), few.resolve(name + "/" + i + ".png"));
            }
            Files.writeString(many.resolve(name + "/broken.png"), "no picture");
        }
        Files.writeString(few.resolve("cat/broken.png"), "no picture");
        Files.copy(data.resolve("cat/0.png"), many.resolve("cat/0.png"));

        assertThat(run("evaluate", "--data", few, "--model", model, "--thresholds", "0"))
                .isZero();
        assertThat(run("evaluate", "--data", many, "--model", model, "--thresholds", "0"))
                .isZero();

        assertThat(err.toString())
                .contains("note: 1 of 31 pictures could not be read; what follows is of the other 30")
                .contains("warning: 3 of 4 pictures could not be read; what follows is of the other 1")
                .contains("warning: none of the pictures of 'owl', 'dog' could be read; nothing here says how well they"
                        + " are known");
    }

    @Test
    void tablesReportsAndMeasurementsComeTogether() {
        Path report = folder.resolve("report");
        Path csv = folder.resolve("table.csv");

        int code = run(
                "evaluate",
                "--data",
                data,
                "--model",
                model,
                "--thresholds",
                "0:1:0.5",
                "--measure",
                "--limit",
                6,
                "--report",
                report,
                "--csv",
                csv);

        assertThat(code).as(err.toString()).isZero();
        assertThat(out.toString()).contains("threshold", "images/s", "* 0.5", "* the model's own threshold");
        assertThat(csv).content().hasLineCount(4);
        assertThat(report.resolve("index.html")).content().contains("id=\"accuracy-throughput\"");
        assertThat(report.resolve("sweep.csv")).hasSameTextualContentAs(csv);
    }

    @Test
    void aPictureThatCannotBeReadIsTriedAndNamedOnceAlsoWhereExitsAreMeasured() {
        int code =
                run("evaluate", "--data", data, "--model", model, "--thresholds", "0.5", "--measure", "--workers", 1);

        assertThat(code).as(err.toString()).isZero();
        assertThat(err.toString().lines().filter(line -> line.contains("skipped: ")))
                .singleElement()
                .asString()
                .contains("broken.png");
    }

    @Test
    void aCalibrationIsSavedWithTheModel() throws IOException {
        Path copy = Files.createDirectories(folder.resolve("calibrated"));
        for (String name : List.of(ModelDirectory.CONFIG, ModelDirectory.WEIGHTS)) {
            Files.copy(model.resolve(name), copy.resolve(name));
        }

        int code = run(
                "calibrate",
                "--data",
                data,
                "--model",
                copy,
                "--target",
                "stage2=50%",
                "--router",
                "margin",
                "--save",
                "--json");

        assertThat(code).as(err.toString()).isZero();
        JsonNode printed = JsonMapper.builder().build().readTree(out.toString());
        assertThat(printed.get("stage2_share").asDouble()).isLessThanOrEqualTo(0.5);
        assertThat(printed.get("always_think").get("stage2_share").asDouble()).isEqualTo(1);
        Routing saved =
                ModelDirectory.readConfig(copy.resolve(ModelDirectory.CONFIG)).routing();
        assertThat(saved.router()).isEqualTo("margin");
        assertThat(saved.thresholds()).containsExactly(printed.get("threshold").asDouble());
        assertThat(saved.calibration()).isNotNull();
        assertThat(saved.calibration().images()).isEqualTo(12);
        assertThat(saved.calibration().curve()).hasSizeGreaterThan(2);
        assertThat(saved.calibration().bf16() != null).isEqualTo(Precision.BF16.hasKernelHere());
        assertThat(printed.has("bf16")).isEqualTo(Precision.BF16.hasKernelHere());
        assertThat(saved.calibration().int8() != null).isEqualTo(Precision.INT8.isHere());
        assertThat(printed.has("int8")).isEqualTo(Precision.INT8.isHere());
        try (ElasticClassifier reopened = ElasticClassifier.open(copy)) {
            assertThat(reopened.precision()).as("12 pictures prove nothing").isEqualTo(Precision.FP32);
        }
        if (Precision.INT8.isHere()) {
            assertThat(run("evaluate", "--data", data, "--model", copy.toString(), "--precision", "int8"))
                    .as(err.toString())
                    .isZero();
            assertThat(out.toString()).contains("int8");
        }
    }

    @Test
    void precisionsMayBeComparedOnOtherPicturesThanTheThresholdIsChosenOn() throws IOException {
        Path copy = Files.createDirectories(folder.resolve("compared"));
        for (String name : List.of(ModelDirectory.CONFIG, ModelDirectory.WEIGHTS)) {
            Files.copy(model.resolve(name), copy.resolve(name));
        }
        Path few = folder.resolve("held-out");
        for (String name : List.of("cat", "dog", "owl")) {
            Files.createDirectories(few.resolve(name));
            Files.copy(data.resolve(name).resolve("0.png"), few.resolve(name).resolve("0.png"));
        }

        int code = run(
                "calibrate",
                "--data",
                few,
                "--model",
                copy,
                "--target",
                "stage2=50%",
                "--save",
                "--compare-data",
                data,
                "--json");

        assertThat(code).as(err.toString()).isZero();
        Routing.Calibration saved = ModelDirectory.readConfig(copy.resolve(ModelDirectory.CONFIG))
                .routing()
                .calibration();
        assertThat(saved.images()).isEqualTo(3);
        if (Precision.INT8.isHere()) {
            assertThat(saved.images(saved.int8())).isEqualTo(12);
            assertThat(JsonMapper.builder()
                            .build()
                            .readTree(out.toString())
                            .at("/int8/images")
                            .asInt())
                    .isEqualTo(12);
        }
        assertThat(run("calibrate", "--data", few, "--model", copy, "--target", "stage2=50%", "--compare-data", data))
                .isEqualTo(Main.USAGE);
        assertThat(err.toString()).contains("--compare-data " + data + " is for what --save keeps; add --save");
    }

    @Test
    void aCalibrationIsExplained() {
        int code = run("calibrate", "--data", data, "--model", model, "--target", "accuracy-drop=0");

        assertThat(code).as(err.toString()).isZero();
        assertThat(out.toString()).contains("threshold ", "entropy_top10", "always thinking", "saved");
    }

    @Test
    void whatIsWrongIsSaidInOneLine() {
        assertThat(run("evaluate", "--data", data, "--model", model, "--thresholds", "0:1"))
                .isEqualTo(Main.USAGE);
        assertThat(run("evaluate", "--data", data, "--model", model, "--thresholds", "0/1"))
                .isEqualTo(Main.USAGE);
        assertThat(run("calibrate", "--data", data, "--model", model, "--target", "x"))
                .isEqualTo(Main.USAGE);
        assertThat(err.toString()).contains("a range of thresholds is", "takes 1 threshold", "a target is gmacs=G");
        assertThat(run("calibrate", "--data", data, "--model", model, "--target", "gmacs=0"))
                .isEqualTo(Main.FAILED);
        assertThat(run("evaluate", "--data", folder, "--model", model)).isEqualTo(Main.FAILED);
        assertThat(err.toString()).contains("cannot be reached", "are no classes of the model; those in data");
        Path nowhere = model.resolve("config.json").resolve("report");
        assertThat(run("evaluate", "--data", folder, "--model", "none", "--report", nowhere))
                .as("before anything is read")
                .isEqualTo(Main.FAILED);
        assertThat(err.toString()).contains(nowhere + ": cannot be written to: a part of its path is a file");
    }

    private int run(Object... args) {
        List<String> words = new ArrayList<>();
        for (Object arg : args) {
            words.add(arg.toString());
        }
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), words.toArray(new String[0]));
    }
}
