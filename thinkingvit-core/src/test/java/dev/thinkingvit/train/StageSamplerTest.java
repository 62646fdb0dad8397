package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StageSamplerTest {
    private static Set<List<Integer>> selections(double[] weights, LossRecipe.StageSampling sampling) {
        StageSampler sampler = new StageSampler(weights, sampling);
        SplittableRandom random = new SplittableRandom(3);
        Set<List<Integer>> selections = new HashSet<>();
        for (int i = 0; i < 200; i++) {
            double[] drawn = sampler.draw(random);
            selections.add(IntStream.range(0, drawn.length)
                    .filter(k -> drawn[k] > 0)
                    .boxed()
                    .toList());
        }
        return selections;
    }

    @Test
    void aSandwichIsTheFirstTheLastAndOneBetween() {
        assertThat(selections(new double[] {1, 1, 1, 1}, LossRecipe.StageSampling.SANDWICH))
                .containsExactlyInAnyOrder(List.of(0, 1, 3), List.of(0, 2, 3));
    }

    @Test
    void oneRandomStageIsOneThatHasAWeight() {
        assertThat(selections(new double[] {1, 0, 2}, LossRecipe.StageSampling.RANDOM))
                .containsExactlyInAnyOrder(List.of(0), List.of(2));
    }

    @Test
    void aSandwichWhoseStagesHaveNoWeightTakesTheFirstThatHas() {
        assertThat(selections(new double[] {0, 0, 1, 0}, LossRecipe.StageSampling.SANDWICH))
                .containsExactly(List.of(2));
    }

    @ParameterizedTest
    @EnumSource(LossRecipe.StageSampling.class)
    void theWeightsKeepTheirSum(LossRecipe.StageSampling sampling) {
        double[] weights = {0.5, 1, 0, 2.5};
        StageSampler sampler = new StageSampler(weights, sampling);
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 50; i++) {
            assertThat(Arrays.stream(sampler.draw(random)).sum()).isCloseTo(4, within(1e-12));
        }
    }
}
