package dev.thinkingvit.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.LabelledPicture;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.PixelLabels;
import dev.thinkingvit.picture.UnfitPictureException;
import java.util.SplittableRandom;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class SegmentationCropTest {
    private static final PictureTransform AS_IT_IS = (picture, random) -> picture;
    private static final int FILL = 0x7C7468;

    /** Whose red level is ten times its label: the left half 3, the right half 9. */
    private static LabelledPicture halves(int width, int height) {
        byte[] rgb = new byte[3 * width * height];
        byte[] labels = new byte[width * height];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = (byte) (i % width < width / 2 ? 3 : 9);
            rgb[3 * i] = (byte) (10 * labels[i]);
        }
        return new LabelledPicture(new Picture(width, height, rgb), new PixelLabels(width, height, labels));
    }

    @RepeatedTest(20)
    void labelsStayWithTheirPixels(RepetitionInfo repetition) {
        SegmentationCrop crop = new SegmentationCrop(new ImageSize(24, 32), 0, 0, 0.5, 2, 0.5, FILL);
        LabelledPicture part =
                crop.apply(halves(40, 30), AS_IT_IS, new SplittableRandom(repetition.getCurrentRepetition()));
        assertThat(part.labels().width()).isEqualTo(32);
        assertThat(part.labels().height()).isEqualTo(24);
        for (int y = 0; y < 24; y++) {
            for (int x = 1; x < 31; x++) {
                int label = part.labels().label(x, y);
                boolean isInside = part.labels().label(x - 1, y) == label
                        && part.labels().label(x + 1, y) == label; // beside an edge levels are between
                int expected = label == PixelLabels.IGNORED ? FILL >> 16 : 10 * label;
                int tolerance = isInside ? 0 : 60;
                assertThat(Math.abs(part.picture().level(x, y, 0) - expected)).isLessThanOrEqualTo(tolerance);
            }
        }
    }

    /** In the published order distortion comes before what is outside is filled. */
    @RepeatedTest(20)
    void whatIsFilledInKeepsItsColour(RepetitionInfo repetition) {
        SegmentationCrop crop = new SegmentationCrop(ImageSize.square(32), 0, 0, 0.5, 0.5, 0.5, FILL);
        LabelledPicture part = crop.apply(
                halves(40, 30), new PhotometricDistortion(), new SplittableRandom(repetition.getCurrentRepetition()));
        int filled = 0;
        for (int y = 0; y < 32; y++) {
            for (int x = 0; x < 32; x++) {
                if (part.labels().label(x, y) == PixelLabels.IGNORED) {
                    filled++;
                    for (int channel = 0; channel < 3; channel++) {
                        assertThat(part.picture().level(x, y, channel)).isEqualTo(FILL >> (16 - 8 * channel) & 0xff);
                    }
                }
            }
        }
        assertThat(filled).isEqualTo(32 * 32 - 20 * 15);
    }

    @Test
    void theSameChanceGivesTheSamePart() {
        SegmentationCrop crop = new SegmentationCrop(ImageSize.square(16), 24, 96, 0.5, 2, 0.5, FILL);
        for (int seed = 0; seed < 5; seed++) {
            LabelledPicture one = crop.apply(halves(50, 40), AS_IT_IS, new SplittableRandom(seed));
            LabelledPicture two = crop.apply(halves(50, 40), AS_IT_IS, new SplittableRandom(seed));
            assertThat(one.picture().rgb()).isEqualTo(two.picture().rgb());
            assertThat(one.labels().classes()).isEqualTo(two.labels().classes());
        }
    }

    /** A window of a quarter of the width lies within one half more often than not; ten draws nearly always find both. */
    @Test
    void onePartIsDrawnAnewWhileOneClassCoversIt() {
        SegmentationCrop crop = new SegmentationCrop(ImageSize.square(20), 0, 0, 1, 1, 0, FILL);
        int mixed = 0;
        for (int seed = 0; seed < 100; seed++) {
            PixelLabels labels = crop.apply(halves(80, 20), AS_IT_IS, new SplittableRandom(seed))
                    .labels();
            int threes = 0;
            for (byte label : labels.classes()) {
                threes += label == 3 ? 1 : 0;
            }
            mixed += threes > 0.25 * 400 && threes < 0.75 * 400 ? 1 : 0;
        }
        assertThat(mixed).isGreaterThan(70); // one draw gives about one in six
    }

    @Test
    void anAnnotationOfAnotherSizeIsRefused() {
        assertThatThrownBy(
                        () -> new LabelledPicture(new Picture(4, 3, new byte[36]), new PixelLabels(3, 4, new byte[12])))
                .isInstanceOf(UnfitPictureException.class)
                .hasMessage("it has 4x3 pixels, its annotation has 3x4");
    }

    @Test
    void coloursAreDistortedWithinTheirBounds() {
        byte[] rgb = {100, 100, 100, (byte) 200, 50, 10, 0, 0, 0};
        Picture picture = new Picture(3, 1, rgb);
        boolean[] changed = new boolean[9];
        for (int seed = 0; seed < 200; seed++) {
            Picture came = new PhotometricDistortion().apply(picture, new SplittableRandom(seed));
            assertThat(came.level(0, 0, 0)).isBetween(34, 198); // (100 ∓ 32) · 0.5 and 1.5, grey stays grey
            assertThat(came.level(0, 0, 1)).isEqualTo(came.level(0, 0, 0));
            for (int i = 0; i < 9; i++) {
                changed[i] |= came.rgb()[i] != rgb[i];
            }
        }
        assertThat(changed).containsOnly(true);
    }
}
