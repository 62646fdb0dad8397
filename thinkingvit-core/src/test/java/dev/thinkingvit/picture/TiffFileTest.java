package dev.thinkingvit.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
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

    @Test
    void aPaletteBesideAlphaGivesItsColors() throws IOException {
        ByteBuffer map = ByteBuffer.allocate(3 * 256 * 2).order(ByteOrder.LITTLE_ENDIAN);
        for (int c = 0; c < 3; c++) {
            for (int index = 0; index < 256; index++) {
                map.putShort((short) ((c == 0 ? index : c == 1 ? 255 - index : 7) * 257));
            }
        }
        byte[] pixels = {10, -1, (byte) 200, 0}; // index and alpha of two pixels
        byte[] rgb =
                PictureDecoder.decode(written(3, 2, pixels, map.array()), "x").rgb();
        assertThat(rgb).containsExactly(10, 245, 7, 200, 55, 7);
    }

    @Test
    void labColorsAreNamed() {
        assertThatThrownBy(() -> PictureDecoder.decode(written(8, 3, new byte[6], null), "x.tif"))
                .hasMessageContaining("its colours are CIE-Lab");
    }

    /** A file of 2 x 1 pixels of 8-bit samples. */
    private static byte[] written(int photometric, int samples, byte[] pixels, byte @Nullable [] map) {
        int entries = 9 + (samples == 2 ? 1 : 0) + (map == null ? 0 : 1);
        int at = 8 + 2 + entries * 12 + 4;
        int bits = at + 8;
        int colors = bits + 8;
        ByteBuffer out =
                ByteBuffer.allocate(colors + (map == null ? 0 : map.length)).order(ByteOrder.LITTLE_ENDIAN);
        out.put((byte) 'I').put((byte) 'I').putShort((short) 42).putInt(8).putShort((short) entries);
        entry(out, 256, 3, 1, 2);
        entry(out, 257, 3, 1, 1);
        if (samples == 2) {
            entry(out, 258, 3, 2, 8 | 8 << 16);
        } else {
            entry(out, 258, 3, samples, bits);
        }
        entry(out, 259, 3, 1, 1);
        entry(out, 262, 3, 1, photometric);
        entry(out, 273, 4, 1, at);
        entry(out, 277, 3, 1, samples);
        entry(out, 278, 3, 1, 1);
        entry(out, 279, 4, 1, pixels.length);
        if (map != null) {
            entry(out, 320, 3, map.length / 2, colors);
        }
        if (samples == 2) {
            entry(out, 338, 3, 1, 2);
        }
        out.putInt(0);
        out.position(at).put(pixels).position(bits);
        for (int i = 0; i < samples; i++) {
            out.putShort((short) 8);
        }
        if (map != null) {
            out.position(colors).put(map);
        }
        return out.array();
    }

    private static void entry(ByteBuffer out, int tag, int type, int count, int value) {
        out.putShort((short) tag).putShort((short) type).putInt(count).putInt(value);
    }
}
