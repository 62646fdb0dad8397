package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.model.Precision;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Segmenter's way through the commands. */
@NullUnmarked // a null fails the test
class SegmenterCommandsTest {
    private static final Path MODEL = CommandRun.REFERENCE.resolve("segmenter-window");

    @TempDir
    Path directory;

    private TinyPixels pixels;

    @BeforeEach
    void writeASet() throws IOException {
        pixels = TinyPixels.write(directory);
    }

    private void write(BufferedImage image, String name) throws IOException {
        pixels.write(image, name);
    }

    private CommandRun train(Object... more) {
        return pixels.train(more);
    }

    @Test
    void itIsTrainedOnLabelledPixelsAndSegmentsPictures() throws IOException {
        CommandRun run = train();
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("8 pictures of 2 classes").contains(", mIoU ");
        assertThat(directory.resolve("run/training.html"))
                .content()
                .contains("Mean intersection over union of each stage", "mIoU, %")
                .doesNotContain("op-1");

        CommandRun again =
                CommandRun.of("train", "--resume", "--out", directory.resolve("run"), "--epochs=4", "--eval-every=4");
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.err()).contains("going on at epoch 4").contains("epoch 4 of 4");

        CommandRun seen = CommandRun.of(
                "segment",
                "--model",
                directory.resolve("run/best"),
                "--out",
                directory.resolve("seen"),
                directory.resolve("data/images/val"));
        assertThat(seen.code()).as(seen.err()).isZero();
        assertThat(seen.out()).contains("2 pictures, 8 windows").contains("ground");
        assertThat(directory.resolve("seen/index.html")).content().contains("0-overlay.png", "ground", "stage 2");
        BufferedImage classes =
                ImageIO.read(directory.resolve("seen/1-classes.png").toFile());
        assertThat(classes.getColorModel()).isInstanceOf(IndexColorModel.class);
        assertThat(classes.getWidth()).isEqualTo(24);
        assertThat(classes.getRaster().getSample(12, 10, 0)).isBetween(0, 1);
    }

    @Test
    void aSegmenterIsTaughtByAnotherOne() throws IOException {
        CommandRun first = train();
        assertThat(first.code()).as(first.err()).isZero();
        Files.move(directory.resolve("run/best"), directory.resolve("teacher"));
        Files.move(directory.resolve("run"), directory.resolve("first"));
        CommandRun run = train("--teacher", directory.resolve("teacher"), "--epochs=1", "--class-weights=1,2");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err())
                .containsPattern("teacher: mIoU \\d+\\.\\d\\d % of 2 validation pictures")
                .contains("epoch 1 of 1");
        CommandRun on = CommandRun.of("train", "--resume", "--out", directory.resolve("run"), "--epochs=2");
        assertThat(on.code()).as(on.err()).isZero();
        assertThat(on.err()).containsPattern("teacher: mIoU \\d+\\.\\d\\d %, when the training began");
    }

    /** Of every layout, in a box: pictures of 24 by 20 become ones of 48 by 40. */
    @ParameterizedTest
    @ValueSource(strings = {"cityscapes", "voc"})
    void otherLayoutsAreTrainedToo(String layout) throws IOException {
        Path data = directory.resolve(layout);
        for (String part : List.of("train", "val")) {
            List<String> names = new ArrayList<>();
            for (int i = 0; i < (part.equals("train") ? 4 : 2); i++) {
                String name = part + i;
                names.add(name);
                boolean voc = layout.equals("voc");
                Path picture = data.resolve(
                        voc
                                ? "JPEGImages/" + name + ".jpg"
                                : "leftImg8bit/" + part + "/ulm/" + name + "_leftImg8bit.png");
                Path labels = data.resolve(
                        voc
                                ? "SegmentationClass/" + name + ".png"
                                : "gtFine/" + part + "/ulm/" + name + "_gtFine_labelTrainIds.png");
                Files.createDirectories(picture.getParent());
                Files.createDirectories(labels.getParent());
                Files.copy(directory.resolve("data/images/" + part + "/" + i + ".png"), picture);
                Files.copy(directory.resolve("data/annotations/" + part + "/" + i + ".png"), labels);
            }
            Path list = data.resolve("ImageSets/Segmentation/" + part + ".txt");
            Files.createDirectories(list.getParent());
            Files.write(list, names);
        }
        Files.move(directory.resolve("data"), directory.resolve("first"));
        Files.move(data, directory.resolve("data"));

        CommandRun run = train("--epochs=1", "--img-scale=48,40");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("4 pictures of " + (layout.equals("voc") ? 21 : 19) + " classes")
                .contains(", mIoU ");
        CommandRun on = CommandRun.of("train", "--resume", "--out", directory.resolve("run"), "--epochs=2");
        assertThat(on.code()).as(on.err()).isZero();
        assertThat(on.err()).contains("epoch 2 of 2");
    }

    @Test
    void otherPicturesThanBeforeAreRefused() throws IOException {
        assertThat(train("--epochs=0").code()).isZero();
        Files.delete(directory.resolve("data/images/train/3.png"));
        CommandRun run = CommandRun.of("train", "--resume", "--out", directory.resolve("run"), "--epochs=9");
        assertThat(run.code()).as(run.err()).isNotZero();
        assertThat(run.err()).contains("not the pictures of the training in");
    }

    @Test
    void labelledPixelsAndASegmenterBelongTogether() throws IOException {
        Files.writeString(directory.resolve("recipe.yaml"), "schedule: {epochs: 1}\n");
        assertThat(train().err()).contains("has labelled pixels, of which a ThinkingViT learns nothing");

        pixels = TinyPixels.write(directory);
        Files.move(directory.resolve("data/annotations"), directory.resolve("elsewhere"));
        Files.createDirectories(directory.resolve("classes"));
        Files.move(directory.resolve("data/images"), directory.resolve("classes/images"));
        CommandRun run = CommandRun.of(
                "train",
                "--data",
                directory.resolve("classes/images"),
                "--recipe",
                directory.resolve("recipe.yaml"),
                "--out",
                directory.resolve("run"));
        assertThat(run.err()).contains("a Thinking Segmenter learns from labelled pixels");
    }

    @Test
    void thePageLinksFilesOfAnyName() throws IOException {
        write(new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB), "a%20b#c?d.png");
        CommandRun run = CommandRun.of(
                "segment", "--model", MODEL, "--out", directory.resolve("seen"), directory.resolve("a%20b#c?d.png"));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(directory.resolve("seen/a%20b#c?d-overlay.png")).exists();
        assertThat(directory.resolve("seen/index.html")).content().contains("src=\"a%2520b%23c%3Fd-overlay.png\"");
    }

    @Test
    void windowsAndShareOfClassesAreToldAsJson() throws IOException {
        write(new BufferedImage(90, 40, BufferedImage.TYPE_INT_RGB), "one.png");
        CommandRun run = CommandRun.of(
                "segment",
                "--json",
                "--model",
                MODEL,
                "--out",
                directory.resolve("seen"),
                "--threshold",
                "99",
                "--scales",
                "1,0.5",
                "--flip",
                directory.resolve("one.png"));
        assertThat(run.code()).as(run.err()).isZero();
        JsonNode root = JsonMapper.shared().readTree(run.out());
        assertThat(root.get("classes")).hasSize(6);
        JsonNode picture = root.get("images").get(0);
        assertThat(picture.get("size").toString()).isEqualTo("[40,90]");
        // 2 by 4 windows of 32 at stride 24; 20 by 45 pixels are enlarged to 32 by 72: 1 by 3; each twice
        assertThat(picture.get("windows")).hasSize(2 * (2 * 4 + 3));
        assertThat(picture.get("windows_by_stage").toString()).isEqualTo("[22,0]");
        double sum = 0;
        for (JsonNode share : picture.get("shares")) {
            sum += share.get("share").asDouble();
        }
        assertThat(sum).isBetween(0.999, 1.001);
    }

    @Test
    void whatCannotBeSegmentedIsSaidInOneLine() throws IOException {
        Path out = directory.resolve("seen");
        Path picture = directory.resolve("data/images/val/0.png");
        assertThat(CommandRun.of("segment", "--model", MODEL, "--out", out, "--whole", "--window", "32", picture)
                        .err())
                .contains("--whole takes pictures without windows");
        assertThat(CommandRun.of("segment", "--model", MODEL, "--out", out, "--stride", "33", picture)
                        .err())
                .contains("the stride of windows of 32 pixels must lie between 1 and 32, got 33");
        assertThat(CommandRun.of("segment", "--model", CommandRun.REFERENCE.resolve("vit-3h-6h"), "--out", out, picture)
                        .err())
                .contains("a ThinkingViT names pictures, not their pixels; a Segmenter is required");
        write(new BufferedImage(1, 60000, BufferedImage.TYPE_INT_RGB), "line.png");
        CommandRun line = CommandRun.of(
                "segment", "--model", MODEL, "--window", 64, "--out", out, directory.resolve("line.png"), picture);
        assertThat(line.code()).isEqualTo(Main.FAILED);
        assertThat(line.err())
                .contains("line.png: does not fit: it has 1x60000 pixels and would have to be enlarged to 64x3840000");
        assertThat(line.out()).contains("1 picture, ");
        Files.writeString(directory.resolve("broken.png"), "no picture");
        CommandRun broken = CommandRun.of("segment", "--model", MODEL, "--out", out, directory.resolve("broken.png"));
        assertThat(broken.code()).isEqualTo(Main.FAILED);
        assertThat(broken.err()).contains("broken.png");
    }

    @Test
    void picturesOfOneNameAreToldApartByTheirFolders() throws IOException {
        write(new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB), "streets/ulm/one.png");
        write(noise(40, 40), "streets/bonn/one.png");
        write(noise(40, 40), "streets/bonn/two.png");
        Path out = directory.resolve("seen");
        CommandRun run = CommandRun.of("segment", "--model", MODEL, "--out", out, directory.resolve("streets"));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(out.resolve("ulm-one-overlay.png")).exists();
        assertThat(out.resolve("bonn-one-classes.png")).exists();
        assertThat(out.resolve("two-windows.png")).exists();
        assertThat(out.resolve("index.html"))
                .content()
                .contains("streets/ulm/one.png")
                .contains(">two.png<");

        write(noise(40, 40), "streets/bonn/one.gif.png");
        Files.move(directory.resolve("streets/bonn/one.gif.png"), directory.resolve("streets/bonn/one.jpg"));
        refuses("have the same name", "segment", "-m", MODEL, "--out", out, directory.resolve("streets"));
    }

    @Test
    void aPictureThatIsTooLargeToBeTakenWholeIsSkipped() throws IOException {
        write(new BufferedImage(5000, 2, BufferedImage.TYPE_INT_RGB), "long.png");
        write(new BufferedImage(30, 20, BufferedImage.TYPE_INT_RGB), "short.png");
        CommandRun run = CommandRun.of(
                "segment",
                "--whole",
                "--model",
                MODEL,
                "--out",
                directory.resolve("seen"),
                directory.resolve("long.png"),
                directory.resolve("short.png"));
        assertThat(run.err())
                .contains("long.png: does not fit: it has 5000x2 pixels: pictures and windows of at most 4096");
        assertThat(run.out()).contains("1 picture, 1 window, which ended at").contains("short.png: ");
    }

    @Test
    void sizesBeyondAllMemoryAreRefusedInWords() {
        Path out = directory.resolve("seen");
        Path picture = directory.resolve("data/images/val/0.png");
        refuses("windows of at most 4096", "segment", "-m", MODEL, "--out", out, "--window", 5000, picture);
        refuses("at most 134 million pixels", "segment", "-m", MODEL, "--out", out, "--resize", 1_000_000_000, picture);
    }

    @Test
    void aBudgetThatIsTooSmallNamesWhatAPictureTakes() throws IOException {
        Path model = trained();
        Path data = directory.resolve("data");
        JsonNode root = json("calibrate", "--data", data, "--model", model, "--target", "stage2=0", "--save", "--json");
        String least = new BigDecimal(root.get("gmacs").asDouble())
                .round(new MathContext(4))
                .toPlainString();
        refuses(
                "--budget 0.0000001 is not enough: by the model's calibration a picture takes " + least,
                "segment",
                "-m",
                model,
                "--out",
                directory.resolve("seen"),
                "--budget",
                "1e-7",
                data.resolve("images/val/0.png"));
    }

    /** A Segmenter that has learnt the set a little. */
    private Path trained() {
        CommandRun run = train();
        assertThat(run.code()).as(run.err()).isZero();
        return directory.resolve("run/best");
    }

    private static JsonNode json(Object... arguments) {
        CommandRun run = CommandRun.of(arguments);
        assertThat(run.code()).as(run.err()).isZero();
        return JsonMapper.shared().readTree(run.out());
    }

    @Test
    void itIsEvaluatedAtManyThresholdsFromOneRecording() throws IOException {
        Path model = trained();
        Path data = directory.resolve("data");
        Path csv = directory.resolve("sweep.csv");
        JsonNode root = json("evaluate", "--data", data, "--model", model, "--json", "--csv", csv);
        assertThat(root.get("part").asString()).isEqualTo("val");
        assertThat(root.get("images").asInt()).isEqualTo(2);
        assertThat(root.get("windows").asInt()).isEqualTo(2 * 2 * 2);
        assertThat(root.get("pixels").asInt()).isEqualTo(2 * 23 * 20); // the border is left out
        assertThat(root.get("classes").get(1).get("name").asString()).isEqualTo("ground");
        JsonNode rows = root.get("thresholds");
        JsonNode always = rows.get(0);
        JsonNode never = rows.get(rows.size() - 1);
        assertThat(always.get("windows_by_stage").toString()).isEqualTo("[0,8]");
        assertThat(never.get("windows_by_stage").toString()).isEqualTo("[8,0]");
        for (String key : new String[] {"miou", "pixel_accuracy", "mean_accuracy", "gmacs", "iou", "accuracy"}) {
            assertThat(always.get(key))
                    .as(key)
                    .isEqualTo(root.get("stages").get(1).get(key));
            assertThat(never.get(key))
                    .as(key)
                    .isEqualTo(root.get("stages").get(0).get(key));
        }
        assertThat(always.get("gmacs").asDouble())
                .isEqualTo(4 * always.get("gmacs_per_window").asDouble());
        assertThat(Files.readAllLines(csv))
                .hasSize(rows.size() + 1)
                .first()
                .asString()
                .startsWith("threshold,miou,");

        CommandRun text = CommandRun.of(
                "evaluate", "--data", data, "--model", model, "--part", "train", "--limit", 3, "--thresholds", "0,0.5");
        assertThat(text.code()).as(text.err()).isZero();
        assertThat(text.out()).contains("mIoU %", "* 0.5", "* the model's own threshold", "ground");
    }

    @Test
    void aReportShowsItsCurvesClassesAndUncertainPictures() throws IOException {
        Path model = trained();
        Path report = directory.resolve("report");
        CommandRun run =
                CommandRun.of("evaluate", "--data", directory.resolve("data"), "--model", model, "--report", report);
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(report.resolve("index.html"))
                .content()
                .contains("mIoU over GMACs a picture", "Windows that end at each stage by threshold")
                .contains("windows of 16 pixels, every 12", "always to stage 2", ">ground<")
                .contains("Most uncertain pictures", "prediction for 0.png", "data:image/png;base64,")
                .doesNotContain("{{");
        assertThat(report.resolve("sweep.csv")).exists();
    }

    @Test
    void aThresholdIsCalibratedOnItsMeanIouAndKeptWithIt() throws IOException {
        Path model = trained();
        Path data = directory.resolve("data");
        JsonNode root =
                json("calibrate", "--data", data, "--model", model, "--target", "stage2=50%", "--save", "--json");
        assertThat(root.get("stage2_share").asDouble()).isLessThanOrEqualTo(0.5);
        assertThat(root.get("gmacs").asDouble())
                .isLessThan(root.get("always_think").get("gmacs").asDouble());
        double threshold = root.get("threshold").asDouble();

        JsonNode info = json("info", "--json", model);
        assertThat(info.get("routing").get("thresholds").get(0).asDouble()).isEqualTo(threshold);
        JsonNode scored = json("evaluate", "--data", data, "--model", model, "--thresholds", threshold, "--json");
        assertThat(scored.get("model_thresholds").get(0).asDouble()).isEqualTo(threshold);
        JsonNode row = scored.get("thresholds").get(0);
        for (String key : new String[] {"miou", "pixel_accuracy", "gmacs", "gmacs_per_window"}) {
            assertThat(row.get(key)).as(key).isEqualTo(root.get(key));
        }
        JsonNode seen = json(
                "segment", "--json", "--model", model, "--out", directory.resolve("seen"), data.resolve("images/val"));
        int early = 0;
        for (JsonNode picture : seen.get("images")) {
            early += picture.get("windows_by_stage").get(0).asInt();
        }
        assertThat(early).isEqualTo(row.get("windows_by_stage").get(0).asInt());

        assertThat(Files.exists(model.resolve("int8.ranges"))).isEqualTo(Precision.INT8.isHere());
        if (Precision.INT8.isHere()) {
            JsonNode rounded = json(
                    "evaluate", "--data", data, "--model", model, "--precision", "int8", "--thresholds=0", "--json");
            assertThat(rounded.get("precision").asString()).isEqualTo("int8");
        }

        CommandRun text = CommandRun.of("calibrate", "--data", data, "--model", model, "--target", "accuracy-drop=0");
        assertThat(text.out()).contains("mIoU %", "always thinking");
        assertThat(CommandRun.of("calibrate", "--data", data, "--model", model, "--target", "gmacs=0")
                        .err())
                .contains("gmacs=0.0 cannot be reached");
    }

    @Test
    void whatIsAskedOfAModelOfTheOtherKindIsRefusedInOneLine() throws IOException {
        Path vit = CommandRun.REFERENCE.resolve("vit-3h-6h");
        Path data = directory.resolve("data");
        Path picture = data.resolve("images/val/0.png");
        refuses("names the pixels of pictures: 'thinkingvit segment --model", "classify", "-m", MODEL, picture);
        refuses("names the pixels of pictures: 'thinkingvit segment --model", "embed", "-m", MODEL, picture);
        refuses(
                "names pictures, not their pixels; a Segmenter is required. 'thinkingvit classify --model",
                "segment",
                "-m",
                vit,
                "--out",
                directory.resolve("seen"),
                picture);
        refuses("has labelled pixels, of which a ThinkingViT names none", "evaluate", "--data", data, "--model", vit);
        refuses(
                "--stride is for models that name pixels; a ThinkingViT names pictures",
                "evaluate",
                "--data",
                data,
                "--model",
                vit,
                "--stride",
                8);
        Object[][] others = {
            {"--dataset", "imagenet"},
            {"--class-map", picture},
            {"--valid-labels", picture},
            {"--real-labels", picture},
            {"--retry"},
            {"--input-size", 32},
            {"--crop-pct", 0.5},
            {"--interpolation", "bicubic"},
            {"--measure"},
            {"--predictions", directory.resolve("p.jsonl")},
            {"--results-file", directory.resolve("r.csv")}
        };
        for (Object[] other : others) {
            Object[] arguments = new Object[5 + other.length];
            System.arraycopy(new Object[] {"evaluate", "--data", data, "--model", MODEL}, 0, arguments, 0, 5);
            System.arraycopy(other, 0, arguments, 5, other.length);
            refuses(other[0] + " is for models that name pictures; a Thinking Segmenter names their pixels", arguments);
        }
    }

    private static void refuses(String words, Object... arguments) {
        CommandRun run = CommandRun.of(arguments);
        assertThat(run.code()).as(words).isNotZero();
        assertThat(run.err()).contains(words);
        assertThat(run.err().lines().filter(line -> line.startsWith("thinkingvit: ") || line.contains("rror")))
                .as(run.err())
                .hasSizeLessThanOrEqualTo(1);
    }

    @Test
    void dataThatDoesNotFitIsRefusedInOneLine() throws IOException {
        Path data = directory.resolve("data");
        refuses(
                "data: has 2 classes, the model has 6: as many are required",
                "evaluate",
                "--data",
                data,
                "--model",
                MODEL);
        Path model = trained();
        refuses("the parts that are there: train, val", "evaluate", "--data", data, "--part", "test", "--model", model);
        Files.writeString(data.resolve("labels.txt"), "ground\nsky\n-border\n");
        refuses("its class 0 is 'ground', the model's is 'sky'", "evaluate", "--data", data, "--model", model);
        Files.writeString(data.resolve("labels.txt"), "sky\nground\n");
        refuses("none of the 2 pictures can be read; the first: ", "evaluate", "--data", data, "--model", model);
        refuses("has the number 2, which is no class", "evaluate", "--data", data, "--model", model);
        Files.writeString(data.resolve("labels.txt"), "sky\nground\n-border\n");
        Files.delete(data.resolve("annotations/val/1.png"));
        refuses("1.png: has no annotation", "evaluate", "--data", data, "--model", model);
        refuses("is no data set of labelled pixels", "evaluate", "--data", data.resolve("images"), "--model", model);
    }

    @Test
    void anExportedOneSeesTheSameByWindowsOfItsSize() throws IOException {
        Path exported = directory.resolve("exported");
        CommandRun export = CommandRun.of("export", "--format", "onnx", "--model", MODEL, "--out", exported);
        assertThat(export.code()).as(export.err()).isZero();
        write(noise(90, 40), "noise.png");
        for (Path model : new Path[] {MODEL, exported}) {
            CommandRun run = CommandRun.of(
                    "segment",
                    "--model",
                    model,
                    "--out",
                    directory.resolve("seen-" + model.getFileName()),
                    directory.resolve("noise.png"));
            assertThat(run.code()).as(run.err()).isZero();
        }
        assertThat(directory.resolve("seen-exported/noise-classes.png"))
                .hasSameBinaryContentAs(directory.resolve("seen-segmenter-window/noise-classes.png"));
        refuses(
                "--whole: an exported model takes windows of 32 pixels alone",
                "segment",
                "--whole",
                "--model",
                exported,
                "--out",
                directory.resolve("seen"),
                directory.resolve("noise.png"));
    }

    private static BufferedImage noise(int width, int height) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < width * height; i++) {
            image.setRGB(i % width, i / width, random.nextInt(1 << 24));
        }
        return image;
    }
}
