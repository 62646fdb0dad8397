package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class LearningRatesTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");

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

    @ParameterizedTest
    @CsvSource({
        "poly, poly, 0.9, 0, false, 2",
        "poly warm-up, poly, 2, 3, false, 0",
        "poly warm-up prefix, poly, 0.9, 3, true, 0",
        "step, step, 0.5, 2, false, 0",
        "step prefix, step, 0.5, 2, true, 0"
    })
    void everyScheduleHasTimmsRates(
            String name, String sched, double strength, int warmup, boolean prefix, int cooldown) throws IOException {
        Recipe recipe = RecipeFile.with(
                Recipe.DEFAULT,
                Map.ofEntries(
                        Map.entry("lr", 1e-3),
                        Map.entry("min_lr", 1e-5),
                        Map.entry("sched", sched),
                        Map.entry(sched.equals("poly") ? "poly_power" : "decay_rate", strength),
                        Map.entry("decay_epochs", 3),
                        Map.entry("epochs", 10),
                        Map.entry("warmup_epochs", warmup),
                        Map.entry("warmup_lr", 1e-6),
                        Map.entry("warmup_prefix", prefix),
                        Map.entry("cooldown_epochs", cooldown)));
        assertRates(recipe, reference("lr-schedules-timm.json").get(name));
    }

    @Test
    void theSwinRecipeBeginsItsCosineAfterTheWarmUp() throws IOException {
        Recipe recipe = RecipeSource.read(REFERENCE.resolve("recipes/args_swin.yaml"), 4)
                .recipe();
        assertRates(recipe, reference("lr-schedule-swin.json").get("lr"));
        assertRates(
                RecipeFile.read(Path.of("../recipes/imagenet-swin-s.yaml")),
                reference("lr-schedule-swin.json").get("lr"));
    }

    private static JsonNode reference(String name) throws IOException {
        return new JsonMapper().readTree(Files.readAllBytes(REFERENCE.resolve(name)));
    }

    private static void assertRates(Recipe recipe, JsonNode expected) {
        LearningRates rates = new LearningRates(recipe);
        assertThat(recipe.schedule().totalEpochs()).isEqualTo(expected.size());
        for (int epoch = 0; epoch < expected.size(); epoch++) {
            assertThat(rates.at(epoch, 0, List.of()))
                    .as("epoch %d", epoch)
                    .isCloseTo(expected.get(epoch).asDouble(), within(1e-15));
        }
    }

    @Test
    void aPolynomialScheduleOnUpdatesFallsAtEachOfThem() {
        LearningRates rates = rates(
                Map.of("sched", "poly", "poly_power", 0.9, "epochs", 4, "sched_on_updates", true, "min_lr", 0.01));
        int updates = 5;
        for (int i = 0; i < 4 * updates; i++) {
            double expected = 0.01 + 0.99 * Math.pow(1 - i / (4.0 * updates), 0.9);
            assertThat(rates.at(i / updates, (double) (i % updates) / updates, List.of()))
                    .isCloseTo(expected, EXACTLY);
        }
    }

    @Test
    void everyScheduleCoolsDownAtItsSmallestRate() {
        for (String sched : List.of("step", "plateau", "poly", "cosine")) {
            LearningRates rates = rates(Map.of("sched", sched, "epochs", 4, "cooldown_epochs", 2, "min_lr", 0.01));
            assertThat(rates.at(4, 0, List.of())).as(sched).isCloseTo(0.01, EXACTLY);
        }
    }

    @Test
    void patienceCountsEpochsThatWereNotJudgedToo() {
        LearningRates rates = rates(Map.of("sched", "plateau", "patience_epochs", 3, "epochs", 20));
        double none = Double.NaN;
        assertThat(rates.at(4, 0, List.of(none, 0.5, none, 0.5))).isCloseTo(1, EXACTLY);
        assertThat(rates.at(6, 0, List.of(none, 0.5, none, 0.5, none, 0.5))).isCloseTo(0.1, EXACTLY);
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
