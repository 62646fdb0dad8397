package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Evaluating tars, several models, and with too little memory. */
@NullUnmarked // a null fails the test
class EvaluateSeriesTest {
    private static final int PICTURES = 24;

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it
    private static Path folder;

    @SuppressWarnings("NullAway.Init") // made before all tests
    private static Path data;

    @SuppressWarnings("NullAway.Init")
    private static Path models;

    @BeforeAll
    static void makeModelsAndPictures() throws IOException {
        data = folder.resolve("data");
        SplittableRandom random = new SplittableRandom(1);
        for (String name : List.of("cat", "dog", "owl")) {
            Files.createDirectories(data.resolve(name));
            for (int i = 0; i < PICTURES / 3; i++) {
                BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
                for (int pixel = 0; pixel < 256; pixel++) {
                    image.setRGB(pixel % 16, pixel / 16, random.nextInt(0x1000000));
                }
                ImageIO.write(
                        image, "png", data.resolve(name).resolve(i + ".png").toFile());
            }
        }
        models = folder.resolve("models");
        for (int seed = 1; seed <= 2; seed++) {
            model(models.resolve("seed" + seed), 16, 8, seed);
        }
    }

    private static Path model(Path to, int size, int patch, int seed) throws IOException {
        ThinkingViTConfig shape = new ThinkingViTConfig(size, patch, 32, 2, 4, List.of(2, 4), 3, 1e-6);
        ModelConfig config = ModelConfig.of(shape)
                .withPreprocessing(Preprocessing.imagenet(size, 1.0))
                .withLabels(List.of("owl", "dog", "cat"));
        try (NestedNetwork network = NestedNetwork.initialise(shape, seed)) {
            ModelDirectory.write(to, config, network.stateDict());
        }
        return to;
    }

    @Test
    void aTarScoresWhatItsFolderScores() throws IOException {
        Path tar = folder.resolve("data.tar");
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(Files.newOutputStream(tar));
                Stream<Path> files = Files.walk(data)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                String name = folder.relativize(file).toString();
                out.putArchiveEntry(out.createArchiveEntry(file, name));
                if (Files.isRegularFile(file)) {
                    Files.copy(file, out);
                }
                out.closeArchiveEntry();
            }
        }
        List<String> csvs = new ArrayList<>();
        List<String> pages = new ArrayList<>();
        for (Path set : List.of(data, tar)) {
            Path csv = folder.resolve("sweep.csv");
            Path report = folder.resolve("report-" + set.getFileName());
            CommandRun run = CommandRun.of(
                    "evaluate", "--data", set, "--model", models.resolve("seed1"), "--csv", csv, "--report", report);
            assertThat(run.code()).as(run.err()).isZero();
            csvs.add(Files.readString(csv));
            pages.add(Files.readString(report.resolve("index.html")).replace(set.toString(), "DATA"));
        }
        assertThat(csvs.get(1)).isEqualTo(csvs.get(0));
        assertThat(pages.get(1)).isEqualTo(pages.get(0));
        assertThat(CommandRun.of("evaluate", "--data", tar, "--csv", tar).err())
                .contains("would be lost; write to another file");
    }

    @Test
    void theModelsOfAFolderAreScoredAndABrokenOneIsPassedOver() throws IOException {
        Path broken = Files.writeString(models.resolve("broken.pth"), "no checkpoint");
        Path csv = folder.resolve("results.csv");
        Path json = folder.resolve("results.json");
        try {
            CommandRun run = CommandRun.of("evaluate", "--data", data, "--model", models, "--results-file", csv);
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.err()).contains("passed over: " + broken + ": is neither", "1 of 3 models");
            assertThat(Files.readAllLines(csv))
                    .hasSize(4)
                    .first()
                    .asString()
                    .startsWith("model,top1,top1_err,top5,top5_err,param_count,img_size,crop_pct,interpolation,");
        } finally {
            Files.delete(broken);
        }
        CommandRun run = CommandRun.of(
                "evaluate", "--data", data, "--model", models.resolve("*"), "--results-file", json, "--json");
        assertThat(run.code()).as(run.err()).isZero();
        JsonNode rows = JsonMapper.builder().build().readTree(Files.readString(json));
        assertThat(JsonMapper.builder().build().readTree(run.out())).isEqualTo(rows);
        assertThat(rows).hasSize(2);
        assertThat(rows.get(0).get("top1").asDouble())
                .isGreaterThanOrEqualTo(rows.get(1).get("top1").asDouble());
        assertThat(rows.get(0).get("images").asInt()).isEqualTo(PICTURES);
        assertThat(rows.get(0).has("stage2_top1")).isTrue();
    }

    @Test
    void aSegmenterAmongThemIsLeftOut() throws IOException {
        Path zoo = Files.createDirectories(folder.resolve("zoo"));
        for (String name : List.of("pixels", "more-pixels")) {
            Files.createSymbolicLink(
                    zoo.resolve(name),
                    CommandRun.REFERENCE.resolve("segmenter-window").toAbsolutePath());
        }
        CommandRun none = CommandRun.of("evaluate", "--data", data, "--model", zoo);
        assertThat(none.code()).isEqualTo(1);
        assertThat(none.err()).contains("none of the models names pictures: nothing was scored");
        assertThat(none.out()).isEmpty();

        model(zoo.resolve("pictures"), 16, 8, 1);
        CommandRun run = CommandRun.of("evaluate", "--data", data, "--model", zoo);
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("left out: a Thinking Segmenter names pixels")
                .doesNotContain("could not be scored");
        assertThat(run.out()).contains("pictures").doesNotContain("pixels");
    }

    @Test
    void oneModelsResultsAreWrittenToo() throws IOException {
        Path file = folder.resolve("one.csv");
        CommandRun run = CommandRun.of(
                "evaluate",
                "--data",
                data,
                "--model",
                models.resolve("seed1"),
                "--thresholds",
                "0,9",
                "--results-file",
                file);
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void whatIsForOneModelIsRefusedForSeveral() {
        CommandRun run = CommandRun.of("evaluate", "--data", data, "--model", models, "--csv", folder.resolve("x.csv"));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--csv: is for one model");
    }

    @Test
    void whereMemoryEndsHalfTheBatchScoresTheSame() throws IOException, InterruptedException {
        Path large = model(folder.resolve("large"), 640, 128, 1); // 5 MB a picture
        Path roomy = inProcessOf("600m", large, "roomy.csv");
        Path tight = inProcessOf("96m", large, "tight.csv", "--retry");

        assertThat(Files.readString(folder.resolve("tight.csv.err")))
                .contains("memory ended with --batch-size " + PICTURES + "; trying again with " + PICTURES / 2);
        assertThat(Files.readString(tight)).isEqualTo(Files.readString(roomy));
    }

    /** Evaluates in a Java of its own with that much memory. */
    private static Path inProcessOf(String memory, Path model, String name, String... more)
            throws IOException, InterruptedException {
        Path csv = folder.resolve(name);
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + memory,
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "evaluate",
                "--data",
                data.toString(),
                "--model",
                model.toString(),
                "--workers",
                "1",
                "--batch-size",
                Integer.toString(PICTURES),
                "--csv",
                csv.toString()));
        command.addAll(List.of(more));
        Path err = folder.resolve(name + ".err");
        Process process = new ProcessBuilder(command)
                .redirectOutput(folder.resolve(name + ".out").toFile())
                .redirectError(err.toFile())
                .start();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(err)).isZero();
        return csv;
    }
}
