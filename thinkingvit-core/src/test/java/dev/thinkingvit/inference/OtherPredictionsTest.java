package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.ClassScores;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.Prediction;
import dev.thinkingvit.model.Readout;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.WrappedBackbone;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A network that predicts no classes, and spends unlike amounts on the images of a stage. */
@NullUnmarked // a null fails the test
class OtherPredictionsTest {
    private static final ThinkingViTConfig CONFIG = new ThinkingViTConfig(16, 8, 32, 2, 4, List.of(1, 2, 4), 6, 1e-6);
    private static final int IMAGES = 5;
    private static final int IMAGE = 3 * 16 * 16;

    private final ElasticEngine engine = new ElasticEngine(
            new Uneven(PackedBackbone.of(CONFIG, CONFIG.parameters().draw(3), Precision.FP32)));
    private final float[] images = images();

    /** The brightness of the first pixel, which tells the images apart, in whole numbers. */
    private static float[] images() {
        SplittableRandom random = new SplittableRandom(1);
        float[] images = new float[IMAGES * IMAGE];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        for (int image = 0; image < IMAGES; image++) {
            images[image * IMAGE] = image;
        }
        return images;
    }

    @AfterEach
    void close() {
        engine.close();
    }

    /** Two pixels of three classes each. */
    @SuppressWarnings("ArrayRecordComponent") // not compared
    private record Pixels(float[] values) implements Prediction {
        float[] pixel(int index) {
            return ClassScores.softmax(values, 3 * index, 3);
        }

        @Override
        public double measure(ToDoubleFunction<float[]> of) {
            return (of.applyAsDouble(pixel(0)) + of.applyAsDouble(pixel(1))) / 2;
        }
    }

    private static final class PixelReadout implements Readout {
        @Override
        public Pixels read(float[] values, int offset, int length) {
            return new Pixels(Arrays.copyOfRange(values, offset, offset + length));
        }

        @Override
        public String place(int index) {
            return "pixel " + index / 3;
        }
    }

    /** Says how deep each image went, which is its first pixel, and spends so many multiply-accumulates. */
    private record Uneven(Backbone inner) implements WrappedBackbone {
        @Override
        public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
            StageOutput output = inner.run(stage, images, previousTokens);
            NativeTensor depth = new TorchTensor(
                    Tensors.shared(images).flatten(1, -1).narrow(1, 0, 2).clone()); // (B, 2)
            return new StageOutput(output.tokens(), output.prediction(), Map.of("depth", depth));
        }

        @Override
        public Readout readout() {
            return new PixelReadout();
        }

        @Override
        public long macs(int stage, Map<String, float[]> extras) {
            return 100L * stage + (long) extras.get("depth")[0];
        }

        @Override
        public int microBatch(int stage) {
            return 2;
        }
    }

    @Test
    void routersMeasureWhatTheReadoutMakesOfAPrediction() {
        for (Outcome outcome : engine.run(images, IMAGES, StopPolicy.alwaysThink(Routers.MARGIN))) {
            for (StageOutcome stage : outcome.stages()) {
                Pixels pixels = (Pixels) stage.prediction();
                assertThat(stage.measure())
                        .isCloseTo(
                                (Routers.MARGIN.measure(pixels.pixel(0)) + Routers.MARGIN.measure(pixels.pixel(1))) / 2,
                                within(1e-12));
                assertThatThrownBy(stage::logits).hasMessageContaining("class scores are asked for");
            }
        }
    }

    @Test
    void whatAStageSaysBesidesComesWithItsImage() {
        List<Outcome> outcomes = engine.run(images, IMAGES, StopPolicy.alwaysThink(Routers.ENTROPY));
        for (int i = 0; i < IMAGES; i++) {
            for (StageOutcome stage : outcomes.get(i).stages()) {
                assertThat(stage.extras().get("depth")).containsExactly(i, images[i * IMAGE + 1]);
            }
        }
    }

    @Test
    void anImageCostsWhatWasSpentOnItAndNotWhatWasPredicted() {
        List<Outcome> all = engine.run(images, IMAGES, StopPolicy.alwaysThink(Routers.ENTROPY));
        List<Outcome> first = engine.run(images, IMAGES, StopPolicy.endingAt(1, 3));
        List<Long> spent = new ArrayList<>();
        for (int i = 0; i < IMAGES; i++) {
            assertThat(first.get(i).macs()).isEqualTo(100 + i);
            assertThat(first.get(i).gmacs()).isEqualTo((100 + i) / 1e9);
            spent.add(all.get(i).macs());
        }
        assertThat(spent).containsExactly(600L, 603L, 606L, 609L, 612L);
    }

    @Test
    void whatIsNoNumberIsNamedByItsPlace() {
        images[3 * IMAGE + 7] = Float.NaN;
        assertThatThrownBy(() -> engine.run(images, IMAGES, StopPolicy.alwaysThink(Routers.ENTROPY)))
                .isInstanceOf(ArithmeticException.class)
                .hasMessageContaining("stage 1 gave NaN for pixel 0");
    }

    @Test
    void aNetworkWithoutExtrasCostsWhatWasPredicted() {
        try (ElasticEngine plain =
                new ElasticEngine(PackedBackbone.of(CONFIG, CONFIG.parameters().draw(3), Precision.FP32))) {
            Outcome outcome =
                    plain.run(images, IMAGES, StopPolicy.endingAt(2, 3)).get(0);
            assertThat(outcome.macs()).isEqualTo(CONFIG.macs(1) + CONFIG.macs(2));
            assertThat(outcome.gmacs()).isEqualTo(plain.cumulativeGmacs(2));
            assertThat(outcome.decisive().extras()).isEmpty();
        }
    }
}
