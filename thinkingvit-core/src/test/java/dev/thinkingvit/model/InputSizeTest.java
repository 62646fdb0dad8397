package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class InputSizeTest {
    private static final ThinkingViTConfig SMALL = new ThinkingViTConfig(16, 8, 4, 1, 2, List.of(1, 2), 3, 1e-6);

    @Test
    void theClassTokenKeepsItsPositionAndAnEvenFieldStaysEven() {
        ThinkingViTConfig large = InputSize.of(SMALL, ImageSize.square(40));
        float[] rows = new float[5 * 4];
        Arrays.fill(rows, 0, 4, 7f);
        Arrays.fill(rows, 4, 20, 0.25f);

        float[] fitted = InputSize.fit(Map.of("pos_embed", HostTensor.of(rows, 1, 5, 4)), SMALL, large)
                .get("pos_embed")
                .toFloats();

        assertThat(large.tokens()).isEqualTo(26);
        assertThat(fitted).hasSize(26 * 4);
        assertThat(Arrays.copyOf(fitted, 4)).containsOnly(7f);
        for (int i = 4; i < fitted.length; i++) {
            assertThat(fitted[i]).isBetween(0.2499f, 0.2501f);
        }
    }

    @Test
    void theSameSizeChangesNothing() {
        Map<String, HostTensor> weights = Map.of("pos_embed", HostTensor.of(new float[20], 1, 5, 4));

        assertThat(InputSize.fit(weights, SMALL, InputSize.of(SMALL, ImageSize.square(16))))
                .isSameAs(weights);
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 17, 1 << 16, Integer.MAX_VALUE})
    void aSizeThatIsNoMultipleOfThePatchOrAbsurdIsRefused(int pixels) {
        assertThatThrownBy(() -> InputSize.of(SMALL, ImageSize.square(pixels)))
                .hasMessageContaining("multiple of the patch size 8")
                .hasMessageContaining("got " + pixels);
    }
}
