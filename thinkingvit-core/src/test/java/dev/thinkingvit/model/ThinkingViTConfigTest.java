package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ThinkingViTConfigTest {

    @ParameterizedTest
    @CsvSource({
        "2 3, 5742185",
        "2 6, 22100201",
        "3 6, 22124777",
        "2 3 6, 22174314",
        "3 9, 49111913",
        "3 12, 86715881",
        "3 6 12, 87011562"
    })
    void publishedShapesHaveThePublishedNumberOfParameters(String stages, long parameters) {
        assertThat(ThinkingViTConfig.imagenet(heads(stages)).parameterCount()).isEqualTo(parameters);
    }

    @ParameterizedTest
    @CsvSource({"2, 0.6", "3, 1.25", "6, 4.6", "12, 17.56"})
    void aStageCostsThePublishedGmacs(int heads, double gmacs) {
        // published to two digits behind the point at most
        assertThat(ThinkingViTConfig.imagenet(heads).macs(1) / 1e9).isCloseTo(gmacs, within(0.05));
        assertThat(ThinkingViTConfig.imagenet(1, heads).macs(2) / 1e9).isCloseTo(gmacs, within(0.05));
    }

    @Test
    void thinkingTwiceCostsThePublishedSum() {
        ThinkingViTConfig config = ThinkingViTConfig.imagenet(3, 6);

        // the published 5.85 leaves out the recycling projection, 0.0145
        assertThat((config.macs(1) + config.macs(2)) / 1e9).isCloseTo(5.85 + 0.0145, within(0.005));
        assertThat(config.macs(1) / 1e9).isCloseTo(1.25, within(0.005));
        assertThat(ThinkingViTConfig.imagenet(12).macs(1) / 1e9).isCloseTo(17.56, within(0.02));
    }

    @Test
    void theShorthandNamesTheHeadsOfEachStage() {
        assertThat(ThinkingViTConfig.imagenet(2, 3, 6).shorthand()).isEqualTo("2H → 3H → 6H");
    }

    @Test
    void furtherStagesAreNamedInTheSameManner() {
        assertThat(new ThinkingViTConfig(32, 16, 64, 1, 4, List.of(1, 2, 3, 4), 5, 1e-6).parameterShapes())
                .containsKeys("proj_layer.weight", "proj_layer2.weight", "proj_layer3.weight", "alpha.2")
                .doesNotContainKeys("alpha.3", "proj_layer4.weight");
    }

    @ParameterizedTest
    @CsvSource({
        "30, 16, 64, 4, 1 4, img_size 30 is not a multiple of patch_size 16",
        "32, 16, 65, 4, 1 4, embed_dim 65 is not a multiple of num_heads 4",
        "32, 16, 64, 4, 4 1, thinking_stages must grow strictly",
        "32, 16, 64, 4, 1 5, stay within num_heads 4",
        "32, 64, 64, 4, 1 4, 'patch_size must lie between 1 and 32, got 64'",
        "0, 16, 64, 4, 1 4, img_size must lie between"
    })
    void impossibleShapesAreRefused(int image, int patch, int width, int heads, String stages, String reason) {
        assertThatThrownBy(() -> new ThinkingViTConfig(image, patch, width, 1, heads, List.of(heads(stages)), 5, 1e-6))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void aStageThatDoesNotExistIsNamed() {
        assertThatThrownBy(() -> ThinkingViTConfig.imagenet(3, 6).width(3)).hasMessageContaining("stages 1 to 2");
    }

    private static Integer[] heads(String stages) {
        return Stream.of(stages.split(" ")).map(Integer::valueOf).toArray(Integer[]::new);
    }
}
