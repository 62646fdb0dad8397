package dev.thinkingvit.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whether what is compared computes the same, whether the numbers come out, and that nothing became grossly slower. */
@NullUnmarked // a null fails the test
class InferenceBenchmarkTest {
    /** When this was written, ours was 1.7 times the naive port at this size with all stages, and 6 to 7 with one. */
    private static final double LEAST_TIMES_NAIVE = 1.1;

    private static final double LEAST_TIMES_NAIVE_STOPPING = 2;

    @TempDir
    private Path folder;

    @AfterEach
    void settle() {
        Threads.OURS.settle();
    }

    private static InferenceBenchmark.Subject subject(Recipe recipe) {
        NetworkConfig network = recipe.network().config(5);
        try (NestedNetwork model = NestedNetwork.initialise(network, 3)) {
            return new InferenceBenchmark.Subject("tiny", ModelConfig.of(network), model.stateDict());
        }
    }

    private static InferenceBenchmark.Subject tiny() {
        return subject(Recipe.DEFAULT
                .with("stages", List.of(1, 2))
                .with("head_dim", 8)
                .with("depth", 2)
                .with("img_size", 16));
    }

    @ParameterizedTest
    @EnumSource(
            value = InferenceBenchmark.Way.class,
            names = {"OURS_FP32", "ONNX"})
    void allComputeTheSame(InferenceBenchmark.Way way) throws Exception {
        InferenceBenchmark.Subject subject = tiny();
        float[] images = SyntheticBatch.draw(subject.network(), 6, 4).images();
        try (NaiveInference naive = new NaiveInference(
                        "naive", ThinkingViTConfig.of(subject.network()), subject.weights(), images, 6);
                ElasticEngine engine = subject.engine(way);
                ElasticInference elastic = new ElasticInference("elastic", engine, images, 6, 6)) {
            naive.settle();
            List<float[]> expected = naive.logits();
            elastic.settle();
            List<Outcome> found = elastic.outcomes();
            for (int stage = 0; stage < 2; stage++) {
                for (int image = 0; image < 6; image++) {
                    float[] logits = found.get(image).stages().get(stage).logits();
                    for (int c = 0; c < 5; c++) {
                        assertThat(logits[c]).isCloseTo(expected.get(stage)[image * 5 + c], within(1e-4f));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"8, 8", "8, 3", "8, 0", "1, 0", "1, 1"})
    void asManyImagesGoOnAsAreAskedFor(int batch, int goOn) throws Exception {
        InferenceBenchmark.Subject subject = tiny();
        float[] images = SyntheticBatch.draw(subject.network(), batch, 4).images();
        try (ElasticEngine engine = subject.engine(InferenceBenchmark.Way.OURS_FP32);
                ElasticInference elastic = new ElasticInference("elastic", engine, images, batch, goOn)) {
            assertThat(elastic.outcomes().stream()
                            .filter(outcome -> outcome.stages().size() == 2))
                    .hasSize(goOn);
        }
    }

    /** What the page on performance says of it. */
    @Test
    void tokensOfTheDrawnAViTHaltAfterHalfOfTheBlocks() throws Exception {
        InferenceBenchmark.Subject halting = Subjects.named("avit-tiny");
        InferenceBenchmark.Subject plain = Subjects.named("deit-tiny");
        float[] images = SyntheticBatch.draw(halting.network(), 2, 1).images();
        try (ElasticEngine engine = halting.engine(InferenceBenchmark.Way.OURS_FP32);
                ElasticInference elastic = new ElasticInference("halting", engine, images, 2, 2)) {
            List<float[]> depths = elastic.outcomes().stream()
                    .map(outcome -> outcome.decisive().extras().get(Halting.TOKEN_DEPTH))
                    .toList();
            double mean = 0;
            for (float[] own : depths) {
                for (float depth : own) {
                    mean += depth / own.length / 2;
                    assertThat(depth).isBetween(2f, 12f);
                }
            }
            assertThat(mean).isBetween(5.7, 6.3);
            assertThat(depths.get(0)).isNotEqualTo(depths.get(1));
            assertThat(elastic.gmacs()).isLessThan(0.52 * plain.network().macs(1) / 1e9);
        }
    }

    @Test
    void everyWayGetsItsRowsWithTheirRatios() throws Exception {
        InferenceReport report = new InferenceBenchmark(
                        List.of(tiny()),
                        EnumSet.of(
                                InferenceBenchmark.Way.OURS_FP32,
                                InferenceBenchmark.Way.ONNX,
                                InferenceBenchmark.Way.NAIVE),
                        List.of(1, 4),
                        List.of(1.0, 0.5, 0.0),
                        new Turns(2, 0))
                .run((turn, contender) -> {});
        assertThat(report.rows())
                .extracting(row -> row.way() + " " + row.batch() + " " + row.goOn())
                .containsExactly(
                        "ours fp32 1 1.0",
                        "ours fp32 1 0.0",
                        "ours fp32 4 1.0",
                        "ours fp32 4 0.5",
                        "ours fp32 4 0.0",
                        "ONNX Runtime fp32 1 1.0",
                        "ONNX Runtime fp32 1 0.0",
                        "ONNX Runtime fp32 4 1.0",
                        "ONNX Runtime fp32 4 0.5",
                        "ONNX Runtime fp32 4 0.0",
                        "naive port fp32 1 1.0",
                        "naive port fp32 4 1.0");
        InferenceReport.Row half = report.rows().get(3);
        InferenceReport.Row all = report.rows().get(2);
        assertThat(half.timesPredicted())
                .isCloseTo(
                        (1 / half.imagesPerSecond()) / (1 / all.imagesPerSecond() * half.gmacs() / all.gmacs()),
                        within(1e-9));
        assertThat(half.timesNaive())
                .isCloseTo(half.imagesPerSecond() / report.rows().get(11).imagesPerSecond(), within(1e-9));
        StringWriter printed = new StringWriter();
        report.print(new PrintWriter(printed));
        assertThat(printed.toString()).contains("tiny", "ONNX Runtime fp32", "50 %");
        JsonNode json = new JsonMapper().readTree(new JsonMapper().writeValueAsString(report));
        assertThat(json.get("rows")).hasSize(12);
        assertThat(InferencePage.of(report))
                .contains("tiny, batch 4", "class=\"bar ours\"")
                .doesNotContain("NaN");
    }

    @Test
    void anArchitectureThatThePortIsNotOfIsMeasuredWithoutIt() throws Exception {
        InferenceBenchmark.Subject swin = subject(RecipeFile.with(
                Recipe.DEFAULT,
                Map.of(
                        "architecture",
                        "thinkingswin",
                        "img_size",
                        16,
                        "patch_size",
                        2,
                        "head_rounds",
                        "(1,2)(2,4)",
                        "model_kwargs",
                        Map.of(
                                "embed_dim",
                                8,
                                "depths",
                                List.of(1, 1),
                                "num_heads",
                                List.of(2, 4),
                                "window_size",
                                4))));
        InferenceReport report = new InferenceBenchmark(
                        List.of(swin),
                        EnumSet.of(
                                InferenceBenchmark.Way.OURS_FP32,
                                InferenceBenchmark.Way.ONNX,
                                InferenceBenchmark.Way.NAIVE),
                        List.of(2),
                        List.of(1.0),
                        new Turns(1, 0))
                .run((turn, contender) -> {});
        assertThat(report.rows())
                .extracting(InferenceReport.Row::way)
                .containsExactly("ours fp32", "ONNX Runtime fp32");
        assertThat(report.skipped())
                .containsExactly("naive port fp32 of tiny: the port is of ThinkingViTs, not of a Thinking Swin");
    }

    @Test
    void photographsFromFilesAreComparedWithTheNetworkAlone() throws Exception {
        for (int i = 0; i < 3; i++) {
            Files.write(folder.resolve(i + ".jpg"), Photographs.draw(i));
        }
        Files.writeString(folder.resolve("broken.jpg"), "no");
        List<String> skipped = new ArrayList<>();
        PhotographReport found;
        try (Photographs photographs = Photographs.in(folder, skipped::add)) {
            found = new PhotographBenchmark(
                            tiny(), List.of(InferenceBenchmark.Way.OURS_FP32), photographs, new Turns(3, 0))
                    .run((turn, contender) -> {});
        }
        assertThat(found.origin()).isEqualTo(folder.toString());
        assertThat(found.files()).isEqualTo(3);
        assertThat(skipped).hasSize(1).first().asString().contains("broken.jpg");
        PhotographReport.Row row = found.rows().get(0);
        assertThat(row.model() + ", " + row.way() + ", " + row.batch()).isEqualTo("tiny, ours fp32, 64");
        for (PhotographReport.Spread spread : List.of(row.fromFiles(), row.networkAlone(), row.share())) {
            assertThat(spread.median()).isPositive().isBetween(spread.least(), spread.most());
        }
        assertThat(row.share().least())
                .isBetween(
                        row.fromFiles().least() / row.networkAlone().most(),
                        row.fromFiles().most() / row.networkAlone().least());
        double secondsAlone = 1 / row.networkAlone().median();
        assertThat(row.atMost()).isCloseTo(secondsAlone / (secondsAlone + 1 / found.preparedPerSecond()), within(1e-9));

        InferenceReport report =
                new InferenceReport(Machine.here(), 3, 0, Map.of(), List.of(), null, List.of(), List.of()).with(found);
        StringWriter printed = new StringWriter();
        found.print(new PrintWriter(printed));
        assertThat(printed.toString()).contains("3 files (" + folder, "of network alone", "ours fp32");
        JsonNode json = new JsonMapper().readTree(new JsonMapper().writeValueAsString(report));
        assertThat(json.get("photographs").get("rows").get(0).get("share").has("median"))
                .isTrue();
        assertThat(InferencePage.of(report)).contains("Photographs from files", "tiny ours fp32");
        assertThat(folder.resolve("0.jpg")).as("not ours to delete").exists();
    }

    @Test
    void drawnPhotographsAreLikeImageNetsAndDoNotStay() throws Exception {
        Photographs drawn = Photographs.drawn();
        try (drawn) {
            assertThat(drawn.files()).hasSizeGreaterThan(30);
            Path last = drawn.files().get(drawn.files().size() - 1);
            Picture picture = PictureDecoder.decode(last);
            assertThat(picture.width() + " x " + picture.height()).isEqualTo("500 x 375");
            assertThat(Files.size(last)).isBetween(80_000L, 140_000L);
            assertThat(drawn.samples(200)).hasSize(200);
        }
        assertThat(drawn.drawnInto()).doesNotExist();
    }

    /** By ratio in one process, never by time: machines differ, and are shared. */
    @Test
    void oursIsNotGrosslySlowerThanItWas() throws Exception {
        InferenceBenchmark.Subject subject = subject(Recipe.DEFAULT);
        InferenceReport report = new InferenceBenchmark(
                        List.of(subject),
                        EnumSet.of(InferenceBenchmark.Way.OURS_FP32, InferenceBenchmark.Way.NAIVE),
                        List.of(32),
                        List.of(1.0, 0.0),
                        new Turns(3, 1.5))
                .run((turn, contender) -> {});
        assertThat(report.rows().get(0).timesNaive()).as("all stages").isGreaterThan(LEAST_TIMES_NAIVE);
        assertThat(report.rows().get(1).timesNaive())
                .as("an image that stops early costs less")
                .isGreaterThan(LEAST_TIMES_NAIVE_STOPPING);
    }

    @Test
    void aFolderWithoutPhotographsIsRefusedBeforeAnythingIsMeasured() {
        StringWriter err = new StringWriter();
        int exit = Main.run(
                new PrintWriter(new StringWriter()), new PrintWriter(err), "inference", "--photos", folder.toString());
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).startsWith("thinkingvit: " + folder + ": no JPEG");
    }

    @Test
    void photographsThatNobodyWouldSeeAreAUsageError() throws Exception {
        Files.write(folder.resolve("a.jpg"), Photographs.draw(1));
        StringWriter err = new StringWriter();
        int exit = Main.run(
                new PrintWriter(new StringWriter()),
                new PrintWriter(err),
                "inference",
                "--contenders",
                "onnx",
                "--models",
                "224",
                "--photos",
                folder.toString());
        assertThat(exit).isEqualTo(2);
        assertThat(err.toString()).contains("--photos: only model 224 sees them, as ours-fp32, ours-bf16 or ours-int8");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "thinkingvit_dynamicvit | pruning_loc: [1], base_rate: 0.5 | model.yaml | Thinking DynamicViT",
                "thinkingvit_segmenter  | decoder: linear | model.yaml, windows | Thinking Segmenter"
            })
    void aRecipeOfAnotherArchitectureIsMeasuredAndWhoIsNotSaysWhy(
            String architecture, String own, String shown, String title) throws Exception {
        Path recipe = Files.writeString(folder.resolve("model.yaml"), String.format("""
                network:
                  architecture: %s
                  model_kwargs: {thinking_stages: [1, 2], img_size: 16, patch_size: 4, embed_dim: 16, num_heads: 2,
                                 depth: 2, %s}
                """, architecture, own));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String line = "inference --contenders ours-fp32,onnx,naive --batches 1,2 --shares 1,0 --seconds 0.01 --turns 1"
                + " --no-processes --models";
        List<String> words = new ArrayList<>(List.of(line.split(" ", -1)));
        words.add(recipe.toString());
        int exit = Main.run(new PrintWriter(out), new PrintWriter(err), words.toArray(String[]::new));
        assertThat(exit).as(err.toString()).isZero();
        assertThat(out.toString().lines().filter(row -> row.startsWith(shown + " ")))
                .hasSize(8)
                .filteredOn(row -> row.contains("ours fp32"))
                .hasSize(4);
        assertThat(out.toString())
                .contains("skipped: naive port fp32 of " + shown + ": the port is of ThinkingViTs, not of a " + title);
    }

    @Test
    void anUnknownContenderIsAUsageError() {
        StringWriter err = new StringWriter();
        int exit =
                Main.run(new PrintWriter(new StringWriter()), new PrintWriter(err), "inference", "--contenders", "tvm");
        assertThat(exit).isEqualTo(2);
        assertThat(err.toString())
                .contains(
                        "no contender 'tvm'; there are ours-fp32, ours-bf16, ours-int8, onnx, onnx-int8, onnx-dynamic, naive");
    }
}
