package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that libtiff and tifffile wrote, beside the levels that Pillow 13 gives for them: width, height, then RGB. */
class TiffFileTest {
    private static byte[] file(String name) {
        return ReferenceTensors.resource("tiff/" + name);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rgb",
                "rgb-lzw",
                "rgb-deflate",
                "rgb-packbits",
                "rgb-jpeg",
                "rgb16-big-endian",
                "rgba",
                "rgba16",
                "rgba-multiplied",
                "gray",
                "gray-alpha",
                "gray16",
                "gray32",
                "white-is-zero",
                "bilevel-group4",
                "palette",
                "cmyk",
                "cmyk-lzw",
                "bigtiff",
                "planes",
                "tiles",
                "strips",
                "two-pages",
                "orientation3",
                "orientation6"
            })
    void levelsAreThoseOfPil(String name) throws IOException {
        byte[] expected = file(name + ".rgb");

        Picture picture = PictureDecoder.decode(file(name + ".tif"), name);

        assertThat(picture).hasToString("Picture[" + expected[0] + "x" + expected[1] + "]");
        assertThat(picture.rgb()).isEqualTo(Arrays.copyOfRange(expected, 2, expected.length));
    }

    @ParameterizedTest
    @ValueSource(strings = {"rgb", "rgb-lzw", "cmyk", "tiles", "strips", "bilevel-group4", "bigtiff", "palette"})
    void aFileThatIsCutShortIsRefused(String name) {
        byte[] bytes = file(name + ".tif");
        for (int length : new int[] {5, 8, 12, bytes.length / 3, bytes.length / 2, bytes.length * 9 / 10}) {
            assertThatThrownBy(() -> PictureDecoder.decode(Arrays.copyOf(bytes, length), "x.tif"))
                    .isInstanceOf(PictureException.class)
                    .hasMessageStartingWith("x.tif: ");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"rgb", "rgb-deflate", "rgb-jpeg", "cmyk", "bigtiff", "palette", "tiles"})
    void damagedFilesDecodeOrAreRefusedInWords(String name) throws IOException {
        byte[] bytes = file(name + ".tif");
        SplittableRandom random = new SplittableRandom(name.hashCode());
        for (int i = 0; i < 300; i++) {
            byte[] damaged = bytes.clone();
            for (int k = 0; k <= i % 4; k++) {
                damaged[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                assertThat(PictureDecoder.decode(damaged, name, new PictureDecoder.Options(true, 4_000_000)))
                        .isNotNull();
            } catch (PictureException e) {
                assertThat(e).hasMessageStartingWith(name);
                assertThat(e.getMessage())
                        .doesNotContain("java.", "cannot be cast")
                        .hasSizeLessThan(300);
            }
        }
    }

    @Test
    void aTurnedTiffIsNotTurnedTwice() throws IOException {
        byte[] bytes = file("orientation6.tif");
        Picture turned =
                PictureDecoder.decode(bytes, "x", new PictureDecoder.Options(true, PictureDecoder.DEFAULT_MAX_PIXELS));
        assertThat(turned.rgb()).isEqualTo(PictureDecoder.decode(bytes, "x").rgb());
    }

    @Test
    void whatIsNotUnderstoodIsNamed() {
        assertThatThrownBy(() -> PictureDecoder.decode(file("zstd.tif"), "x.tif"))
                .hasMessageContaining("compressed by Zstandard")
                .hasMessageContaining("LZW");
        assertThatThrownBy(() -> PictureDecoder.decode(file("float.tif"), "x.tif"))
                .hasMessageContaining("fractions of 32 bits");
    }
}
