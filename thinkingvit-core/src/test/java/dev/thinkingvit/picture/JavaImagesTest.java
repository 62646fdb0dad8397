package dev.thinkingvit.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JavaImagesTest {
    private static final int WIDTH = 13;
    private static final int HEIGHT = 7;

    @ParameterizedTest
    @ValueSource(strings = {"exact.bmp", "palette.png", "rgba.png", "thin.png", "tiny.png"})
    void whatImageIoReadsIsWhatTheFileIs(String name) throws IOException {
        byte[] bytes = ReferenceTensors.resource("preprocess/images/" + name);
        assertSame(Picture.of(ImageIO.read(new ByteArrayInputStream(bytes))), PictureDecoder.decode(bytes, name));
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                BufferedImage.TYPE_INT_RGB,
                BufferedImage.TYPE_INT_ARGB,
                BufferedImage.TYPE_INT_ARGB_PRE,
                BufferedImage.TYPE_INT_BGR,
                BufferedImage.TYPE_3BYTE_BGR,
                BufferedImage.TYPE_4BYTE_ABGR,
                BufferedImage.TYPE_4BYTE_ABGR_PRE
            })
    void everyTypeThatHoldsLevelsOf8BitsGivesThem(int type) {
        Picture picture = TestPictures.noise(WIDTH, HEIGHT, type);
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, type);
        draw(picture, image);
        assertSame(Picture.of(image), picture);
    }

    @ParameterizedTest
    @CsvSource({
        BufferedImage.TYPE_USHORT_565_RGB + ", 7",
        BufferedImage.TYPE_USHORT_555_RGB + ", 7",
        BufferedImage.TYPE_BYTE_INDEXED + ", 50"
    })
    void coarseTypesGiveWhatTheyHold(int type, int most) {
        Picture picture = TestPictures.noise(WIDTH, HEIGHT, type);
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, type);
        draw(picture, image);
        Picture seen = Picture.of(image);
        for (int i = 0; i < seen.rgb().length; i++) {
            assertThat(seen.rgb()[i] & 0xFF)
                    .isBetween((picture.rgb()[i] & 0xFF) - most, (picture.rgb()[i] & 0xFF) + most);
        }
    }

    @Test
    void blackAndWhiteIsBlackAndWhite() {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_BINARY);
        image.setRGB(1, 0, 0xFFFFFFFF);
        assertThat(Picture.of(image).rgb()).containsExactly(0, 0, 0, 255, 255, 255);
    }

    @Test
    void transparencyIsDroppedWithoutBlendingAndMultipliedLevelsAreDividedAgain() {
        for (int type : new int[] {
            BufferedImage.TYPE_INT_ARGB, BufferedImage.TYPE_INT_ARGB_PRE, BufferedImage.TYPE_4BYTE_ABGR_PRE
        }) {
            BufferedImage image = new BufferedImage(1, 1, type);
            image.setRGB(0, 0, 0x80FF0080);
            assertThat(Picture.of(image).level(0, 0, 0)).isEqualTo(255);
            assertThat(Picture.of(image).level(0, 0, 1)).isZero();
            assertThat(Picture.of(image).level(0, 0, 2)).isBetween(126, 130);
        }
    }

    @Test
    void grayOf16BitsKeepsItsHigherEight() {
        BufferedImage wide = new BufferedImage(256, 1, BufferedImage.TYPE_USHORT_GRAY);
        BufferedImage narrow = new BufferedImage(256, 1, BufferedImage.TYPE_BYTE_GRAY);
        for (int x = 0; x < 256; x++) {
            wide.getRaster().setSample(x, 0, 0, x << 8 | (255 - x));
            narrow.getRaster().setSample(x, 0, 0, x);
        }
        assertSame(Picture.of(wide), Picture.of(narrow));
        assertThat(Picture.of(narrow).level(77, 0, 2)).isEqualTo(77);
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                DataBuffer.TYPE_BYTE,
                DataBuffer.TYPE_USHORT,
                DataBuffer.TYPE_SHORT,
                DataBuffer.TYPE_FLOAT,
                DataBuffer.TYPE_DOUBLE
            })
    void rastersOfAnySampleTypeGiveTheirLevels(int type) {
        double white =
                switch (type) {
                    case DataBuffer.TYPE_BYTE -> 0xFF;
                    case DataBuffer.TYPE_USHORT -> 0xFFFF;
                    case DataBuffer.TYPE_SHORT -> 0x7FFF;
                    default -> 1;
                };
        Picture picture = TestPictures.noise(WIDTH, HEIGHT, type);
        for (ColorSpace space :
                new ColorSpace[] {ColorSpace.getInstance(ColorSpace.CS_sRGB), ColorSpace.getInstance(ColorSpace.CS_GRAY)
                }) {
            ColorModel colors = new ComponentColorModel(space, false, false, ColorModel.OPAQUE, type);
            WritableRaster raster = colors.createCompatibleWritableRaster(WIDTH, HEIGHT);
            int bands = space.getNumComponents();
            for (int i = 0; i < WIDTH * HEIGHT; i++) {
                for (int band = 0; band < bands; band++) {
                    double sample = (picture.rgb()[3 * i + band] & 0xFF) / 255.0 * white;
                    raster.setSample(i % WIDTH, i / WIDTH, band, sample);
                }
            }
            Picture seen = Picture.of(new BufferedImage(colors, raster, false, null));
            for (int i = 0; i < seen.rgb().length; i++) {
                int expected = picture.rgb()[bands == 1 ? i - i % 3 : i] & 0xFF;
                assertThat(seen.rgb()[i] & 0xFF).isBetween(expected - 1, expected + 1);
            }
        }
    }

    @Test
    void planesApartAndPartsOfAnImageAreReadWhereTheyLie() {
        Picture picture = TestPictures.noise(WIDTH, HEIGHT, 5);
        ColorModel colors = new ComponentColorModel(
                ColorSpace.getInstance(ColorSpace.CS_sRGB), false, false, ColorModel.OPAQUE, DataBuffer.TYPE_BYTE);
        BufferedImage planes = new BufferedImage(
                colors, Raster.createBandedRaster(DataBuffer.TYPE_BYTE, WIDTH, HEIGHT, 3, null), false, null);
        draw(picture, planes);
        assertSame(Picture.of(planes), picture);
        for (int type :
                new int[] {BufferedImage.TYPE_3BYTE_BGR, BufferedImage.TYPE_INT_ARGB_PRE, BufferedImage.TYPE_USHORT_GRAY
                }) {
            BufferedImage whole = new BufferedImage(WIDTH, HEIGHT, type);
            draw(picture, whole);
            Picture part = Picture.of(whole.getSubimage(3, 2, 5, 4));
            for (int channel = 0; channel < 3; channel++) {
                assertThat(part.level(4, 3, channel))
                        .isEqualTo(Picture.of(whole).level(7, 5, channel));
            }
        }
    }

    @Test
    void linearLightIsConverted() {
        ColorModel colors = new ComponentColorModel(
                ColorSpace.getInstance(ColorSpace.CS_LINEAR_RGB),
                false,
                false,
                ColorModel.OPAQUE,
                DataBuffer.TYPE_BYTE);
        BufferedImage image = new BufferedImage(colors, colors.createCompatibleWritableRaster(1, 1), false, null);
        image.getRaster().setPixel(0, 0, new int[] {55, 55, 55}); // a fifth of the light
        assertThat(Picture.of(image).level(0, 0, 0)).isBetween(126, 130);
    }

    @Test
    void samplesThatJavaCannotTellAreRefused() {
        ColorModel colors = new ComponentColorModel(
                ColorSpace.getInstance(ColorSpace.CS_sRGB), false, false, ColorModel.OPAQUE, DataBuffer.TYPE_INT);
        BufferedImage image = new BufferedImage(colors, colors.createCompatibleWritableRaster(1, 1), false, null);
        assertThatThrownBy(() -> Picture.of(image)).hasMessageContaining("samples of 32 bits");
    }

    @Test
    void noImageAtAllIsSaid() throws IOException {
        BufferedImage none = ImageIO.read(new ByteArrayInputStream(new byte[] {1, 2, 3}));
        assertThatThrownBy(() -> Picture.of(none)).hasMessageContaining("the image is null: ImageIO.read gives that");
    }

    @Test
    void aPngOfEachTypeComesBackAsItself() throws IOException {
        for (int type = BufferedImage.TYPE_INT_RGB; type <= BufferedImage.TYPE_BYTE_INDEXED; type++) {
            if (type == BufferedImage.TYPE_USHORT_GRAY) {
                continue; // files' levels above 255 are cut off
            }
            BufferedImage image = new BufferedImage(WIDTH, HEIGHT, type);
            draw(TestPictures.noise(WIDTH, HEIGHT, type), image);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            if (ImageIO.write(image, "png", out)) {
                byte[] bytes = out.toByteArray();
                assertSame(
                        Picture.of(ImageIO.read(new ByteArrayInputStream(bytes))),
                        PictureDecoder.decode(bytes, "type " + type));
            }
        }
    }

    private static void draw(Picture picture, BufferedImage image) {
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                int rgb = picture.level(x, y, 0) << 16 | picture.level(x, y, 1) << 8 | picture.level(x, y, 2);
                image.setRGB(x, y, 0xFF000000 | rgb);
            }
        }
    }

    private static void assertSame(Picture seen, Picture expected) {
        assertThat(seen).hasToString(expected.toString());
        assertThat(Arrays.equals(seen.rgb(), expected.rgb())).isTrue();
    }
}
