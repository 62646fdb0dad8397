package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.inference.SlidingWindow.Place;
import dev.thinkingvit.inference.WindowEngine.Looks;
import dev.thinkingvit.model.DynamicBackbone;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.SegmenterConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WindowEngineTest {
    private static final SegmenterConfig CONFIG =
            SegmenterConfig.of(ImageSize.square(16), 8, 24, 2, 3, List.of(1, 3), 4, SegmenterConfig.Decoder.LINEAR);
    private static final SlidingWindow WINDOW = new SlidingWindow(ImageSize.square(16), 12);

    private final ElasticEngine network = new ElasticEngine(DynamicBackbone.of(
            CONFIG,
            CONFIG.parameters().draw(3),
            (sized, weights) -> PackedBackbone.of(sized, weights, Precision.FP32)));
    private final WindowEngine engine = new WindowEngine(network);
    private final StopPolicy all = StopPolicy.alwaysThink(Routers.ENTROPY);

    @AfterAll
    void close() {
        network.close();
    }

    private static Looks picture(int height, int width, long seed) {
        ImageSize size = new ImageSize(height, width);
        float[] values = new float[size.values()];
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return new Looks(List.of(new PictureView(values, size, false)), size);
    }

    @ParameterizedTest
    @CsvSource({"16, 16, 1", "17, 16, 2", "28, 16, 2", "29, 40, 9", "40, 41, 12"})
    void windowsCoverAPictureAndTheLastOnesEndAtItsEdge(int height, int width, int count) {
        List<Place> places = WINDOW.places(new ImageSize(height, width));
        assertThat(places).hasSize(count).doesNotHaveDuplicates();
        assertThat(places.get(count - 1)).isEqualTo(new Place(height - 16, width - 16));
        boolean[] covered = new boolean[height * width];
        for (Place place : places) {
            for (int y = 0; y < 16; y++) {
                Arrays.fill(
                        covered,
                        (place.top() + y) * width + place.left(),
                        (place.top() + y) * width + place.left() + 16,
                        true);
            }
        }
        for (boolean each : covered) {
            assertThat(each).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({"16, 16, 16, 16", "40, 20, 40, 20", "8, 12, 16, 24", "10, 7, 22, 16", "1, 1, 16, 16", "9, 100, 16, 177"
    })
    void aPictureIsEnlargedUntilAWindowFits(int height, int width, int enlargedHeight, int enlargedWidth) {
        assertThat(WINDOW.enlarged(new ImageSize(height, width)))
                .isEqualTo(new ImageSize(enlargedHeight, enlargedWidth));
    }

    @Test
    void publishedStridesLeaveAnOverlapOf32() {
        assertThat(SlidingWindow.of(ImageSize.square(512)).stride()).isEqualTo(480);
        assertThat(SlidingWindow.of(ImageSize.square(768)).stride()).isEqualTo(736);
        assertThat(SlidingWindow.of(ImageSize.square(16)).stride()).isEqualTo(12);
        assertThatThrownBy(() -> new SlidingWindow(ImageSize.square(16), 17))
                .hasMessage("the stride of windows of 16 pixels must lie between 1 and 16, got 17");
    }

    @Test
    void aPictureGetsTheSameAloneAndAmongOthers() {
        List<Looks> pictures = List.of(picture(30, 41, 1), picture(5, 9, 2), picture(16, 16, 3));
        List<Segmentation> together = engine.run(pictures, WINDOW, StopPolicy.of(Routers.ENTROPY, 1.3));
        for (int i = 0; i < pictures.size(); i++) {
            Segmentation alone = engine.run(List.of(pictures.get(i)), WINDOW, StopPolicy.of(Routers.ENTROPY, 1.3))
                    .get(0);
            assertThat(together.get(i).labels()).isEqualTo(alone.labels());
            assertThat(together.get(i).size()).isEqualTo(pictures.get(i).size());
            assertThat(together.get(i).windows())
                    .extracting(WindowOutcome::stage)
                    .isEqualTo(
                            alone.windows().stream().map(WindowOutcome::stage).toList());
        }
    }

    @Test
    void eachWindowIsRoutedByItsOwnEntropyAndCostsWhatItTook() {
        Segmentation full = engine.run(List.of(picture(40, 41, 4)), WINDOW, all).get(0);
        List<Double> first = new ArrayList<>(
                full.windows().stream().map(window -> window.measures().get(0)).toList());
        List<Double> sorted = first.stream().sorted().toList();
        double threshold = (sorted.get(7) + sorted.get(8)) / 2;

        Segmentation some = engine.run(List.of(picture(40, 41, 4)), WINDOW, StopPolicy.of(Routers.ENTROPY, threshold))
                .get(0);

        assertThat(some.windowsByStage(2)).containsExactly(8, 4);
        for (int i = 0; i < first.size(); i++) {
            assertThat(some.windows().get(i).stage()).isEqualTo(first.get(i) < threshold ? 1 : 2);
        }
        assertThat(some.macs()).isEqualTo(12 * CONFIG.macs(1) + 4 * CONFIG.macs(2));
    }

    @Test
    void whatAPolicyMakesOfAPictureFollowsFromOneRecord() {
        Looks picture = picture(40, 41, 9);
        SegmentationRecord record =
                engine.record(List.of(picture), WINDOW, Routers.ENTROPY).get(0);
        for (double threshold : new double[] {0, 1.25, 1.3, 1.35, 9}) {
            StopPolicy policy = StopPolicy.of(Routers.ENTROPY, threshold);
            Segmentation expected = engine.run(List.of(picture), WINDOW, policy).get(0);
            Segmentation came = record.under(policy);
            assertThat(came.labels()).isEqualTo(expected.labels());
            assertThat(came.macs()).isEqualTo(expected.macs());
            assertThat(came.windows())
                    .extracting(WindowOutcome::stage)
                    .isEqualTo(expected.windows().stream()
                            .map(WindowOutcome::stage)
                            .toList());
        }
        assertThat(record.endingAt(1).windowsByStage(2)).containsExactly(12, 0);
    }

    @Test
    void aWholePictureIsOneWindowHoweverSmallItIs() {
        for (ImageSize size : List.of(new ImageSize(30, 41), ImageSize.square(1), new ImageSize(3, 64))) {
            Segmentation whole = engine.run(List.of(picture(size.height(), size.width(), 5)), null, all)
                    .get(0);
            assertThat(whole.windows()).hasSize(1);
            assertThat(whole.labels()).hasSize(size.pixels());
            assertThat(whole.macs())
                    .isEqualTo(CONFIG.withImageSize(size).macs(1)
                            + CONFIG.withImageSize(size).macs(2));
        }
    }

    /** Mirrored and mirrored back: where left and right are alike, so is what is seen. */
    @Test
    void viewsAreMirroredBackAndAveragedAsProbabilities() {
        ImageSize size = ImageSize.square(16);
        PictureView view = picture(16, 16, 6).views().get(0);
        float[] turned = new float[size.values()];
        for (int row = 0; row < 3 * 16; row++) {
            for (int x = 0; x < 16; x++) {
                turned[row * 16 + x] = view.values()[row * 16 + 15 - x];
            }
        }
        PictureView mirrored = new PictureView(turned, size, true);
        float[][] sums = new float[3][];
        List<List<PictureView>> looks = List.of(List.of(view), List.of(mirrored), List.of(view, mirrored));
        for (int i = 0; i < looks.size(); i++) {
            float[] shares = new float[16 * 16 * 4];
            engine.run(List.of(new Looks(looks.get(i), size)), WINDOW, all, (picture, y, logits, row) -> {
                for (int c = 0; c < 4; c++) {
                    System.arraycopy(row[c], 0, shares, (c * 16 + y) * 16, 16);
                }
            });
            sums[i] = shares;
        }
        for (int i = 0; i < sums[0].length; i++) {
            assertThat(sums[2][i]).isCloseTo((sums[0][i] + sums[1][i]) / 2, within(1e-5f));
        }
    }

    @Test
    void whatIsNoNumberIsNamedByItsPatch() {
        Looks picture = picture(16, 16, 7);
        picture.views().get(0).values()[0] = Float.NaN;
        assertThatThrownBy(() -> engine.run(List.of(picture), WINDOW, all))
                .isInstanceOf(ArithmeticException.class)
                .hasMessageContaining("stage 1 gave NaN for class 0 of the patch in row 0, column 0");
    }

    @Test
    void aNetworkThatNamesPicturesIsRefused() {
        ThinkingViTConfig vit = new ThinkingViTConfig(16, 8, 24, 1, 3, List.of(1, 3), 4, 1e-6);
        try (ElasticEngine classes =
                new ElasticEngine(PackedBackbone.of(vit, vit.parameters().draw(1), Precision.FP32))) {
            assertThatThrownBy(() -> new WindowEngine(classes).run(List.of(picture(16, 16, 8)), WINDOW, all))
                    .hasMessage("a network that names the classes of pixels is required, this one gives ClassScores");
        }
    }
}
