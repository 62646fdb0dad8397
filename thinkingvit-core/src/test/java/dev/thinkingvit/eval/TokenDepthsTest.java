package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.inference.StageOutcome;
import dev.thinkingvit.model.Readout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class TokenDepthsTest {
    private static StageOutcome stage(Map<String, float[]> extras) {
        return new StageOutcome(1, Readout.CLASSES.read(new float[] {1, 2}, 0, 2), 0.5, 0.5, 1, extras);
    }

    private static StageOutcome halted(float... depths) {
        float[] ponder = depths.clone();
        for (int i = 0; i < ponder.length; i++) {
            ponder[i] += 0.5f;
        }
        return stage(Map.of("token_depth", depths, "rho_token", ponder));
    }

    @Test
    void theyAreOfAllTokensAndDifferencesOfImages() {
        TokenDepths.Sum sum = new TokenDepths.Sum();
        sum.add(Path.of("a"), List.of(1), halted(2, 4, 4));
        sum.add(Path.of("b"), List.of(2), halted(12, 2, 6));

        TokenDepths depths = sum.done();
        assertThat(depths.mean()).isEqualTo(5);
        assertThat(depths.least()).isEqualTo(2);
        assertThat(depths.largest()).isEqualTo(12);
        assertThat(depths.difference()).isEqualTo(6);
        assertThat(depths.ponder()).isEqualTo(5.5);
        assertThat(depths.halted()).containsExactly(0L, 2L, 0L, 2L, 0L, 1L, 0L, 0L, 0L, 0L, 0L, 1L);
    }

    /** By their patches: what the class token does is no matter of places. */
    @Test
    void theImagesAtEitherEndAreKept() {
        TokenDepths.Sum sum = new TokenDepths.Sum();
        for (int i = 0; i < 40; i++) {
            sum.add(Path.of("image" + i), List.of(i), halted(12, 100, 100 + 2 * i));
        }

        TokenDepths depths = sum.done();
        assertThat(depths.mostUneven()).hasSize(24);
        assertThat(depths.mostUneven().get(0))
                .isEqualTo(new TokenDepths.Uneven(Path.of("image39"), List.of(39), List.of(100, 178), 39));
        assertThat(depths.leastUneven())
                .hasSize(24)
                .extracting(TokenDepths.Uneven::deviation)
                .isSorted()
                .startsWith(0.0, 1.0);
    }

    @Test
    void whereNoTokensHaltThereAreNone() {
        TokenDepths.Sum sum = new TokenDepths.Sum();
        sum.add(Path.of("a"), List.of(1), stage(Map.of()));

        assertThat(sum.done()).isNull();
    }
}
