package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.ClassScores;
import dev.thinkingvit.model.NoNumberException;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.model.WrappedBackbone;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class ElasticEngineTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final int IMAGE = 3 * 64 * 64;

    private final ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve("vit-2h-3h-6h"));
    private final Counting backbone =
            new Counting(PackedBackbone.of(model.config().network(), model.weights(), Precision.FP32), false);
    private final ElasticEngine engine = new ElasticEngine(backbone);
    private final Map<String, HostTensor> recorded = Safetensors.read(
                    REFERENCE.resolve("vit-2h-3h-6h/expected.safetensors"))
            .tensors();
    private final float[] images = recorded.get("input").toFloats();

    @AfterEach
    void close() {
        engine.close();
    }

    /** The real network, with a tally of the rows that each stage was given. */
    private record Counting(Backbone inner, boolean runsSideBySide, List<int[]> calls) implements WrappedBackbone {
        Counting(Backbone inner, boolean runsSideBySide) {
            this(inner, runsSideBySide, Collections.synchronizedList(new ArrayList<>()));
        }

        @Override
        public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
            calls.add(new int[] {stage, (int) images.size(0), ComputeThread.isWorker() ? 1 : 0});
            return inner.run(stage, images, previousTokens);
        }

        @Override
        public StageOutput predict(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
            calls.add(new int[] {stage, (int) images.size(0), ComputeThread.isWorker() ? 1 : 0});
            return inner.predict(stage, images, previousTokens);
        }

        int rows(int stage) {
            return calls.stream().filter(c -> c[0] == stage).mapToInt(c -> c[1]).sum();
        }

        @Override
        public int microBatch(int stage) {
            return 3; // so that eight images already need several
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0", "1.788", "2.054"})
    void imagesEndWhereTheRecordingSaysTheyDo(String threshold) {
        List<Outcome> outcomes =
                engine.run(images, 8, StopPolicy.of(Routers.ENTROPY_TOP10, Double.parseDouble(threshold)));
        float[] stages = recorded.get("routed@" + threshold + ".stage").toFloats();
        float[] logits = recorded.get("routed@" + threshold + ".logits").toFloats();
        for (int i = 0; i < 8; i++) {
            assertThat(outcomes.get(i).stage()).as("image %d", i).isEqualTo((int) stages[i]);
            float[] expected = ClassScores.softmax(logits, i * 20, 20);
            float[] ours = outcomes.get(i).decisive().probabilities();
            for (int c = 0; c < 20; c++) {
                assertThat(ours[c]).isCloseTo(expected[c], within(1e-4f));
            }
        }
    }

    @Test
    void bothEntropiesAgreeWithTheRecording() {
        for (Router router : List.of(Routers.ENTROPY, Routers.ENTROPY_TOP10)) {
            List<Outcome> outcomes = engine.run(images, 8, StopPolicy.alwaysThink(router));
            String name = router == Routers.ENTROPY ? "entropy" : "entropy_top10";
            for (int stage = 1; stage <= 3; stage++) {
                float[] expected = recorded.get("stage" + stage + "." + name).toFloats();
                for (int i = 0; i < 8; i++) {
                    assertThat(outcomes.get(i).stages().get(stage - 1).measure())
                            .isCloseTo(expected[i], within(1e-4));
                }
            }
        }
    }

    @Test
    void aFewImagesTooManyForTheWorkersAreLeftToAllCoresTogether() {
        int workers = ComputeThread.workers().count();
        Counting watched = new Counting(backbone, true);
        float[] odd = new float[(2 * workers + 1) * IMAGE];
        for (int i = 0; i < odd.length; i++) {
            odd[i] = images[i % images.length];
        }
        StopPolicy never = StopPolicy.of(Routers.ENTROPY, 100);

        List<Outcome> outcomes = new ElasticEngine(watched).run(odd, 2 * workers + 1, never);

        assertThat(outcomes).hasSize(2 * workers + 1);
        assertThat(watched.rows(1)).isEqualTo(2 * workers + 1);
        assertThat(watched.calls().stream().filter(call -> call[2] == 0).map(call -> call[1]))
                .as("left to all cores")
                .containsExactly(1);
    }

    @Test
    void resultsOfABatchAreThoseOfItsImagesAloneInOrder() {
        float[] many = new float[37 * IMAGE];
        for (int i = 0; i < 37; i++) {
            System.arraycopy(images, (i * 5 % 8) * IMAGE, many, i * IMAGE, IMAGE);
        }
        StopPolicy policy = StopPolicy.of(Routers.ENTROPY_TOP10, 1.788);
        List<Outcome> together = engine.run(many, 37, policy);
        for (int i = 0; i < 37; i++) {
            int from = i * 5 % 8 * IMAGE;
            Outcome alone = engine.run(Arrays.copyOfRange(images, from, from + IMAGE), 1, policy)
                    .get(0);
            assertThat(together.get(i).stage()).isEqualTo(alone.stage());
            assertThat(together.get(i).label()).isEqualTo(alone.label());
            assertThat(together.get(i).probability()).isCloseTo(alone.probability(), within(1e-4));
        }
    }

    @Test
    void eachBoundaryMayHaveItsOwnThreshold() {
        List<Outcome> outcomes = engine.run(images, 8, StopPolicy.of(Routers.ENTROPY_TOP10, 0, 100));
        assertThat(outcomes).allMatch(o -> o.stage() == 2);
    }

    @Test
    void thresholdsThatDoNotFitTheStagesAreRefused() {
        assertThatThrownBy(() -> engine.run(images, 8, StopPolicy.of(Routers.ENTROPY, 1, 2, 3)))
                .hasMessage("a model of 3 stages takes 1 or 2 thresholds, got 3");
    }

    @Test
    void aRouterOfOnesOwnIsAsked() {
        Router everySecondClass = new Router() {
            @Override
            public String id() {
                return "even";
            }

            @Override
            public double measure(float[] probabilities) {
                return new ClassScores(probabilities, probabilities).label() % 2;
            }

            @Override
            public boolean isSure(double measure, double threshold) {
                return measure < threshold;
            }
        };
        for (Outcome outcome : engine.run(images, 8, StopPolicy.of(everySecondClass, 0.5))) {
            for (StageOutcome stage : outcome.stages().subList(0, outcome.stage() - 1)) {
                assertThat(stage.label() % 2).isOne();
            }
        }
    }

    @Test
    void manyThreadsGetTheSameResultsAsOne() throws Exception {
        StopPolicy policy = StopPolicy.of(Routers.ENTROPY_TOP10, 1.788);
        List<Integer> expected =
                engine.run(images, 8, policy).stream().map(Outcome::label).toList();
        ExecutorService pool = Executors.newFixedThreadPool(8);
        try {
            List<Future<List<Outcome>>> futures = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                futures.add(pool.submit(() -> engine.run(images, 8, policy)));
            }
            for (Future<List<Outcome>> future : futures) {
                assertThat(future.get().stream().map(Outcome::label)).containsExactlyElementsOf(expected);
            }
        } finally {
            pool.shutdown();
        }
    }

    @Test
    void imagesOfAnotherSizeAreRefusedWithBothSizes() {
        assertThatThrownBy(() -> engine.run(new float[100], 1, StopPolicy.alwaysThink(Routers.ENTROPY)))
                .hasMessage("1 images of 3 x 64 x 64 take 12288 values, 100 came");
    }

    @Test
    void anOutputThatIsNoNumberIsAnErrorAndNotCertainty() {
        float[] damaged = images.clone();
        damaged[5] = Float.NaN;
        assertThatThrownBy(() -> engine.run(damaged, 8, StopPolicy.of(Routers.ENTROPY, 0.5)))
                .isInstanceOf(ArithmeticException.class)
                .hasMessageContaining("stage 1 gave NaN")
                .satisfies(e -> assertThat(Reasons.line(e)).startsWith("stage 1 gave NaN"));
    }

    /** The prediction does not tell: whoever is left is classified. */
    @ParameterizedTest
    @CsvSource({
        "dynamicvit-plain, score_predictor.0.out_conv.4.bias, stage 1 gave NaN for keep_score.0[0]",
        "dynamicvit-wide, score_predictor.2.out_conv.4.bias, gave NaN for keep_score.2[0]",
        "avit, blocks.2.mlp.fc2.bias, stage 1 gave NaN for class 0"
    })
    void tokensThatAreChosenByNoNumbersAreAnError(String name, String damaged, String words) {
        ModelDirectory.Model chooses =
                ModelImport.read(REFERENCE.resolve(name), null, Weights.AUTO).model();
        Map<String, HostTensor> weights = new LinkedHashMap<>(chooses.weights());
        float[] values = weights.get(damaged).toFloats();
        values[0] = Float.NaN;
        weights.put(damaged, HostTensor.of(values, weights.get(damaged).shape()));
        HostTensor input = Safetensors.read(REFERENCE.resolve(name).resolve("expected.safetensors"))
                .tensors()
                .get("input");

        try (ElasticEngine damagedEngine =
                new ElasticEngine(PackedBackbone.of(chooses.config().network(), weights, Precision.FP32))) {
            assertThatThrownBy(() -> damagedEngine.run(
                            input.toFloats(), (int) input.shape()[0], StopPolicy.alwaysThink(Routers.ENTROPY)))
                    .isInstanceOf(NoNumberException.class)
                    .hasMessageContaining(words);
        }
    }

    @Test
    void aClosedEngineSaysSo() {
        engine.close();
        assertThatThrownBy(() -> engine.run(images, 8, StopPolicy.alwaysThink(Routers.ENTROPY)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        engine.close(); // twice is harmless
    }

    @Test
    void aThousandBatchesLeaveMemoryFlat() throws Exception {
        StopPolicy policy = StopPolicy.of(Routers.ENTROPY_TOP10, 1.788);
        for (int i = 0; i < 300; i++) {
            engine.run(images, 8, policy);
        }
        long objects = Pointer.totalCount();
        long resident = residentBytes();
        for (int i = 0; i < 1000; i++) {
            engine.run(images, 8, policy);
        }
        assertThat(Pointer.totalCount())
                .as("objects; fewer where the collector found others")
                .isLessThanOrEqualTo(objects);
        assertThat(Pointer.totalBytes()).isLessThan(16L << 20);
        // the Java heap may still grow within its limit; a leak of even one logits tensor a batch would show as more
        assertThat(residentBytes() - resident).isLessThan(150L << 20);
    }

    private static long residentBytes() {
        return Pointer.physicalBytes();
    }
}
