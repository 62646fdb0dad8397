package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.data.Sample;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.Prediction;
import dev.thinkingvit.model.Readout;
import dev.thinkingvit.model.WrappedBackbone;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class ScoreTest {
    private static final Preprocessing INPUT = Preprocessing.imagenet(16, 1.0);

    @TempDir
    private Path folder;

    private static Recording record(ElasticEngine engine, List<Sample> samples, @Nullable Score score)
            throws IOException {
        Recorder.Options options = Recorder.Options.of(Routers.ENTROPY).withScore(score);
        return Recorder.record(engine, INPUT, samples, options, done -> {});
    }

    /** Cross entropy with labels of which a tenth is spread over all six classes. */
    private static double smoothed(float[] probabilities, int label) {
        double loss = 0;
        for (int i = 0; i < 6; i++) {
            loss -= (0.1 / 6 + (i == label ? 0.9 : 0)) * Math.log(probabilities[i]);
        }
        return loss;
    }

    @Test
    void aLossWithSoftTargetsIsRecordedWhereTheFieldsWouldBe() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 2);
        Score classes = Score.ofClasses(null);
        Score soft = (stage, wanted) -> {
            Score.Fared hard = classes.of(stage, wanted);
            return new Score.Fared(
                    hard.predicted(),
                    hard.probability(),
                    hard.right(),
                    hard.nearlyRight(),
                    hard.entropyNats(),
                    smoothed(stage.probabilities(), wanted.labels().get(0)));
        };
        try (ElasticEngine engine = MadeUp.engine()) {
            Recording usual = record(engine, samples, null);
            Recording told = record(engine, samples, classes);
            Recording softly = record(engine, samples, soft);

            assertThat(told.images()).isEqualTo(usual.images());
            for (int i = 0; i < samples.size(); i++) {
                for (int stage = 1; stage <= 3; stage++) {
                    StageRecord hard = usual.images().get(i).stage(stage);
                    StageRecord other = softly.images().get(i).stage(stage);
                    assertThat(other.predicted()).isEqualTo(hard.predicted());
                    assertThat(other.loss()).isNotCloseTo(hard.loss(), within(1e-9));
                    assertThat(other.macs()).isEqualTo(hard.macs());
                }
            }
            assertThat(new ThresholdSweep(softly).at(1.0)).isEqualTo(new ThresholdSweep(usual).at(1.0));
        }
    }

    /** A number for an image: the network's first value. */
    private record Height(double value) implements Prediction {
        @Override
        public float[] values() {
            return new float[] {(float) value};
        }

        @Override
        public double measure(ToDoubleFunction<float[]> of) {
            double share = 1 / (1 + Math.exp(-value));
            return of.applyAsDouble(new float[] {(float) share, (float) (1 - share)});
        }
    }

    /** The same network, whose predictions are numbers. */
    private record Numbers(Backbone inner) implements WrappedBackbone {
        @Override
        public Readout readout() {
            return new Readout() {
                @Override
                public Prediction read(float[] values, int offset, int length) {
                    return new Height(values[offset]);
                }

                @Override
                public String place(int index) {
                    return "value " + index;
                }
            };
        }
    }

    /** What is wanted is found by the picture: as much as its file's number. The nearer, the better; half a unit off is right. */
    private static Score.Fared fared(Prediction prediction, Score.Wanted wanted) {
        double target =
                Integer.parseInt(wanted.sample().path().getFileName().toString().substring(0, 3));
        double off = Math.abs(((Height) prediction).value() - target);
        return new Score.Fared(Score.Fared.NO_CLASS, 0, 1 / (1 + off), off < 0.5, off < 1, 0, off * off);
    }

    @Test
    void aNetworkThatPredictsNoClassesIsEvaluated() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 3);
        try (ElasticEngine classes = MadeUp.engine();
                ElasticEngine engine = new ElasticEngine(new Numbers(classes.backbone()))) {
            Recording recording = record(engine, samples, (stage, wanted) -> fared(stage.prediction(), wanted));

            double score = 0;
            int right = 0;
            for (ImageRecord image : recording.images()) {
                StageRecord last = image.stage(3);
                right += last.loss() < 0.25 ? 1 : 0;
                score += last.score();
                assertThat(last.score()).isCloseTo(1 / (1 + Math.sqrt(last.loss())), within(1e-9));
                assertThat(last.inTop1()).isEqualTo(last.loss() < 0.25);
                assertThat(last.inTop5()).isEqualTo(last.loss() < 1);
            }
            SweepRow row = new ThresholdSweep(recording).alwaysThink();
            assertThat(row.top1()).isCloseTo(100 * score / samples.size(), within(1e-9));
            assertThat(row.stages().get(2).right()).isEqualTo(right);
            assertThat(row.stages().get(2).accuracy()).isCloseTo(row.top1(), within(1e-9));
            assertThat(new Calibrator(recording).curve()).isNotEmpty();

            Path lines = folder.resolve("predictions.jsonl");
            new PredictionLines(recording, List.of(), Integer::toString).write(lines);
            assertThat(Files.readAllLines(lines))
                    .hasSize(samples.size())
                    .allMatch(line -> line.contains("\"label\":null")
                            && line.contains("\"score\":")
                            && line.contains("\"loss\":"));
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
    void aScoreIsAShare(double score) {
        assertThatThrownBy(() -> new Score.Fared(0, 1, score, true, true, 0, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a score must lie in [0, 1], got " + score);
    }

    @Test
    void theFieldsScoreSaysThatItWantsClasses() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 1);
        try (ElasticEngine classes = MadeUp.engine();
                ElasticEngine engine = new ElasticEngine(new Numbers(classes.backbone()))) {
            assertThatThrownBy(() -> record(engine, samples, null))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("class scores are asked for, the model predicts Height");
        }
    }

    @Test
    void whatIsWantedCannotBeChangedByAScore() {
        List<Integer> labels = Arrays.asList(1, 2);
        Score.Wanted wanted = new Score.Wanted(new Sample(folder, 1), labels);
        labels.set(0, 5);
        assertThat(wanted.labels()).containsExactly(1, 2);
    }
}
