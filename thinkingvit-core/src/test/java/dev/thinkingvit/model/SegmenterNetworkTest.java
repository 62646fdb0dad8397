package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.network.Cost;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.store.ModelDirectory;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class SegmenterNetworkTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");

    @ParameterizedTest
    @ValueSource(strings = {"segmenter-linear", "segmenter-mask", "segmenter-window"})
    void itsParametersAreThePublishedOnesButForTheClassifierThatNothingReads(String folder) {
        ModelDirectory.Model model = ModelDirectory.read(REFERENCE.resolve(folder));
        assertThat(model.config().network()).isInstanceOf(SegmenterConfig.class);
        assertThat(model.weights())
                .containsOnlyKeys(model.config().network().parameterShapes().keySet())
                .doesNotContainKey("encoder.head.weight");
        assertThat(model.config().routing().router()).isEqualTo("entropy");
    }

    /** The published one for ADE20K: 10.5 and 42.3 GMACs a crop. */
    @Test
    void aPublishedShapeHasThePublishedCost() {
        SegmenterNetwork small = SegmenterConfig.of(
                        ImageSize.square(512), 16, 384, 12, 6, List.of(3, 6), 150, SegmenterConfig.Decoder.LINEAR)
                .network();
        assertThat(Cost.macs(small, 1) / 1e9).isCloseTo(10.5, within(0.05));
        assertThat((Cost.macs(small, 1) + Cost.macs(small, 2)) / 1e9).isCloseTo(42.3, within(0.05));
    }

    @Test
    void aCropIsFilledUpToWholePatches() {
        SegmenterConfig config =
                SegmenterConfig.of(new ImageSize(3, 61), 8, 24, 1, 3, List.of(1, 3), 4, SegmenterConfig.Decoder.LINEAR);
        assertThat(config.filledSize()).isEqualTo(new ImageSize(8, 64));
        assertThat(config.network().ports(1).prediction()).containsExactly(8L, 4L);
        assertThat(config.withImageSize(ImageSize.square(1)).filledSize()).isEqualTo(ImageSize.square(8));
        assertThatThrownBy(() -> config.withImageSize(new ImageSize(64, 5000)))
                .hasMessageContaining("at most 4096 pixels a side")
                .hasMessageContaining("64 × 5000");
    }

    @Test
    void aDecoderThatDoesNotExistIsRefused() {
        assertThatThrownBy(() -> SegmenterConfig.Decoder.named("upernet"))
                .hasMessage("decoder must be one of linear, mask, got upernet");
        SegmenterConfig config =
                SegmenterConfig.of(ImageSize.square(16), 8, 24, 1, 3, List.of(1, 3), 4, SegmenterConfig.Decoder.LINEAR);
        assertThatThrownBy(() ->
                        new SegmenterConfig(ImageSize.square(16), config.encoder(), SegmenterConfig.Decoder.LINEAR, 2))
                .hasMessage("decoder_depth must be 0 with a linear decoder, got 2");
    }
}
