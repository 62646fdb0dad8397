package dev.thinkingvit.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Recipe;
import java.awt.image.BufferedImage;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whether what is compared computes the same, and whether the numbers come out; never how fast. */
@NullUnmarked // a null fails the test
class TrainingBenchmarkTest {
    private static final Recipe RECIPE = Recipe.DEFAULT
            .with("lr", 1e-3)
            .with("stages", List.of(1, 2))
            .with("head_dim", 8)
            .with("depth", 2)
            .with("img_size", 16)
            .with("batch_size", 6)
            .with("model_ema_decay", 0.9)
            .with("precision", "fp32");

    @TempDir
    private Path folder;

    @Test
    void theBaselineAndOursDescendAlike() {
        // Ours spares some parameters the decay; and a small epsilon makes steps of what is but rounding.
        Recipe recipe = RECIPE.with("weight_decay", 0.0).with("opt_eps", 1e-4);
        ThinkingViTConfig config = ThinkingViTConfig.of(recipe.network().config(5));
        Map<String, HostTensor> weights;
        try (NestedNetwork model = NestedNetwork.initialise(config, 3)) {
            weights = model.stateDict();
        }
        SyntheticBatch batch = SyntheticBatch.draw(config, 6, 4);
        try (OursInMemory ours = new OursInMemory("ours", recipe, config, weights, batch);
                NaiveTraining naive = new NaiveTraining("naive", recipe, config, weights, batch)) {
            for (int step = 0; step < 4; step++) {
                ours.settle();
                List<Double> found = ours.losses();
                naive.settle();
                List<Double> expected = naive.losses();
                for (int stage = 0; stage < 2; stage++) {
                    assertThat(found.get(stage))
                            .as("stage %d, step %d", stage + 1, step)
                            .isCloseTo(expected.get(stage), within(1e-5));
                }
            }
            assertThat(ours.losses().get(1)).as("it learns").isLessThan(Math.log(5));
        } finally {
            Threads.OURS.settle();
        }
    }

    @Test
    void everyWayToTrainGetsARowWithItsRatios() throws Exception {
        for (int i = 0; i < 12; i++) {
            Path pictures = Files.createDirectories(folder.resolve(i % 2 == 0 ? "a" : "b"));
            ImageIO.write(
                    new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB),
                    "png",
                    pictures.resolve(i + ".png").toFile());
        }
        TrainingBenchmark.Subject tiny = new TrainingBenchmark.Subject("tiny", RECIPE, 2, 3, ImageFolder.open(folder));
        TrainingReport report = new TrainingBenchmark(
                        List.of(tiny), Set.of(Precision.FP32), new Turns(2, 0), List.of("something"))
                .run((turn, contender) -> {});
        assertThat(report.rows())
                .extracting(TrainingReport.Row::how)
                .containsExactly("baseline, in memory", "ours, in memory", "ours, files, augmented");
        assertThat(report.rows()).allSatisfy(row -> {
            assertThat(row.imagesPerSecond()).isPositive().isBetween(row.slowest(), row.fastest());
            assertThat(row.cpuMillisPerImage()).isNotNegative(); // the clock moves in steps of 10 ms
            assertThat(row.timesBaseline())
                    .isCloseTo(row.imagesPerSecond() / report.rows().get(0).imagesPerSecond(), within(1e-9));
            assertThat(row.shareOfLimit())
                    .isCloseTo(row.gflopsPerSecond() / report.limits().get(Precision.FP32), within(1e-9));
        });
        StringWriter printed = new StringWriter();
        report.print(new PrintWriter(printed));
        assertThat(printed.toString()).contains("tiny").contains("× 1.00").contains("skipped: something");
        JsonNode json = new JsonMapper().readTree(new JsonMapper().writeValueAsString(report));
        assertThat(json.get("machine").get("cores").asInt()).isPositive();
        assertThat(json.get("rows")).hasSize(3);
    }

    @Test
    void whereTokensHaltTheyAreMaskedAndRemoved() throws Exception {
        Recipe halting = Subjects.recipe("../recipes/cifar10-avit-3h-6h.yaml")
                .with("batch_size", 2)
                .with("distr_prior_alpha", 0);
        TrainingBenchmark.Subject small = new TrainingBenchmark.Subject("small", halting, 2, 3, null);
        TrainingReport report = new TrainingBenchmark(
                        List.of(small), Set.of(Precision.FP32), new Turns(1, 0), List.of())
                .run((turn, contender) -> {});

        assertThat(report.rows())
                .extracting(TrainingReport.Row::how)
                .containsExactly("ours, in memory", "ours, halted removed");
    }

    @Test
    void anArchitectureThatTheBaselineIsNotOfIsTrainedWithoutIt() throws Exception {
        Recipe swin = Subjects.recipe("../recipes/cifar10-swin.yaml").with("batch_size", 2);
        TrainingBenchmark.Subject small = new TrainingBenchmark.Subject("a-small-swin", swin, 2, 3, null);
        TrainingReport report = new TrainingBenchmark(
                        List.of(small), Set.of(Precision.FP32), new Turns(1, 0), List.of())
                .run((turn, contender) -> {});
        assertThat(report.rows()).extracting(TrainingReport.Row::how).containsExactly("ours, in memory");
        StringWriter printed = new StringWriter();
        report.print(new PrintWriter(printed));
        String[] lines = printed.toString().split("\\R", -1);
        int heading = IntStream.range(0, lines.length)
                .filter(line -> lines[line].startsWith("model "))
                .findFirst()
                .orElseThrow();
        assertThat(lines[heading + 1]).startsWith("a-small-swin ours");
        assertThat(lines[heading].indexOf("training")).isEqualTo(lines[heading + 1].indexOf("ours"));
        assertThat(printed.toString())
                .contains("skipped: baseline of a-small-swin: it is the port of a ThinkingViT, not of a Thinking Swin");
    }

    @Test
    void operationsAreSixForEachMultiplyAccumulateOfAllStages() throws Exception {
        TrainingBenchmark.Subject tiny = new TrainingBenchmark.Subject("tiny", RECIPE, 2, 3, null);
        TrainingReport.Row row = new TrainingBenchmark(
                        List.of(tiny), Set.of(Precision.FP32), new Turns(1, 0), List.of())
                .run((turn, contender) -> {})
                .rows()
                .get(0);
        ThinkingViTConfig config = ThinkingViTConfig.of(RECIPE.network().config(2));
        assertThat(row.gflopsPerSecond() / row.imagesPerSecond())
                .isCloseTo(6e-9 * (config.macs(1) + config.macs(2)), within(1e-12));
    }

    @Test
    void anUnknownModelIsAUsageError() {
        StringWriter err = new StringWriter();
        int exit = Main.run(new PrintWriter(new StringWriter()), new PrintWriter(err), "training", "--models", "huge");
        assertThat(exit).isEqualTo(2);
        assertThat(err.toString()).contains("no model 'huge'");
    }
}
