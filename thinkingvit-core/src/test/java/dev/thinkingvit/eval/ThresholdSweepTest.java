package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.store.Routing;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ThresholdSweepTest {
    @Test
    void precisionsAgreeByWhatTheyPredictInTheEnd() {
        StageRecord right = MadeUp.stage(true, 0.1, 1);
        StageRecord wrong = MadeUp.stage(false, 0.1, 1);
        StageRecord unsure = MadeUp.stage(true, 0.9, 1);
        Recording here = recording(List.of(List.of(right, wrong), List.of(unsure, right), List.of(wrong, right)));
        Recording there = recording(List.of(List.of(right, right), List.of(unsure, wrong), List.of(wrong, wrong)));

        Routing.Agreement agreement = here.agreement(there, List.of(0.5));

        assertThat(agreement.sameTop1()).isCloseTo(100 * 2 / 3.0, within(1e-9));
        assertThat(agreement.top1Difference()).isCloseTo(-100 / 3.0, within(1e-9));
        assertThat(agreement.predictsTheSame()).isFalse();
        assertThat(new Routing.Agreement(99.5, -0.1).predictsTheSame()).isTrue();
        assertThat(new Routing.Agreement(99.49, 0).predictsTheSame()).isFalse();
        assertThat(new Routing.Agreement(100, 0.11).predictsTheSame()).isFalse();
    }

    private static Recording recording(List<List<StageRecord>> images) {
        return new Recording(
                Routers.ENTROPY,
                10,
                List.of(1.0, 4.0),
                images.stream()
                        .map(stages -> new ImageRecord(Path.of("x"), List.of(1), stages))
                        .toList(),
                List.of(),
                0);
    }

    @Test
    void anImageEndsWhereItsMeasureFallsBelowTheThreshold() {
        Recording recording = new Recording(
                Routers.ENTROPY,
                10,
                List.of(1.0, 4.0),
                List.of(
                        image(MadeUp.stage(true, 0.1, 1), MadeUp.stage(false, 0, 4)),
                        image(MadeUp.stage(false, 0.5, 1), MadeUp.stage(true, 0, 4)),
                        image(MadeUp.stage(false, 0.9, 1), MadeUp.stage(false, 0, 4))),
                List.of(),
                0);

        SweepRow row = new ThresholdSweep(recording).at(0.5);

        assertThat(row.stages()).containsExactly(new SweepRow.Stage(1, 1, 1), new SweepRow.Stage(2, 1, 1));
        assertThat(row.top1()).isCloseTo(200 / 3.0, within(1e-12));
        assertThat(row.gmacs()).isEqualTo(3);
        assertThat(row.shareNeeding(2)).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(row.stages().get(1).accuracy()).isEqualTo(50.0);
        assertThat(new ThresholdSweep(recording).at(1.0).stages().get(1).accuracy())
                .isNull();
    }

    @ParameterizedTest
    @EnumSource(Routers.class)
    void rowsAgreeWithCountingByHand(Routers router) {
        Recording recording = MadeUp.recording(router, 300, 3, 5);
        for (List<Double> thresholds : Thresholds.parse("0,0.25,0.5,1,0.3/0.7,0.9/0.1")) {
            int[] ended = new int[3];
            int right = 0;
            int top5 = 0;
            double gmacs = 0;
            for (ImageRecord image : recording.images()) {
                int k = 0;
                while (k < 2) {
                    double threshold = thresholds.get(thresholds.size() == 1 ? 0 : k);
                    double measure = image.stages().get(k).measure();
                    boolean sure =
                            switch (router) {
                                case ENTROPY, ENTROPY_TOP10 -> measure < threshold;
                                case ENTROPY_INCLUSIVE -> measure <= threshold;
                                case MAX_PROBABILITY, MARGIN -> measure > threshold;
                            };
                    if (sure) {
                        break;
                    }
                    k++;
                }
                ended[k]++;
                right += image.stages().get(k).inTop1() ? 1 : 0;
                top5 += image.stages().get(k).inTop5() ? 1 : 0;
                gmacs += recording.cumulativeGmacs().get(k);
            }

            SweepRow row = new ThresholdSweep(recording).at(thresholds);

            assertThat(row.stages())
                    .extracting(SweepRow.Stage::dispatched)
                    .containsExactly(ended[0], ended[1], ended[2]);
            assertThat(row.top1()).isEqualTo(100.0 * right / 300);
            assertThat(row.top5()).isEqualTo(100.0 * top5 / 300);
            assertThat(row.gmacs()).isCloseTo(gmacs / 300, within(1e-9));
        }
    }

    @Test
    void thresholdsMustFitTheStages() {
        ThresholdSweep sweep = new ThresholdSweep(MadeUp.recording(Routers.ENTROPY, 5, 2, 1));

        assertThatThrownBy(() -> sweep.at(List.of(0.1, 0.2))).hasMessageContaining("takes 1 or 1 thresholds");
    }

    @Test
    void rangesIncludeTheirEndWithoutDust() {
        assertThat(Thresholds.parse("0:0.3:0.1, 1,0.2/0.4"))
                .containsExactly(
                        List.of(0.0), List.of(0.1), List.of(0.2), List.of(0.3), List.of(1.0), List.of(0.2, 0.4));
        for (String wrong : List.of("", "0,,1", "a", "0:1", "0:1:0", "1:0:0.1", "NaN", "0:1e9:1", "0:1:1e-9")) {
            assertThatThrownBy(() -> Thresholds.parse(wrong)).as(wrong).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(Routers.class)
    void defaultThresholdsReachFromAlwaysThinkingToNeverThinkingTwice(Routers router) {
        for (int classes : new int[] {2, 10, 1000}) {
            List<List<Double>> thresholds = Thresholds.defaults(router, classes, 2);
            float[] indifferent = new float[classes];
            java.util.Arrays.fill(indifferent, 1f / classes);
            double largest = router.measure(indifferent);

            assertThat(thresholds).hasSizeBetween(5, 30);
            boolean all = thresholds.stream().anyMatch(one -> router.isSure(largest, one.get(0)))
                    || router.isSure(largest, -1e-3);
            assertThat(all).isTrue();
        }
    }

    private static ImageRecord image(StageRecord... stages) {
        return new ImageRecord(Path.of("x.png"), List.of(1), List.of(stages));
    }
}
