package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class ElasticSegmenterTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");

    private static Picture picture(int width, int height, long seed) {
        byte[] rgb = new byte[3 * width * height];
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) random.nextInt(256);
        }
        return new Picture(width, height, rgb);
    }

    @Test
    void aPictureIsSegmentedAtItsOwnSize() {
        try (ElasticSegmenter segmenter = ElasticSegmenter.open(REFERENCE.resolve("segmenter-window"))) {
            Segmentation came = segmenter.segment(picture(61, 40, 1));
            assertThat(came.size()).isEqualTo(new ImageSize(40, 61));
            assertThat(came.labels()).hasSize(40 * 61);
            for (int label : came.labels()) {
                assertThat(label).isBetween(0, 5);
            }
            assertThat(came.windows()).hasSize(2 * 3);
            assertThat(came.pixelsByClass()).hasSize(6);
            for (float probability : came.probabilities()) {
                assertThat(probability).isBetween(1f / 6, 1f);
            }
        }
    }

    @Test
    void viewsAreScaledAndMirrored() {
        try (ElasticSegmenter segmenter = ElasticSegmenter.open(REFERENCE.resolve("segmenter-window"))) {
            SegmentationOptions twoScales = segmenter.options().resized(64).viewed(List.of(0.5, 1.0), true);
            Segmentation came = segmenter
                    .segment(List.of(picture(128, 128, 2)), twoScales, StopPolicy.alwaysThink(Routers.ENTROPY))
                    .get(0);
            // 32 pixels are one window, 64 are 3 by 3; each twice
            assertThat(came.windows())
                    .extracting(WindowOutcome::view)
                    .hasSize(20)
                    .containsOnly(0, 1, 2, 3);
            assertThat(came.labels()).hasSize(128 * 128);
        }
    }

    @Test
    void theLongerSideIsBounded() {
        SegmentationOptions options = SegmentationOptions.whole().resized(512);
        assertThat(options.size(new ImageSize(600, 800), 1)).isEqualTo(new ImageSize(512, 683));
        assertThat(options.size(new ImageSize(100, 1000), 1)).isEqualTo(new ImageSize(205, 2048));
        assertThat(options.size(new ImageSize(600, 800), 0.5)).isEqualTo(new ImageSize(256, 341));
        assertThatThrownBy(() -> options.viewed(List.of(0.0), false))
                .hasMessage("a scale must lie between 0 and 16.0, got 0.0");
    }

    @Test
    void aModelThatNamesPicturesIsRefused() {
        assertThatThrownBy(() -> ElasticSegmenter.open(REFERENCE.resolve("vit-3h-6h")))
                .hasMessage("a ThinkingViT names pictures, not their pixels; a Segmenter is required");
    }
}
