package dev.thinkingvit.augment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.Resampling;
import dev.thinkingvit.picture.TestPictures;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.DoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AugmentOpTest {

    private static final Picture PICTURE = TestPictures.noise(20, 30, 4);
    private static final AugmentOp.Warp WARP =
            (picture, transform, random) -> transform.apply(picture, Resampling.BICUBIC, RandAugment.IMAGENET_FILL);

    @Test
    void plainPosterizeAndSolarizeDoLessAtHigherLevels() {
        assertThat(results(AugmentOp.POSTERIZE, 9)).isEqualTo(levels(ImageOps.posterize(PICTURE, 3)));
        assertThat(results(AugmentOp.POSTERIZE, 0)).isEqualTo(levels(ImageOps.posterize(PICTURE, 0)));
        assertThat(results(AugmentOp.SOLARIZE, 9)).isEqualTo(levels(ImageOps.solarize(PICTURE, 230)));
        assertThat(results(AugmentOp.SOLARIZE, 30)).isEqualTo(levels(ImageOps.solarize(PICTURE, 256)));
    }

    @Test
    void increasingOperationsDoMoreAtHigherLevels() {
        assertThat(results(AugmentOp.POSTERIZE_INCREASING, 9)).isEqualTo(levels(ImageOps.posterize(PICTURE, 1)));
        assertThat(results(AugmentOp.POSTERIZE_INCREASING, 20)).isEqualTo(levels(ImageOps.posterize(PICTURE, 0)));
        assertThat(results(AugmentOp.SOLARIZE_INCREASING, 9)).isEqualTo(levels(ImageOps.solarize(PICTURE, 26)));
        assertThat(results(AugmentOp.SOLARIZE_ADD, 9)).isEqualTo(levels(ImageOps.solarizeAdd(PICTURE, 99)));
        assertThat(results(AugmentOp.SOLARIZE_ADD, 15)).isEqualTo(levels(ImageOps.solarizeAdd(PICTURE, 128)));
    }

    @Test
    void enhancementsHaveOneFactorEach() {
        assertThat(results(AugmentOp.COLOR, 5)).isEqualTo(levels(ImageEnhance.color(PICTURE, 1.0)));
        assertThat(results(AugmentOp.CONTRAST, 0)).isEqualTo(levels(ImageEnhance.contrast(PICTURE, 0.1)));
        assertThat(results(AugmentOp.BRIGHTNESS, 10)).isEqualTo(levels(ImageEnhance.brightness(PICTURE, 1.9)));
        assertThat(results(AugmentOp.SHARPNESS, 2.5)).isEqualTo(levels(ImageEnhance.sharpness(PICTURE, 0.55)));
    }

    @Test
    void increasingEnhancementsGoEitherWay() {
        assertThat(results(AugmentOp.COLOR_INCREASING, 9))
                .isEqualTo(eitherWay(0.81, f -> ImageEnhance.color(PICTURE, 1 + f)));
        assertThat(results(AugmentOp.CONTRAST_INCREASING, 0)).isEqualTo(levels(PICTURE));
        assertThat(results(AugmentOp.BRIGHTNESS_INCREASING, 10))
                .isEqualTo(eitherWay(0.9, f -> ImageEnhance.brightness(PICTURE, 1 + f)));
        // No further down than 0.1.
        Set<String> beyond = levels(ImageEnhance.sharpness(PICTURE, 0.1));
        beyond.addAll(levels(ImageEnhance.sharpness(PICTURE, 2.8)));
        assertThat(results(AugmentOp.SHARPNESS_INCREASING, 20)).isEqualTo(beyond);
    }

    @Test
    void geometricOperationsGoEitherWay() {
        assertThat(results(AugmentOp.ROTATE, 9)).isEqualTo(eitherWay(27, f -> warp(AffineTransform.rotate(f, 20, 30))));
        assertThat(results(AugmentOp.SHEAR_X, 10)).isEqualTo(eitherWay(0.3, f -> warp(AffineTransform.shearX(f))));
        assertThat(results(AugmentOp.SHEAR_Y, 10)).isEqualTo(eitherWay(0.3, f -> warp(AffineTransform.shearY(f))));
        assertThat(results(AugmentOp.TRANSLATE_X_REL, 10))
                .isEqualTo(eitherWay(0.45 * 20, f -> warp(AffineTransform.translateX(f))));
        assertThat(results(AugmentOp.TRANSLATE_Y_REL, 4))
                .isEqualTo(eitherWay(0.4 * 0.45 * 30, f -> warp(AffineTransform.translateY(f))));
    }

    @Test
    void someOperationsHaveNoLevel() {
        for (double level : new double[] {0, 10}) {
            assertThat(results(AugmentOp.AUTO_CONTRAST, level)).isEqualTo(levels(ImageOps.autocontrast(PICTURE)));
            assertThat(results(AugmentOp.EQUALIZE, level)).isEqualTo(levels(ImageOps.equalize(PICTURE)));
            assertThat(results(AugmentOp.INVERT, level)).isEqualTo(levels(ImageOps.invert(PICTURE)));
        }
    }

    @ParameterizedTest
    @EnumSource
    void noOperationWritesToItsPicture(AugmentOp op) {
        byte[] before = PICTURE.rgb().clone();

        results(op, 9);

        assertThat(PICTURE.rgb()).isEqualTo(before);
    }

    private static Picture warp(AffineTransform transform) {
        return WARP.apply(PICTURE, transform, new SplittableRandom(0));
    }

    /** The different pictures that an operation makes of one. */
    private static Set<String> results(AugmentOp op, double level) {
        SplittableRandom random = new SplittableRandom(8);
        Set<String> results = new HashSet<>();
        for (int i = 0; i < 30; i++) {
            results.addAll(levels(op.apply(PICTURE, level, WARP, random)));
        }
        return results;
    }

    private static Set<String> eitherWay(double argument, DoubleFunction<Picture> operator) {
        Set<String> both = levels(operator.apply(argument));
        both.addAll(levels(operator.apply(-argument)));
        return both;
    }

    private static Set<String> levels(Picture picture) {
        return new HashSet<>(Set.of(Arrays.toString(picture.rgb())));
    }
}
