package dev.thinkingvit.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PictureResizerTest {

    private static final ReferenceTensors AUGMENT = ReferenceTensors.open("augment/expected.safetensors");

    /** Recorded with Pillow 13.0.0, as the part's height falls by more than twice what its width does. */
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

        Picture window = PictureResizer.resizeWindow(picture, 40, 15, Resampling.BICUBIC, 13, 2, ImageSize.square(11));

        assertThat(window.rgb())
                .isEqualTo(PictureResizer.resize(whole, 11, 11, Resampling.BICUBIC, 13, 2, 24, 13)
                        .rgb());
    }

    @ParameterizedTest
    @CsvSource({
        "500, 375, 331, 248",
        "33, 190, 21, 131",
        "130, 9, 40, 9",
        "9, 130, 9, 77",
        "40, 400, 24, 248",
        "64, 200, 96, 150",
        "3, 9, 3, 1",
        "12, 17, 100, 65",
        "3, 2, 1, 1",
        "200, 300, 4, 3",
        "65, 129, 64, 128",
        "24, 28, 32, 32",
        "1, 1, 5, 7"
    })
    void everySampleIsTheMixtureThatAPlainLoopFinds(int width, int height, int newWidth, int newHeight) {
        Picture picture = TestPictures.noise(width, height, width + height);
        for (Resampling filter : Resampling.values()) {
            boolean heightFirst = height > newHeight && height - newHeight > 2 * (width - newWidth);
            byte[] expected = picture.rgb();
            if (heightFirst) {
                expected = turned(plainlyNarrowed(turned(expected, width), height, newHeight, filter), newHeight);
            }
            expected = plainlyNarrowed(expected, width, newWidth, filter);
            if (!heightFirst) {
                expected = turned(plainlyNarrowed(turned(expected, newWidth), height, newHeight, filter), newHeight);
            }

            assertThat(PictureResizer.resize(picture, newWidth, newHeight, filter)
                            .rgb())
                    .isEqualTo(expected);
        }
    }

    /** Recorded with Pillow 13.0.0. */
    @ParameterizedTest
    @CsvSource({
        "500, 375, 331, 248, 1954568502, 143793414",
        "33, 190, 21, 131, 704527419, 3101507816",
        "40, 400, 24, 248, 3365441717, 3686613995",
        "9, 130, 9, 77, 2977634301, 1975288639",
        "130, 9, 40, 9, 621693800, 4081692896",
        "64, 200, 96, 150, 2246322881, 2918886033",
        "200, 300, 4, 3, 2357599487, 1858135441",
        "300, 900, 248, 744, 1835143478, 3882513739",
        "101, 203, 50, 101, 3755354666, 1310072181",
        "101, 203, 50, 100, 3123766576, 3307827456",
        "24, 28, 32, 32, 91294849, 2476286912",
        "3, 2, 1, 1, 1399932051, 2307032534",
        "20, 30, 40, 29, 60338992, 98975279",
        "7, 9, 7, 30, 3580304818, 4235541620"
    })
    void levelsAreThoseOfPil(int width, int height, int newWidth, int newHeight, long bilinear, long bicubic) {
        byte[] levels = new byte[width * height * 3];
        for (int i = 0; i < levels.length; i++) {
            levels[i] = (byte) ((i * 2654435761L & 0xFFFFFFFFL) >> 24);
        }
        Picture picture = new Picture(width, height, levels);

        assertThat(checksum(PictureResizer.resize(picture, newWidth, newHeight, Resampling.BILINEAR)))
                .isEqualTo(bilinear);
        assertThat(checksum(PictureResizer.resize(picture, newWidth, newHeight, Resampling.BICUBIC)))
                .isEqualTo(bicubic);
    }

    private static long checksum(Picture picture) {
        CRC32 crc = new CRC32();
        crc.update(picture.rgb());
        return crc.getValue();
    }

    @Test
    void aTallPicturesWindowAndPartAreThoseOfTheWhole() {
        Picture picture = TestPictures.noise(24, 190, 7);
        Picture whole = PictureResizer.resize(picture, 16, 120, Resampling.BICUBIC);
        Picture window = PictureResizer.resizeWindow(picture, 16, 120, Resampling.BICUBIC, 2, 50, ImageSize.square(11));
        Picture framed = PictureResizer.resize(
                PictureResizer.resize(picture, 24, 190, Resampling.BICUBIC, 0, 0, 24, 190),
                16,
                120,
                Resampling.BICUBIC,
                0,
                0,
                24,
                190);

        assertThat(framed.rgb()).isEqualTo(whole.rgb());
        assertThat(window.rgb())
                .isEqualTo(PictureResizer.resize(whole, 11, 11, Resampling.BICUBIC, 2, 50, 13, 61)
                        .rgb());
    }

    /** Rows of {@code size} samples become rows of {@code newSize}: PIL's arithmetic, a sample at a time. */
    private static byte[] plainlyNarrowed(byte[] rgb, int size, int newSize, Resampling filter) {
        if (size == newSize) {
            return rgb;
        }
        byte[] narrowed = new byte[rgb.length / size * newSize];
        double scale = (double) size / newSize;
        double stretch = Math.max(scale, 1);
        double support = filter.support() * stretch;
        for (int i = 0; i < narrowed.length; i++) {
            int row = i / (3 * newSize);
            double center = (i / 3 % newSize + 0.5) * scale;
            int low = Math.max((int) (center - support + 0.5), 0);
            int high = Math.min((int) (center + support + 0.5), size);
            double sum = 0;
            for (int k = low; k < high; k++) {
                sum += filter.weight((k - center + 0.5) / stretch);
            }
            int mixed = 1 << 21;
            for (int k = low; k < high; k++) {
                double weight = filter.weight((k - center + 0.5) / stretch) / sum * (1 << 22);
                mixed += (rgb[(row * size + k) * 3 + i % 3] & 0xFF) * (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
            }
            narrowed[i] = (byte) Math.max(0, Math.min(255, mixed >> 22));
        }
        return narrowed;
    }

    /** Rows of {@code width} pixels become columns. */
    private static byte[] turned(byte[] rgb, int width) {
        byte[] turned = new byte[rgb.length];
        int height = rgb.length / 3 / width;
        for (int i = 0; i < rgb.length; i++) {
            int y = i / 3 / width;
            int x = i / 3 % width;
            turned[(x * height + y) * 3 + i % 3] = rgb[i];
        }
        return turned;
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
