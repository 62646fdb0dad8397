package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RoutersTest {
    private static final float[] UNIFORM_20 = new float[20];

    static {
        java.util.Arrays.fill(UNIFORM_20, 0.05f);
    }

    @Test
    void entropyOfUniformProbabilitiesIsTheLogarithmOfTheirNumber() {
        assertThat(Routers.ENTROPY.measure(UNIFORM_20)).isCloseTo(Math.log(20), within(1e-6));
        assertThat(Routers.ENTROPY_TOP10.measure(UNIFORM_20)).isCloseTo(Math.log(10), within(1e-6));
    }

    @Test
    void topTenEntropyRenormalisesTheTenLargest() {
        float[] skewed = {0.4f, 0.3f, 0.1f, 0.05f, 0.05f, 0.02f, 0.02f, 0.02f, 0.01f, 0.01f, 0.01f, 0.01f};
        double sum = 0.98;
        double expected = 0;
        for (int i = 0; i < 10; i++) {
            expected -= skewed[i] / sum * Math.log(skewed[i] / sum);
        }
        assertThat(Routers.ENTROPY_TOP10.measure(skewed)).isCloseTo(expected, within(1e-6));
    }

    @Test
    void aCertainPredictionHasNoEntropy() {
        assertThat(Routers.ENTROPY.measure(new float[] {0, 1, 0})).isZero();
        assertThat(Routers.ENTROPY.isSure(0, 0)).as("τ = 0 never stops").isFalse();
    }

    @Test
    void anInclusiveEntropyIsSureAtTheThresholdToo() {
        float[] p = {0.2f, 0.7f, 0.1f};
        double measure = Routers.ENTROPY_INCLUSIVE.measure(p);
        assertThat(measure).isEqualTo(Routers.ENTROPY.measure(p));
        assertThat(Routers.ENTROPY_INCLUSIVE.isSure(measure, measure)).isTrue();
        assertThat(Routers.ENTROPY.isSure(measure, measure)).isFalse();
        assertThat(Routers.ENTROPY_INCLUSIVE.isSure(Math.nextUp(measure), measure))
                .isFalse();
    }

    @Test
    void marginAndMaxProbabilityAreSureAboveTheThreshold() {
        float[] p = {0.2f, 0.7f, 0.1f};
        assertThat(Routers.MAX_PROBABILITY.measure(p)).isCloseTo(0.7, within(1e-6));
        assertThat(Routers.MARGIN.measure(p)).isCloseTo(0.5, within(1e-6));
        assertThat(Routers.MARGIN.isSure(0.5, 0.4)).isTrue();
        assertThat(Routers.MAX_PROBABILITY.isSure(0.7, 0.8)).isFalse();
    }

    @Test
    void routersAreFoundByTheirNames() {
        for (Routers router : Routers.values()) {
            assertThat(Routers.named(router.id())).isSameAs(router);
        }
        assertThatThrownBy(() -> Routers.named("magic"))
                .hasMessage("router must be one of entropy, entropy_inclusive, entropy_top10, max_probability, margin;"
                        + " got magic");
    }
}
