package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.picture.PixelLabels;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class PixelCountsTest {
    private static PixelLabels labels(int... classes) {
        byte[] bytes = new byte[classes.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) classes[i];
        }
        return new PixelLabels(classes.length, 1, bytes);
    }

    @Test
    void scoresAreOverTheWholeSetWithoutWhatNobodyLabelled() {
        PixelCounts counts = new PixelCounts(4);
        counts.add(new int[] {0, 0, 1, 1, 2}, labels(0, 1, 1, 1, 255));
        PixelCounts more = new PixelCounts(4);
        more.add(new int[] {2, 0}, labels(0, 0));
        counts.add(more);

        assertThat(counts.pixels()).isEqualTo(6);
        assertThat(counts.iou(0)).isCloseTo(2.0 / 4, within(1e-12)); // 2 right, 3 labelled, 3 predicted
        assertThat(counts.iou(1)).isCloseTo(2.0 / 3, within(1e-12));
        assertThat(counts.iou(2)).isZero(); // predicted, never labelled
        assertThat(counts.iou(3)).isNaN(); // nowhere
        assertThat(counts.meanIou()).isCloseTo((0.5 + 2.0 / 3) / 3, within(1e-12));
        assertThat(counts.accuracy(2)).isNaN();
        assertThat(counts.meanAccuracy()).isCloseTo(2.0 / 3, within(1e-12));
        assertThat(counts.pixelAccuracy()).isCloseTo(4.0 / 6, within(1e-12));
    }

    @Test
    void nothingLabelledIsNoScore() {
        PixelCounts counts = new PixelCounts(2);
        counts.add(new int[] {0, 1}, labels(255, 255));
        assertThat(counts.pixelAccuracy()).isNaN();
        assertThat(counts.meanIou()).isNaN();
    }

    @Test
    void whatDoesNotFitIsRefused() {
        PixelCounts counts = new PixelCounts(2);
        assertThatThrownBy(() -> counts.add(new int[3], labels(0, 1)))
                .hasMessage("PixelLabels[2x1] are held to 3 predictions: as many are required");
        assertThatThrownBy(() -> counts.add(new int[2], labels(0, 2)))
                .hasMessage("label 2 is no class of a model that has classes 0 to 1");
    }
}
