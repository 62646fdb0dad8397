package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.tensor.HostTensor;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class ActivationRangesTest {
    private static final Linear LAYER = Linear.of("blocks.0.fc", 1, Axis.whole(4), Axis.whole(2));

    private static ActivationRanges seen() {
        ActivationRanges ranges = new ActivationRanges();
        ranges.add(2, LAYER, 2, new float[] {1, -1, 3, -5});
        ranges.add(2, LAYER, 2, new float[] {5, 0});
        return ranges;
    }

    @Test
    void whatComesByWidensThem() {
        ActivationRanges.Features features = seen().of(2, LAYER, 2);
        assertThat(features.least()).containsExactly(1, -5);
        assertThat(features.greatest()).containsExactly(5, 0);
        assertThat(features.mean()).containsExactly(3, -2);
        assertThat(features.variance()).containsExactly(8 / 3f, 14 / 3f);
    }

    @Test
    void anotherStageIsAnotherLayer() {
        assertThat(seen().of(1, LAYER, 2)).isNull();
    }

    @Test
    void tensorsSayAllOfIt() {
        Map<String, HostTensor> tensors = seen().tensors();
        assertThat(tensors).containsOnlyKeys("stage2.blocks.0.fc.weight");
        ActivationRanges back = ActivationRanges.of(tensors);
        assertThat(back.weights()).containsExactly("blocks.0.fc.weight");
        ActivationRanges.Features features = back.of(2, LAYER, 2);
        assertThat(features.least()).containsExactly(1, -5);
        assertThat(features.variance()).containsExactly(8 / 3f, 14 / 3f);
    }

    @Test
    void whatIsNoRangeIsRefusedByName() {
        assertThatThrownBy(() -> ActivationRanges.of(Map.of("stage1.w", HostTensor.of(new float[6], 3, 2))))
                .hasMessageContaining("stage1.w: F32 (4, features)")
                .hasMessageContaining("[3, 2] came");
        assertThatThrownBy(() -> ActivationRanges.of(Map.of("w", HostTensor.of(new float[8], 4, 2))))
                .hasMessageContaining("w: F32 (4, features)");
        float[] crossed = {0, 3, 1, 2, 0, 0, 0, 0};
        assertThatThrownBy(() -> ActivationRanges.of(Map.of("stage1.w", HostTensor.of(crossed, 4, 2))))
                .hasMessageContaining("stage1.w: feature 1 is said to lie between 3.0 and 2.0");
        assertThatThrownBy(() -> seen().of(2, LAYER, 3)).hasMessageContaining("3 features are required, 2 came");
    }
}
