package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.data.RealLabels;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.ValidLabels;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class RecorderTest {
    private static final Preprocessing INPUT = Preprocessing.imagenet(16, 1.0);
    private static final List<String> NAMES = List.of("a", "b", "c", "d", "e", "f");

    @TempDir
    private Path folder;

    @Test
    void aSweepAgreesWithRealEarlyExits() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 5);
        try (ElasticEngine engine = MadeUp.engine()) {
            for (ValidLabels valid : new ValidLabels[] {null, valid("a\nb\nc\nd\ne\nf"), null}) {
                Recorder.Options options = Recorder.Options.of(Routers.ENTROPY).withValid(valid);
                Recording recording = Recorder.record(engine, INPUT, samples, options, done -> {});
                agree(engine, samples, recording, valid);
            }
        }
    }

    @Test
    void aSweepAgreesWithRealEarlyExitsOverSomeClasses() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 5).subList(5, 20); // labels 1 to 3
        ValidLabels valid = valid("b\nc\nd");
        try (ElasticEngine engine = MadeUp.engine()) {
            Recorder.Options options = Recorder.Options.of(Routers.ENTROPY).withValid(valid);
            Recording recording = Recorder.record(engine, INPUT, samples, options, done -> {});

            agree(engine, samples, recording, valid);
            for (ImageRecord image : recording.images()) {
                assertThat(image.stages()).allSatisfy(stage -> {
                    assertThat(stage.predicted()).isBetween(1, 3);
                    assertThat(stage.measure()).isBetween(0.0, Math.log(3) + 1e-6);
                    assertThat(stage.inTop5()).isTrue();
                });
            }
        }
    }

    private static void agree(ElasticEngine engine, List<Sample> samples, Recording recording, ValidLabels valid)
            throws IOException {
        Router router = MaskedRouter.of(Routers.ENTROPY, valid);
        ThresholdSweep sweep = new ThresholdSweep(recording);
        List<Double> thresholds = new ArrayList<>(List.of(0.0, 10.0));
        new Calibrator(recording).curve().forEach(point -> thresholds.add(point.threshold()));
        for (double threshold : thresholds) {
            float[] images = new float[samples.size() * INPUT.floatsPerPicture()];
            for (int i = 0; i < samples.size(); i++) {
                float[] one = INPUT.toInput(PictureDecoder.decode(samples.get(i).path()));
                System.arraycopy(one, 0, images, i * one.length, one.length);
            }
            List<Outcome> real = engine.run(images, samples.size(), StopPolicy.of(router, threshold));
            int[] ended = new int[recording.stages()];
            double gmacs = 0;
            for (int i = 0; i < real.size(); i++) {
                assertThat(real.get(i).stage())
                        .isEqualTo(recording.exit(recording.images().get(i), List.of(threshold)));
                ended[real.get(i).stage() - 1]++;
                gmacs += real.get(i).gmacs();
            }
            SweepRow row = sweep.at(threshold);
            for (int k = 0; k < ended.length; k++) {
                assertThat(row.stages().get(k).dispatched()).isEqualTo(ended[k]);
            }
            assertThat(row.gmacs()).isCloseTo(gmacs / real.size(), Offset.offset(1e-12));
        }
    }

    @Test
    void anyOfSeveralRightAnswersCountsAndImagesWithoutAnyDoNot() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 1);
        List<Sample> renamed = new ArrayList<>();
        for (Sample sample : samples) {
            Path file = folder.resolve("p" + sample.label() + ".png");
            renamed.add(new Sample(Files.move(sample.path(), file), sample.label()));
        }
        Path real = Files.writeString(folder.resolve("real.json"), """
                {"p0.png": [0, 1, 2, 3, 4, 5], "p1.png": [], "p2.png": [2], "p3.png": [3], "p4.png": [4], "p5.png": []}
                """);
        try (ElasticEngine engine = MadeUp.engine()) {
            Recording recording = Recorder.record(
                    engine,
                    INPUT,
                    renamed,
                    Recorder.Options.of(Routers.MARGIN).withReal(RealLabels.read(real, 6)),
                    done -> {});

            assertThat(recording.images()).hasSize(4);
            assertThat(recording.uncounted()).isEqualTo(2);
            assertThat(recording.images().get(0).stages()).allMatch(StageRecord::inTop1);
        }
    }

    @Test
    void labelsOfAnotherDataSetAreRefusedInOneLine() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 2);
        RealLabels real = RealLabels.read(Files.writeString(folder.resolve("real.json"), "[[0], [1]]"), 6);
        try (ElasticEngine engine = MadeUp.engine()) {
            Recorder.Options options = Recorder.Options.of(Routers.MARGIN).withReal(real);

            assertThatThrownBy(() -> Recorder.record(engine, INPUT, samples, options, done -> {}))
                    .isInstanceOf(IOException.class)
                    .hasMessage(folder.resolve("real.json") + " has no entry for any of the 12 pictures, the first of"
                            + " which is " + samples.get(0).path().getFileName()
                            + "; its entries belong to ILSVRC2012_val_00000001 and so on");
        }
    }

    @Test
    void brokenPicturesAreSkippedAndNamed() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 2);
        Files.writeString(samples.get(3).path(), "no picture");
        try (ElasticEngine engine = MadeUp.engine()) {
            Recording recording =
                    Recorder.record(engine, INPUT, samples, Recorder.Options.of(Routers.ENTROPY), done -> {});

            assertThat(recording.images()).hasSize(11);
            assertThat(recording.skipped()).singleElement().satisfies(failure -> assertThat(failure.message())
                    .contains(samples.get(3).path().toString()));
            assertThatThrownBy(() -> Recorder.record(
                            engine, INPUT, samples.subList(3, 4), Recorder.Options.of(Routers.ENTROPY), done -> {}))
                    .hasMessageContaining("none of the 1 pictures can be read");
        }
    }

    @Test
    void aLabelThatMayNotBePredictedIsRefused() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 1);
        ValidLabels valid = valid("a\nb");
        try (ElasticEngine engine = MadeUp.engine()) {
            assertThatThrownBy(() -> Recorder.record(
                            engine,
                            INPUT,
                            samples,
                            Recorder.Options.of(Routers.ENTROPY).withValid(valid),
                            done -> {}))
                    .hasMessageContaining("label 2 is not among the valid labels");
        }
    }

    @Test
    void whatCouldNotBeReadIsNotAmongTheReadableSamples() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 1);
        Files.writeString(samples.get(3).path(), "no picture");
        List<Sample> readable = new ArrayList<>(samples);
        readable.remove(3);
        try (ElasticEngine engine = MadeUp.engine()) {
            Recording recording =
                    Recorder.record(engine, INPUT, samples, Recorder.Options.of(Routers.ENTROPY), done -> {});
            assertThat(recording.readable(samples)).isEqualTo(readable);
        }
    }

    @Test
    void aLimitIsSpreadEvenlyOverTheFolders() {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            samples.add(new Sample(Path.of(i + ".png"), i / 100));
        }
        for (int limit : new int[] {1, 7, 10, 333, 999}) {
            assertThat(Recorder.spread(samples, limit)).hasSize(limit).doesNotHaveDuplicates();
        }
        assertThat(Recorder.spread(samples, 10))
                .extracting(Sample::label)
                .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        assertThat(Recorder.spread(samples, 5000)).isEqualTo(samples);
        assertThatThrownBy(() -> Recorder.spread(samples, 0)).hasMessageContaining("at least 1");
    }

    private ValidLabels valid(String lines) throws IOException {
        return ValidLabels.read(Files.writeString(folder.resolve("valid.txt"), lines), NAMES);
    }
}
