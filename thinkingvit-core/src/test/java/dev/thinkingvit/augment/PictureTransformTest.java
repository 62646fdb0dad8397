package dev.thinkingvit.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureResizer;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.ReferenceTensors;
import dev.thinkingvit.picture.Resampling;
import dev.thinkingvit.picture.TestPictures;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PictureTransformTest {

    private final SplittableRandom random = new SplittableRandom(3);

    @Test
    void flippingEqualsTheRecordedLevels() {
        ReferenceTensors reference = ReferenceTensors.open("augment/expected.safetensors");

        Picture flipped = new HorizontalFlip(1).apply(reference.picture("input"), random);

        assertThat(flipped.toChw()).isEqualTo(reference.levels("hflip"));
    }

    @Test
    void flippingHappensAsOftenAsAsked() {
        Picture picture = TestPictures.noise(4, 3, 1);
        int flipped = 0;
        for (int i = 0; i < 1000; i++) {
            flipped += new HorizontalFlip(0.25).apply(picture, random).equals(picture) ? 0 : 1;
        }
        assertThat(flipped).isBetween(200, 300);
        assertThat(new HorizontalFlip(0).apply(picture, random)).isSameAs(picture);
    }

    @Test
    void aRandomCropReachesEveryPlaceAndFillsTheBorder() {
        Picture picture = TestPictures.noise(4, 4, 2);
        Set<String> places = new HashSet<>();
        for (int i = 0; i < 2000; i++) {
            Picture crop = new RandomCrop(ImageSize.square(4), 1, 1, 0x010203).apply(picture, random);
            places.add(placeOf(picture, crop));
        }
        assertThat(places).hasSize(9).doesNotContain("nowhere");
    }

    @Test
    void aRandomCropThatIsNoSquareReachesEveryPlace() {
        Picture picture = TestPictures.noise(7, 4, 2);
        Set<Integer> corners = new HashSet<>();
        for (int i = 0; i < 2000; i++) {
            Picture crop = new RandomCrop(new ImageSize(2, 5), 0, 1, 0x010203).apply(picture, random);
            assertThat(crop.height()).isEqualTo(2);
            assertThat(crop.width()).isEqualTo(5);
            corners.add(crop.level(0, 0, 0) << 16 | crop.level(4, 1, 1) << 8 | crop.level(2, 1, 2));
        }
        assertThat(corners).as("3 places down, 5 across").hasSize(15);
        assertThat(new RandomCrop(new ImageSize(24, 40), 3, 5).fault(TestPictures.noise(30, 17, 1)))
                .contains("it has 17 × 30 pixels (height × width); a random crop of 24 × 40 with padding 3 and 5"
                        + " needs at least 18 × 30");
    }

    @Test
    void aRandomResizedCropMayBeNoSquare() {
        Picture picture = TestPictures.noise(60, 50, 5);
        Picture whole =
                new RandomResizedCrop(new ImageSize(16, 24), 1, 1, 1.2, 1.2, Resampling.BICUBIC).apply(picture, random);
        assertThat(whole.rgb())
                .isEqualTo(PictureResizer.resize(picture, 24, 16, Resampling.BICUBIC)
                        .rgb());
        for (int i = 0; i < 50; i++) {
            Picture crop = RandomResizedCrop.standard(new ImageSize(16, 24)).apply(picture, random);
            assertThat(crop.width()).isEqualTo(24);
            assertThat(crop.height()).isEqualTo(16);
        }
    }

    private static String placeOf(Picture picture, Picture crop) {
        for (int top = -1; top <= 1; top++) {
            for (int left = -1; left <= 1; left++) {
                if (isCutAt(picture, crop, left, top)) {
                    return left + "," + top;
                }
            }
        }
        return "nowhere";
    }

    private static boolean isCutAt(Picture picture, Picture crop, int left, int top) {
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 4; x++) {
                for (int c = 0; c < 3; c++) {
                    int px = x + left;
                    int py = y + top;
                    boolean inside = px >= 0 && px < 4 && py >= 0 && py < 4;
                    if (crop.level(x, y, c) != (inside ? picture.level(px, py, c) : c + 1)) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    @Test
    void aRandomCropThatDoesNotFitNamesBothSizes() {
        assertThatThrownBy(() -> new RandomCrop(32, 4).apply(TestPictures.noise(20, 40, 1), random))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("32 with padding 4")
                .hasMessageContaining("40 × 20 pixels (height × width)");
    }

    @Test
    void aRandomResizedCropHasItsSizeWhateverThePicture() {
        for (int[] size : new int[][] {{100, 80}, {1, 1}, {500, 2}, {2, 500}, {33, 31}}) {
            Picture picture = TestPictures.noise(size[0], size[1], 5);
            for (int i = 0; i < 50; i++) {
                Picture crop = RandomResizedCrop.standard(ImageSize.square(16)).apply(picture, random);
                assertThat(crop.width()).isEqualTo(16);
                assertThat(crop.height()).isEqualTo(16);
            }
        }
    }

    @Test
    void aRandomResizedCropOfTheWholeIsTheResizedPicture() {
        Picture picture = TestPictures.noise(40, 40, 5);

        Picture crop =
                new RandomResizedCrop(ImageSize.square(16), 1, 1, 1, 1, Resampling.BILINEAR).apply(picture, random);

        assertThat(crop.rgb())
                .isEqualTo(PictureResizer.resize(picture, 16, 16, Resampling.BILINEAR)
                        .rgb());
    }

    @Test
    void equalGeneratorsGiveEqualPictures() {
        Picture picture = TestPictures.noise(60, 50, 5);
        PictureTransform chain =
                PictureTransform.chain(RandomResizedCrop.standard(ImageSize.square(20)), new HorizontalFlip(0.5));
        for (int seed = 0; seed < 20; seed++) {
            assertThat(chain.apply(picture, new SplittableRandom(seed)).rgb())
                    .isEqualTo(chain.apply(picture, new SplittableRandom(seed)).rgb());
        }
    }

    @Test
    void impossibleSettingsAreRefused() {
        assertThatThrownBy(() -> new HorizontalFlip(1.1)).hasMessageContaining("not 1.1");
        assertThatThrownBy(() -> new RandomCrop(0, 1)).hasMessageContaining("at least 1, not 0");
        assertThatThrownBy(() -> new RandomCrop(8, -1)).hasMessageContaining("not -1 and -1");
        assertThatThrownBy(() -> new RandomCrop(ImageSize.square(8), 1, 1, -1)).hasMessageContaining("0xRRGGBB");
        assertThatThrownBy(() -> new RandomResizedCrop(ImageSize.square(8), 0, 1, 1, 1, Resampling.BICUBIC))
                .hasMessageContaining("scale range");
        assertThatThrownBy(() -> new RandomResizedCrop(ImageSize.square(8), 0.1, 1, 2, 1, Resampling.BICUBIC))
                .hasMessageContaining("ratio range");
    }
}
