package dev.thinkingvit.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PictureDecoderTest {

    private static final String IMAGES = "preprocess/images/";

    @Test
    void aBrokenPictureIsRefusedByName(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("broken.jpg"), "not a picture");

        assertThatThrownBy(() -> PictureDecoder.decode(file))
                .isInstanceOf(PictureException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("JPEG, PNG, GIF, BMP, WebP or TIFF")
                .hasMessageContaining("6e 6f 74");
    }

    @Test
    void whatIsNoFileIsRefusedByName(@TempDir Path folder) throws IOException {
        Path missing = folder.resolve("missing.jpg");
        Path empty = Files.createFile(folder.resolve("empty.jpg"));

        assertThatThrownBy(() -> PictureDecoder.decode(missing)).hasMessage(missing + ": no such file or folder");
        assertThatThrownBy(() -> PictureDecoder.decode(folder)).hasMessageContaining("not a regular file");
        assertThatThrownBy(() -> PictureDecoder.decode(empty)).hasMessageContaining("the file is empty");
    }

    @Test
    void theNameOfAFileDoesNotMatter(@TempDir Path folder) throws IOException {
        Path file = Files.write(folder.resolve("really-png.jpg"), ReferenceTensors.resource(IMAGES + "tiny.png"));

        assertThat(PictureDecoder.decode(file).width()).isEqualTo(16);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"picture0.jpg", "progressive.jpg", "cmyk.jpg", "gray.jpg", "rgba.png", "exact.bmp", "webp.webp"})
    void aFileThatIsCutShortIsRefused(String name) {
        byte[] bytes = ReferenceTensors.resource(IMAGES + name);

        for (int length : new int[] {3, 12, 20, 40, bytes.length / 10, bytes.length / 2, bytes.length * 9 / 10}) {
            assertThatThrownBy(() -> PictureDecoder.decode(Arrays.copyOf(bytes, length), name))
                    .isInstanceOf(PictureException.class)
                    .hasMessageStartingWith(name)
                    .message()
                    .doesNotContain("\n");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "picture0.jpg",
                "progressive.jpg",
                "cmyk.jpg",
                "palette.png",
                "tiny.png",
                "exact.bmp",
                "webp.webp"
            })
    void damagedFilesDecodeOrAreRefusedByName(String name) throws IOException {
        byte[] bytes = ReferenceTensors.resource(IMAGES + name);
        SplittableRandom random = new SplittableRandom(name.hashCode());
        PictureDecoder.Options options = new PictureDecoder.Options(true, 4_000_000);

        for (int i = 0; i < 150; i++) {
            byte[] damaged = bytes.clone();
            // Half of the damage goes where the headers are.
            int reach = i % 2 == 0 ? Math.min(700, bytes.length) : bytes.length;
            for (int k = 0; k <= i % 5; k++) {
                damaged[random.nextInt(reach)] = (byte) random.nextInt();
            }
            try {
                assertThat(PictureDecoder.decode(damaged, name, options)).isNotNull();
            } catch (PictureException e) {
                assertThat(e).hasMessageStartingWith(name);
            }
        }
    }

    @Test
    void aPictureLargerThanAllowedIsRefusedFromItsHeader() {
        PictureDecoder.Options small = new PictureDecoder.Options(false, 1000);
        for (String name : new String[] {"picture0.jpg", "thin.png", "exact.bmp", "webp.webp"}) {
            assertThatThrownBy(() -> PictureDecoder.decode(ReferenceTensors.resource(IMAGES + name), name, small))
                    .isInstanceOf(PictureException.class)
                    .hasMessageContaining("at most 1000 are accepted");
        }
    }

    @Test
    void aHeaderThatClaimsTooMuchIsRefused() throws IOException {
        byte[] jpeg = TestPictures.encode(TestPictures.noise(8, 8, 1), "jpeg");
        int frame = indexOf(jpeg, 0xFF, 0xC0);
        Arrays.fill(jpeg, frame + 5, frame + 9, (byte) 0xF0);
        byte[] png = TestPictures.encode(TestPictures.noise(8, 8, 1), "png");
        Arrays.fill(png, 17, 20, (byte) 0x7F);

        assertThatThrownBy(() -> PictureDecoder.decode(jpeg, "bomb.jpg"))
                .hasMessageContaining("bomb.jpg")
                .hasMessageContaining("61680x61680");
        assertThatThrownBy(() -> PictureDecoder.decode(png, "bomb.png"))
                .isInstanceOf(PictureException.class)
                .hasMessageContaining("bomb.png");
    }

    @Test
    void aJpegWithoutItsLastLinesIsRefusedEvenIfItsHeaderIsWhole() throws IOException {
        byte[] bytes = ReferenceTensors.resource(IMAGES + "picture1.jpg");

        assertThatThrownBy(() -> PictureDecoder.decode(Arrays.copyOf(bytes, bytes.length - 2), "x.jpg"))
                .hasMessage("x.jpg: not a readable JPEG picture: it is cut short");
    }

    @Test
    void theOrientationIsAppliedOnRequestOnly() throws IOException {
        byte[] bytes = ReferenceTensors.resource(IMAGES + "exif-rotate6.jpg");

        Picture stored = PictureDecoder.decode(bytes, "x.jpg");
        Picture seen = PictureDecoder.decode(
                bytes, "x.jpg", new PictureDecoder.Options(true, PictureDecoder.DEFAULT_MAX_PIXELS));

        assertThat(stored).hasToString("Picture[333x250]");
        assertThat(seen).hasToString("Picture[250x333]");
        // Turned right: what was stored in the lower left corner is seen in the upper left one.
        assertThat(seen.level(0, 0, 1)).isEqualTo(stored.level(0, 249, 1));
        assertThat(seen.level(249, 0, 1)).isEqualTo(stored.level(0, 0, 1));
    }

    @Test
    void everyOrientationIsUndone() {
        Picture picture = TestPictures.noise(5, 3, 9);
        // Where the stored top left pixel is seen: right, lower, as EXIF's values 1 to 8 say.
        boolean[] right = {false, true, true, false, false, true, true, false};
        boolean[] low = {false, false, true, true, false, false, true, true};
        for (int value = 1; value <= 8; value++) {
            Picture seen = Orientation.ofExif(value).apply(picture);
            int x = right[value - 1] ? seen.width() - 1 : 0;
            int y = low[value - 1] ? seen.height() - 1 : 0;

            assertThat(seen.level(x, y, 0)).as("orientation %d", value).isEqualTo(picture.level(0, 0, 0));
            assertThat(seen.width()).isEqualTo(value < 5 ? 5 : 3);
        }
    }

    @Test
    void aGifFrameLiesOnItsScreen() throws IOException {
        byte[] gif = TestPictures.encode(TestPictures.noise(4, 3, 1), "gif");
        int image = indexOf(gif, 0x2C, 0, 0, 0, 0);
        gif[6] = 7; // the screen's size
        gif[8] = 6;
        gif[image + 1] = 2; // the frame's place
        gif[image + 3] = 1;

        Picture picture = PictureDecoder.decode(gif, "x.gif");
        Picture whole = PictureDecoder.decode(TestPictures.encode(TestPictures.noise(4, 3, 1), "gif"), "y.gif");

        assertThat(picture).hasToString("Picture[7x6]");
        assertThat(PictureResizer.resize(picture, 4, 3, Resampling.BILINEAR, 2, 1, 6, 4)
                        .rgb())
                .isEqualTo(whole.rgb());
    }

    private static int indexOf(byte[] bytes, int... pattern) {
        for (int i = 0; i < bytes.length; i++) {
            if (PictureFormat.startsWith(bytes, i, pattern)) {
                return i;
            }
        }
        throw new IllegalArgumentException("not found");
    }
}
