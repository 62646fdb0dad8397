package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.run.RunInventory;
import dev.thinkingvit.tensor.HostTensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a training of a Segmenter refuses, and what it goes on with. */
@NullUnmarked // a null fails the test
class SegmenterTrainingTest {
    @TempDir
    Path directory;

    private TinyPixels pixels;

    @BeforeEach
    void writeASet() throws IOException {
        pixels = TinyPixels.write(directory);
    }

    private static void refuses(String words, CommandRun run) {
        assertThat(run.code()).as(run.err()).isNotZero();
        assertThat(run.err()).contains(words);
    }

    @Test
    void rowsOfTheHeadKeepTheirClassesWhenATrainingGoesOn() throws IOException {
        assertThat(pixels.train("--epochs=1").code()).isZero();
        pixels.labels("ground", "sky", "-border");
        refuses("its annotations stand for other classes than when the training in", pixels.goOn("--epochs=2"));
        pixels.labels("sky", "-ground", "border");
        refuses("its annotations stand for other classes than when the training in", pixels.goOn("--epochs=2"));
        pixels.labels("sky", "ground", "-border");
        CommandRun run = pixels.goOn("--epochs=2");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("epoch 2 of 2");
    }

    @Test
    void otherAnnotationsThanBeforeAreRefused() throws IOException {
        assertThat(pixels.train("--epochs=1").code()).isZero();
        pixels.annotate("train/3.png", 1);
        refuses("of class 'annotations of train' 1 picture is of", pixels.goOn("--epochs=2"));
    }

    /** Of a run that noted pictures alone, as older ones did. */
    @Test
    void aRunThatNotedNoAnnotationsGoesOn() throws IOException {
        assertThat(pixels.train("--epochs=1").code()).isZero();
        RunInventory noted = RunInventory.read(directory.resolve("run")).orElseThrow();
        new RunInventory(
                        noted.training().subList(0, 1),
                        noted.leftOut(),
                        noted.heldOut(),
                        noted.validation().subList(0, 1),
                        noted.otherNames(),
                        Map.of())
                .write(directory.resolve("run"));
        CommandRun run = pixels.goOn("--epochs=2");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(RunInventory.read(directory.resolve("run")).orElseThrow().training())
                .hasSize(2);
    }

    @Test
    void anAnnotationThatCouldNotBeReadMayBeMended() throws IOException {
        Path annotation = directory.resolve("data/annotations/train/3.png");
        byte[] whole = Files.readAllBytes(annotation);
        pixels.annotate("train/3.png", 9);
        refuses(
                "the training is saved and goes on with --resume when they are back",
                pixels.train("--epochs=2", "--batch-size=2"));
        pixels.write(new BufferedImage(23, 20, BufferedImage.TYPE_BYTE_GRAY), "data/annotations/train/3.png");
        CommandRun unfit = pixels.goOn();
        refuses("does not fit: it has 24x20 pixels, its annotation has 23x20", unfit);
        assertThat(unfit.err()).doesNotContain("--crop");
        Files.write(annotation, whole);
        CommandRun run = pixels.goOn();
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("epoch 2 of 2");
    }

    @Test
    void validationWithoutALabelledPixelEndsIt() throws IOException {
        pixels.annotate("val/0.png", 255);
        CommandRun one = pixels.train("--epochs=1");
        assertThat(one.code()).as(one.err()).isZero();
        Files.move(directory.resolve("run"), directory.resolve("first"));
        pixels.annotate("val/1.png", 2);
        refuses("none of the pixels that are validated on are labelled", pixels.train("--epochs=1"));
    }

    @Test
    void whatPixelsAreNotTaughtByIsRefused() {
        refuses("validated on their own part val, not on --holdout", pixels.train("--holdout=2"));
        refuses("smoothing is for pictures of one class", pixels.train("--smoothing=0.1"));
        refuses("mixup is for pictures of one class", pixels.train("--mixup=0.8"));
    }

