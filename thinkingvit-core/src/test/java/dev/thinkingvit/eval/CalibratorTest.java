package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.store.Routing;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CalibratorTest {
    /** Every way in which a common threshold can split these recordings, whose measures are multiples of 1/20. */
    private static List<SweepRow> everySplit(Recording recording) {
        List<SweepRow> rows = new ArrayList<>();
        for (int i = -1; i <= 20; i++) {
            rows.add(new ThresholdSweep(recording).at((i + 0.5) / 20));
        }
        return rows;
    }

    @ParameterizedTest
    @CsvSource({"ENTROPY,2", "ENTROPY,3", "MAX_PROBABILITY,2", "MARGIN,4"})
    void targetsAreMetAsByTryingEveryThreshold(Routers router, int stages) {
        Recording recording = MadeUp.recording(router, 400, stages, 11);
        Calibrator calibrator = new Calibrator(recording);
        List<SweepRow> rows = everySplit(recording);
        double always = new ThresholdSweep(recording).alwaysThink().top1();

        double budget = recording.cumulativeGmacs().get(stages - 1) * 0.7;
        SweepRow cost =
                calibrator.choose(new Target(Target.Kind.GMACS, 0, budget)).row();
        assertThat(cost.gmacs())
                .isEqualTo(rows.stream()
                        .mapToDouble(SweepRow::gmacs)
                        .filter(g -> g <= budget)
                        .max()
                        .orElseThrow());

        SweepRow drop = calibrator.choose(Target.parse("accuracy-drop=5")).row();
        assertThat(drop.gmacs())
                .isEqualTo(rows.stream()
                        .filter(row -> always - row.top1() <= 5 + 1e-9)
                        .mapToDouble(SweepRow::gmacs)
                        .min()
                        .orElseThrow());

        SweepRow share = calibrator.choose(Target.parse("stage2=40%")).row();
        assertThat(share.shareNeeding(2))
                .isEqualTo(rows.stream()
                        .mapToDouble(row -> row.shareNeeding(2))
                        .filter(s -> s <= 0.4)
                        .max()
                        .orElseThrow());
    }

    @Test
    void theChosenThresholdHasFewDigits() {
        Calibrator.Choice choice =
                new Calibrator(MadeUp.recording(Routers.ENTROPY, 400, 2, 11)).choose(Target.parse("stage2=0.4"));

        assertThat(Double.toString(choice.threshold()).length()).isLessThanOrEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gmacs=1.2", "accuracy-drop=-60.5"})
    void anUnreachableTargetSaysWhatCanBeReached(String target) {
        Calibrator calibrator = new Calibrator(MadeUp.recording(Routers.ENTROPY, 100, 2, 1));

        assertThatThrownBy(() -> calibrator.choose(Target.parse(target)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(target + " cannot be reached; thresholds reach from ");
    }

    @Test
    void theReachableRangeOfCostsIsThatOfTheStages() {
        Calibrator calibrator = new Calibrator(MadeUp.recording(Routers.MARGIN, 100, 2, 1));

        assertThatThrownBy(() -> calibrator.choose(Target.parse("gmacs=0.5")))
                .hasMessageContaining("1.250 to 5.000 GMACs");
    }

    @Test
    void aStageThatDoesNotExistIsRefused() {
        Calibrator calibrator = new Calibrator(MadeUp.recording(Routers.ENTROPY, 10, 2, 1));

        assertThatThrownBy(() -> calibrator.choose(Target.parse("stage3=0.5"))).hasMessageContaining("only 2 stages");
        assertThatThrownBy(() -> new Calibrator(MadeUp.recording(Routers.ENTROPY, 10, 1, 1)))
                .hasMessageContaining("one stage");
    }

    @Test
    void theCurveGrowsAndCoversTheRange() {
        List<ImageRecord> images = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            images.add(new ImageRecord(
                    java.nio.file.Path.of("x"),
                    List.of(1),
                    List.of(MadeUp.stage(i < 600, Math.sqrt(i), 1), MadeUp.stage(i < 800, 0, 4))));
        }
        Recording recording = new Recording(Routers.ENTROPY, 10, List.of(1.0, 4.0), images, List.of(), 0);

        List<Routing.Point> curve =
                new Calibrator(recording).choose(Target.parse("stage2=0.333")).curve();

        assertThat(curve).hasSizeBetween(45, 55);
        assertThat(curve).extracting(Routing.Point::threshold).isSorted().doesNotHaveDuplicates();
        assertThat(curve.get(0).gmacs()).isEqualTo(4);
        assertThat(curve.get(curve.size() - 1).gmacs()).isEqualTo(1);
        assertThat(curve).anySatisfy(point -> assertThat(point.gmacs()).isEqualTo(1.999));
    }

    @Test
    void sharesMayBePercent() {
        assertThat(Target.parse("stage2=40%")).isEqualTo(Target.parse("stage2=0.4"));
        for (String wrong : List.of(
                "", "gmacs", "gmacs=", "gmacs=x", "gmacs=5%", "stage2=40", "stage1=0.5", "speed=3", "gmacs=NaN")) {
            assertThatThrownBy(() -> Target.parse(wrong)).as(wrong).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
