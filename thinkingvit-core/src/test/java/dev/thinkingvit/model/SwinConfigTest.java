package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class SwinConfigTest {
    private static final SwinConfig CONFIG =
            new SwinConfig(32, 2, 8, List.of(2, 1), List.of(2, 4), List.of(4, 4), List.of(List.of(2, 4)), 3);

    private static Map<String, Object> arguments() {
        Map<String, Object> arguments = new LinkedHashMap<>(SwinConfig.ARCHITECTURE.write(CONFIG));
        arguments.put("num_classes", 3);
        return arguments;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "img_size | 0 | img_size must be at least 1, got 0",
                "img_size | 131072 | img_size must lie between 1 and 65536, got 131072",
                "img_size | 31 | img_size 31 is not a multiple of 2, the patch_size: 30 is",
                "patch_size | 0 | patch_size must lie between 1 and 32, got 0",
                "patch_size | 64 | patch_size must lie between 1 and 32, got 64",
                "embed_dim | -8 | embed_dim must lie between 1 and 65536, got -8",
                "embed_dim | 1073741824 | embed_dim must lie between 1 and 65536, got 1073741824",
                "embed_dim | 9 | level 1: its width 9 is not a multiple of its num_heads 2",
                "num_classes | 0 | num_classes must lie between 1 and 16777216, got 0",
                "num_classes | 2000000000 | num_classes must lie between 1 and 16777216, got 2000000000",
                "window_size | 0 | each of window_size must lie between 1 and 65536, got 0"
            })
    void aSenselessNumberIsRefusedByItsRange(String key, int value, String message) {
        Map<String, Object> arguments = arguments();
        arguments.put(key, value);
        assertThatThrownBy(() -> SwinConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }

    @Test
    void aSenselessListIsRefusedByItsRange() {
        Map<String, Object> arguments = arguments();
        arguments.remove("head_rounds");
        arguments.put("depths", List.of(2, 0));
        assertThatThrownBy(() -> SwinConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .hasMessage("each of depths must lie between 1 and 1024, got 0");
        arguments.put("depths", Collections.nCopies(40, 1));
        assertThatThrownBy(() -> SwinConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .hasMessage("depths: at most 12 levels are possible, got 40");
        arguments.putAll(Map.of("depths", List.of(2, 1), "img_size", 1024, "window_size", List.of(4, 128)));
        assertThatThrownBy(() -> SwinConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .hasMessage("each of window_size must lie between 1 and 64, got 128");
    }

    static Stream<Object> roundsInWords() {
        return Stream.of(
                "(1,2) (2,4)",
                "1,2;2,4",
                "1 2 2 4",
                "[[1, 2], [2, 4]]",
                List.of(1, 2, 2, 4),
                List.of("(1,2)", "(2,4)"),
                List.of("1", "2", "2", "4"));
    }

    @ParameterizedTest
    @MethodSource("roundsInWords")
    void roundsMayBeInTheWordsOfThePublishedTrainer(Object rounds) {
        Map<String, Object> arguments = arguments();
        arguments.put("head_rounds", rounds);
        assertThat(SwinConfig.ARCHITECTURE.read(new Arguments(arguments)).shorthand())
                .isEqualTo("(1,2) → (2,4)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"(1) (2,2,4)", "(1,2,2) (4)", "1;2;2;4", "(1,2) (2,4) (1)"})
    void bracketsThatHoldNoRoundAreNotCutAnew(String rounds) {
        Map<String, Object> arguments = arguments();
        arguments.put("head_rounds", rounds);
        assertThatThrownBy(() -> SwinConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .hasMessage("head_rounds must be lists of 2 whole numbers each, got \"" + rounds + "\"");
    }

    @Test
    void gridsMayBeOddButForThatOfSeveralRounds() {
        SwinConfig odd = CONFIG.withImageSize(new ImageSize(30, 22));
        assertThat(odd.grid(0)).isEqualTo(new ImageSize(15, 11));
        assertThat(odd.grid(1)).isEqualTo(new ImageSize(8, 6));
        Map<String, Object> arguments = arguments();
        arguments.put("img_size", 30);
        arguments.put("head_rounds", List.of(List.of(1, 2), List.of(2, 4)));
        assertThatThrownBy(() -> SwinConfig.ARCHITECTURE.read(new Arguments(arguments)))
                .hasMessage(
                        "img_size 30 is not a multiple of 4, the patch_size 2 doubled by each level, as more than one"
                                + " round requires: 28 is");
    }

    @Test
    void windowsShrinkToAGridThatIsSmaller() {
        SwinConfig small = CONFIG.withImageSize(new ImageSize(16, 8));
        assertThat(small.window(0)).isEqualTo(new ImageSize(4, 4));
        assertThat(small.window(1)).isEqualTo(new ImageSize(4, 2));
        assertThat(small.parameterShapes().get(SwinConfig.biasTable(1, 0))).containsExactly(21, 4);
    }

    @Test
    void biasesFollowTheirWindowsToAnotherSizeOfPictures() {
        SwinConfig small = CONFIG.withImageSize(new ImageSize(16, 8));
        Map<String, HostTensor> weights = CONFIG.parameters().draw(3);

        Map<String, HostTensor> resized = CONFIG.resized(weights, small);

        assertThat(resized.get(SwinConfig.biasTable(0, 1))).isSameAs(weights.get(SwinConfig.biasTable(0, 1)));
        assertThat(resized.get(SwinConfig.biasTable(1, 0)).toFloats())
                .containsExactly(BiasTables.resized(
                        weights.get(SwinConfig.biasTable(1, 0)).toFloats(),
                        ImageSize.square(4),
                        new ImageSize(4, 2),
                        4,
                        BiasTables.Manner.TIMM));
    }
}
