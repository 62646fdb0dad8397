package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DynamicViTConfigTest {
    private static final List<Integer> BLOCKS = List.of(3, 6, 9);

    /** Of DeiT-S and DeiT-T, predictors included, computed from the published code. */
    @ParameterizedTest
    @CsvSource({
        "6, 0.9, 4.04", "6, 0.8, 3.46", "6, 0.7, 2.98", "6, 0.6, 2.56", "6, 0.5, 2.23",
        "3, 0.9, 1.09", "3, 0.8, 0.93", "3, 0.7, 0.80", "3, 0.6, 0.69", "3, 0.5, 0.60"
    })
    void aRateCostsWhatThePublishedNetworkCosts(int heads, double rate, double gmacs) {
        DynamicViTConfig config =
                new DynamicViTConfig(ThinkingViTConfig.imagenet(heads), BLOCKS, DynamicViTConfig.powers(rate, 3));
        assertThat(config.macs(1) / 1e9).isCloseTo(gmacs, within(0.006));
        assertThat(config.macs(1, Map.of())).isEqualTo(config.macs(1));
    }

    @Test
    void thePublishedCombinationCostsAsMuchInItsSecondStage() {
        ThinkingViTConfig vit = new ThinkingViTConfig(224, 16, 768, 12, 12, List.of(3, 6), 1000, 1e-6);
        DynamicViTConfig config = new DynamicViTConfig(vit, BLOCKS, DynamicViTConfig.powers(0.8, 3));
        assertThat(config.macs(1)).isEqualTo(vit.macs(1));
        assertThat(config.macs(2) / 1e9).isCloseTo(3.46 + 0.0145, within(0.006));
        assertThat(List.of(
                        config.pruning().kept(0),
                        config.pruning().kept(1),
                        config.pruning().kept(2)))
                .containsExactly(156, 125, 100);
        assertThat(config.parameterShapes().get("score_predictor.0.out_conv.0.weight"))
                .as("as wide as the last stage, not as the file")
                .containsExactly(192, 384);
        assertThat(config.narrowest().macs(2)).isEqualTo(config.macs(2));
        assertThat(config.shorthand()).isEqualTo("3H → 6H, 80/64/51 % of tokens");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[3, 12] | [0.7, 0.5] | [1] | pruning_loc must grow strictly and name blocks from 0 to 11, got [3, 12]",
                "[6, 3] | [0.7, 0.5] | [1] | pruning_loc must grow strictly",
                "[-1] | [0.7] | [1] | pruning_loc must grow strictly",
                "[3, 3] | [0.7, 0.5] | [1] | pruning_loc must grow strictly and name blocks from 0 to 11, got [3, 3]",
                "[3] | [NaN] | [1] | token_ratio must hold finite numbers, got NaN",
                "[3, 6] | [0.7] | [1] | token_ratio must name a share for each of pruning_loc [3, 6], got [0.7]",
                "[3] | [0.0] | [1] | token_ratio must lie between 0 and 1, without either",
                "[3] | [1.0] | [1] | token_ratio must lie between 0 and 1, without either",
                "[3, 6] | [0.5, 0.7] | [1] | none be larger than the one before, got [0.5, 0.7]",
                "[3] | [0.5] | [2] | pruned_stages must grow strictly and name stages from 1 to 1, got [2]",
                "[] | [] | [1] | pruning_loc is empty: at least one block is required",
                "[3] | [0.5] | [] | pruned_stages is empty: at least one stage is required",
            })
    void shapesThatCannotBeAreRefused(String blocks, String ratios, String stages, String reason) {
        Map<String, Object> arguments = arguments();
        arguments.put("pruning_loc", list(blocks, Integer::valueOf));
        arguments.put("token_ratio", list(ratios, Double::valueOf));
        arguments.put("pruned_stages", list(stages, Integer::valueOf));
        assertRefused(arguments, reason);
    }

    @Test
    void aRateStandsForItsPowersAndNotBesideThem() {
        Map<String, Object> arguments = arguments();
        arguments.put("pruning_loc", List.of(2, 4));
        assertRefused(arguments, "either token_ratio or base_rate is required, got neither");
        arguments.put("base_rate", 0.5);
        assertThat(DynamicViTConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .isEqualTo(new DynamicViTConfig(ThinkingViTConfig.imagenet(3), List.of(2, 4), List.of(0.5, 0.25)));
        arguments.put("token_ratio", List.of(0.5, 0.25));
        assertRefused(arguments, "either token_ratio or base_rate is required, got both");
        arguments.remove("token_ratio");
        arguments.put("base_rate", 1);
        assertRefused(arguments, "base_rate must lie between 0 and 1, without either, got 1.0");
    }

    @Test
    void aStageWhoseWidthHasNoQuarterIsRefused() {
        ThinkingViTConfig odd = new ThinkingViTConfig(16, 8, 6, 2, 1, List.of(1), 3, 1e-6);
        assertThatThrownBy(() -> new DynamicViTConfig(odd, List.of(1), List.of(0.5)))
                .hasMessage("a stage that leaves tokens out must be a multiple of 4 wide, stage 1 is 6");
    }

    private static void assertRefused(Map<String, Object> arguments, String reason) {
        assertThatThrownBy(() -> DynamicViTConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(reason);
    }

    private static Map<String, Object> arguments() {
        Map<String, Object> arguments =
                new LinkedHashMap<>(ThinkingViTConfig.ARCHITECTURE.write(ThinkingViTConfig.imagenet(3)));
        arguments.remove("thinking_stages"); // a plain one needs none
        arguments.put("num_classes", 1000);
        return arguments;
    }

    private static <T> List<T> list(String text, Function<String, T> as) {
        String inner = text.strip().replaceAll("[\\[\\]]", "");
        return inner.isBlank()
                ? List.of()
                : Arrays.stream(inner.split(",")).map(String::strip).map(as).toList();
    }
}