    /** Where labels are, and which classes weigh more, differs from share to share. */
    @Test
    void inSharesABatchTeachesWhatItTeachesInOne() throws IOException {
        for (int i = 0; i < 3; i++) {
            pixels.annotate("train/" + i + ".png", 255);
        }
        List<Map<String, HostTensor>> weights = new ArrayList<>();
        for (int parts : new int[] {1, 4}) {
            CommandRun run = pixels.train(
                    "--epochs=2", "--class-weights=1,5", "--precision=fp32", "--grad-accum-steps=" + parts);
            assertThat(run.code()).as(run.err()).isZero();
            weights.add(Safetensors.read(directory.resolve("run/last/model.safetensors"))
                    .tensors());
            Files.move(directory.resolve("run"), directory.resolve("run" + parts));
        }
        weights.get(0)
                .forEach((name, tensor) -> assertThat(weights.get(1).get(name).toFloats())
                        .as(name)
                        .containsExactly(tensor.toFloats(), within(1e-5f)));
    }

    /** It has no threshold, but int8 needs what was measured all the same. */
    @Test
    void aSegmenterOfOneStageIsMeasuredForEightBits() throws IOException {
        CommandRun run = pixels.train("--model-kwargs", "thinking_stages=[2]", "--epochs=1");
        assertThat(run.code()).as(run.err()).isZero();
        Path model = directory.resolve("run/best");
        CommandRun asked = CommandRun.of("calibrate", "--data", pixels.data(), "--model", model, "--target", "gmacs=1");
        assertThat(asked.code()).isEqualTo(Main.USAGE);
        assertThat(asked.err()).contains("--target: a model of one stage has no threshold to calibrate; leave it out");

        CommandRun saved = CommandRun.of("calibrate", "--data", pixels.data(), "--model", model, "--save");
        assertThat(saved.code()).as(saved.err()).isZero();
        assertThat(saved.out()).contains("one stage, no threshold: mIoU ", "on 2 pictures in 8 windows");
        JsonNode json = JsonMapper.shared()
                .readTree(CommandRun.of("calibrate", "--data", pixels.data(), "--model", model, "--json")
                        .out());
        assertThat(json.get("miou").asDouble()).isBetween(0.0, 100.0);
        assertThat(json.has("threshold")).isFalse();
        if (Precision.INT8.isHere()) {
            CommandRun rounded = CommandRun.of(
                    "evaluate", "--data", pixels.data(), "--model", model, "--precision", "int8", "--json");
            assertThat(rounded.code()).as(rounded.err()).isZero();
        }
        CommandRun seen = CommandRun.of(
                "segment",
                "--model",
                model,
                "--out",
                directory.resolve("seen"),
                pixels.data().resolve("images/val/0.png"));
        assertThat(seen.out()).contains("1 picture, 4 windows; ").doesNotContain("stages 1 to 1");
    }

    @Test
    void calibrationTellsTheLoadOfEachStage() {
        CommandRun run =
                pixels.train("--model-kwargs", "thinking_stages=[1,2,3]", "embed_dim=24", "num_heads=3", "--epochs=1");
        assertThat(run.code()).as(run.err()).isZero();
        Path model = directory.resolve("run/best");
        CommandRun text =
                CommandRun.of("calibrate", "--data", pixels.data(), "--model", model, "--target", "stage3=50%");
        assertThat(text.out()).containsPattern("stage 2 % +[\\d.]+").containsPattern("stage 3 % +(50|[1-4]?\\d)\\.\\d");
        JsonNode json = JsonMapper.shared()
                .readTree(CommandRun.of(
                                "calibrate",
                                "--data",
                                pixels.data(),
                                "--model",
                                model,
                                "--target",
                                "stage3=50%",
                                "--json")
                        .out());
        assertThat(json.get("stage3_share").asDouble()).isLessThanOrEqualTo(0.5);
        assertThat(json.get("always_think").get("stage3_share").asDouble()).isEqualTo(1);
    }
}
