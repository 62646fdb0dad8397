package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class ParameterTest {
    private static final Axis CHUNKS = Axis.chunks(4, 8, List.of(2, 8));
    private static final Axis WHOLE = Axis.whole(3);

    @Test
    void chunksAreOfTheFirstAxisAlone() {
        assertThat(Parameter.of("merge", Start.ZEROS, 0, CHUNKS, WHOLE).shape(1))
                .containsExactly(8, 3);
        assertThatThrownBy(() -> Parameter.of("merge", Start.ZEROS, 0, WHOLE, CHUNKS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "merge: only its first axis may be in chunks or scaled, axis 2 is 4 of 8; whole and leading are"
                                + " left");
        assertThatThrownBy(() -> Parameter.of("merge", Start.ZEROS, 0, WHOLE, WHOLE, WHOLE.scaled(List.of(0.5f))))
                .hasMessageContaining("axis 3 is 1 of 3");
    }

    @Test
    void aNormsFeaturesAreNotInChunks() {
        assertThatThrownBy(() -> Norm.of("norm", 0, CHUNKS, 1e-5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("norm.weight: a norm's features may not be in chunks, came 4");
    }
}
