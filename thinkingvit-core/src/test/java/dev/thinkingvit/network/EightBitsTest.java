package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class EightBitsTest {
    private static final int FEATURES = 48;
    private static final int OUTPUTS = 20;
    private static final int ROWS = 400;

    private final SplittableRandom random = new SplittableRandom(7);
    private final float[] weight = normal(OUTPUTS * FEATURES);
    private final float[] bias = normal(OUTPUTS);

    private float[] normal(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** Rows whose features differ in size and place; with an outlier one is fifty times as large. */
    private float[] rows(boolean outlier) {
        float[] x = normal(ROWS * FEATURES);
        for (int i = 0; i < x.length; i++) {
            int c = i % FEATURES;
            x[i] = x[i] * (outlier && c == 5 ? 50 : 1 + c / 20f) + c / 10f;
        }
        return x;
    }

    private static ActivationRanges.Features seen(float[] x) {
        ActivationRanges ranges = new ActivationRanges();
        Linear layer = new Linear(Parameter.of("w", Start.ZEROS, 0, Axis.whole(OUTPUTS), Axis.whole(FEATURES)), null);
        ranges.add(1, layer, FEATURES, x);
        return Objects.requireNonNull(ranges.of(1, layer, FEATURES));
    }

    private double[] exact(float[] x, int row) {
        double[] y = new double[OUTPUTS];
        for (int n = 0; n < OUTPUTS; n++) {
            y[n] = bias[n];
            for (int c = 0; c < FEATURES; c++) {
                y[n] += (double) weight[n * FEATURES + c] * x[row * FEATURES + c];
            }
        }
        return y;
    }

    private static double[] rounded(EightBits bits, float[] x, int row) {
        double[] y = new double[OUTPUTS];
        for (int n = 0; n < OUTPUTS; n++) {
            long sum = 0;
            for (int c = 0; c < FEATURES; c++) {
                long q = Math.round((double) x[row * FEATURES + c] * bits.scale()[c] + bits.shift()[c]);
                assertThat(q).isBetween(0L, 255L);
                sum += q * bits.weight()[n * FEATURES + c];
            }
            y[n] = (double) bits.unit()[n] * sum + bits.bias()[n];
        }
        return y;
    }

    /** The root of the mean squared error, as a share of the outputs' deviation; and the mean error. */
    private double[] errors(EightBits bits, float[] x) {
        double squares = 0;
        double size = 0;
        double sum = 0;
        for (int row = 0; row < ROWS; row++) {
            double[] wanted = exact(x, row);
            double[] came = rounded(bits, x, row);
            for (int n = 0; n < OUTPUTS; n++) {
                squares += (came[n] - wanted[n]) * (came[n] - wanted[n]);
                size += wanted[n] * wanted[n];
                sum += came[n] - wanted[n];
            }
        }
        return new double[] {Math.sqrt(squares / size), sum / (ROWS * OUTPUTS)};
    }

    @Test
    void productsAreKeptToWithinAHundredth() {
        float[] x = rows(false);
        double[] errors = errors(EightBits.of(weight, bias, seen(x)), x);
        assertThat(errors[0]).isLessThan(0.01);
        assertThat(errors[1]).as("mean error").isCloseTo(0, within(5e-3));
    }

    @Test
    void aFeatureThatIsFarLargerThanOthersLeavesThemTheirSteps() {
        float[] x = rows(true);
        EightBits bits = EightBits.of(weight, bias, seen(x));
        assertThat(bits.scale()[5]).isLessThan(bits.scale()[4] / 3);
        assertThat(errors(bits, x)[0]).isLessThan(0.015);
    }

    @Test
    void aFeatureThatNeverChangesCostsNothing() {
        float[] x = rows(false);
        for (int row = 0; row < ROWS; row++) {
            x[row * FEATURES] = 3;
        }
        assertThat(errors(EightBits.of(weight, bias, seen(x)), x)[0]).isLessThan(0.01);
    }

    @Test
    void stepsMayBeTheSameForAllFeaturesAndThenZeroIsAWholeNumberOfThem() {
        float[] x = rows(false);
        EightBits bits = EightBits.evenly(weight, bias, seen(x));
        for (int c = 0; c < FEATURES; c++) {
            assertThat(bits.scale()[c]).isEqualTo(bits.scale()[0]);
            assertThat(bits.shift()[c]).isEqualTo(Math.round(bits.shift()[0]));
        }
        double[] errors = errors(bits, x);
        assertThat(errors[0]).isLessThan(0.02);
        assertThat(errors[1]).as("mean error").isCloseTo(0, within(1e-2));
    }

    @Test
    void inputsThatAreAllTheSameAndWeightsOfZeroGiveNumbers() {
        float[] x = new float[ROWS * FEATURES];
        EightBits bits = EightBits.of(new float[OUTPUTS * FEATURES], bias, seen(x));
        assertThat(bits.bias()).containsExactly(bias);
        assertThat(rounded(bits, x, 0)[3]).isEqualTo(bias[3]);
        assertThat(EightBits.evenly(new float[OUTPUTS * FEATURES], bias, seen(x))
                        .bias())
                .containsExactly(bias);
    }
}
