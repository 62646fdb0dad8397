package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class LearningRatesTest {
    private static final Offset<Double> EXACTLY = within(1e-15);

    private static LearningRates rates(Map<String, ?> changes) {
        Recipe base = Recipe.DEFAULT.with("lr", 1.0).with("min_lr", 0.0);
        return new LearningRates(RecipeFile.with(base, changes));
    }

    @Test
    void theWarmUpIsLinearAndTheCosineRunsUnderneath() {
        LearningRates rates = rates(Map.of("epochs", 10, "warmup_epochs", 4, "warmup_lr", 0.2));
        assertThat(rates.at(0, 0.5, List.of())).isCloseTo(0.2, EXACTLY);
        assertThat(rates.at(3, 0, List.of())).isCloseTo(0.8, EXACTLY);
        assertThat(rates.at(5, 0, List.of())).isCloseTo(0.5, EXACTLY);
        assertThat(rates.at(12, 0, List.of())).as("cool-down").isZero();
    }

    @Test
    void aScheduleOnUpdatesMovesWithinAnEpoch() {
        LearningRates rates = rates(Map.of("epochs", 10, "sched_on_updates", true));
        assertThat(rates.at(2, 0.5, List.of())).isCloseTo(0.5 * (1 + Math.cos(Math.PI * 0.25)), EXACTLY);
    }

    @Test
    void stepsMultiplyByTheDecayRate() {
        LearningRates rates = rates(Map.of("sched", "step", "decay_epochs", 3, "decay_rate", 0.5, "epochs", 10));
        assertThat(rates.at(2, 0, List.of())).isCloseTo(1, EXACTLY);
        assertThat(rates.at(3, 0, List.of())).isCloseTo(0.5, EXACTLY);
        assertThat(rates.at(9, 0, List.of())).isCloseTo(0.125, EXACTLY);
    }

    @Test
    void aPlateauLastsLongerThanThePatienceBeforeTheRateFalls() {
        LearningRates rates = rates(
                Map.of("sched", "plateau", "patience_epochs", 1, "decay_rate", 0.1, "min_lr", 0.05, "epochs", 20));
        List<Double> accuracies = new ArrayList<>(List.of(0.3, 0.5, 0.5));
        assertThat(rates.at(3, 0, accuracies)).as("one bad epoch is borne").isCloseTo(1, EXACTLY);
        accuracies.add(0.49);
        assertThat(rates.at(4, 0, accuracies)).as("two are not").isCloseTo(0.1, EXACTLY);
        accuracies.addAll(List.of(0.6, 0.5, 0.5));
        assertThat(rates.at(7, 0, accuracies)).as("never below the smallest").isCloseTo(0.05, EXACTLY);
    }
}
