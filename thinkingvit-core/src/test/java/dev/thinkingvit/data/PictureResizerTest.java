package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PictureResizerTest {

    private static final ReferenceTensors AUGMENT = ReferenceTensors.open("augment/expected.safetensors");

    @Test
    void aResizedPartEqualsTheRecordedLevels() {
        Picture resized =
                PictureResizer.resize(AUGMENT.picture("input"), 32, 32, Resampling.BICUBIC, 10, 8, 10 + 40, 8 + 50);

        assertThat(resized.toChw()).isEqualTo(AUGMENT.levels("resized_crop:10,8,40,50->32"));
    }

    @Test
    void theSizeThePictureHasAlreadyChangesNothing() {
        Picture picture = TestPictures.noise(7, 5, 7);

        assertThat(PictureResizer.resize(picture, 7, 5, Resampling.BICUBIC)).isSameAs(picture);
    }

    @Test
    void aWindowEqualsTheSamePartOfTheWholeResizedPicture() {
        Picture picture = TestPictures.noise(61, 23, 7);
        Picture whole = PictureResizer.resize(picture, 40, 15, Resampling.BICUBIC);

        Picture window = PictureResizer.resizeWindow(picture, 40, 15, Resampling.BICUBIC, 13, 2, 11);

        assertThat(window.rgb())
                .isEqualTo(PictureResizer.resize(whole, 11, 11, Resampling.BICUBIC, 13, 2, 24, 13)
                        .rgb());
    }

    @Test
    void aUniformPictureStaysUniform() {
        byte[] levels = new byte[90 * 70 * 3];
        Arrays.fill(levels, (byte) 200);
        Picture picture = new Picture(90, 70, levels);

        for (Resampling filter : Resampling.values()) {
            for (int size : new int[] {1, 13, 64, 200}) {
                assertThat(PictureResizer.resize(picture, size, size, filter).rgb())
                        .containsOnly(200);
            }
        }
    }

    @Test
    void aPartOutsideThePictureIsRefused() {
        assertThatThrownBy(
                        () -> PictureResizer.resize(TestPictures.noise(8, 8, 7), 4, 4, Resampling.BICUBIC, 2, 2, 9, 4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("(2,2)-(9,4)")
                .hasMessageContaining("8x8");
        assertThatThrownBy(() -> PictureResizer.resize(TestPictures.noise(8, 8, 7), 0, 4, Resampling.BICUBIC))
                .hasMessageContaining("0 pixels");
    }
}
