package dev.thinkingvit.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.TestPictures;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class ColorJitterTest {

    private final SplittableRandom random = new SplittableRandom(2);

    @Test
    void brightnessFactorsFillTheirRange() {
        Picture gray = uniform(100);
        Set<Integer> levels = new HashSet<>();
        for (int i = 0; i < 5000; i++) {
            levels.add(new ColorJitter(0.4, 0, 0, 0).apply(gray, random).level(0, 0, 0));
        }
        assertThat(levels).allSatisfy(level -> assertThat(level).isBetween(60, 140));
        assertThat(levels).contains(60, 139).hasSizeBetween(80, 81);
    }

    @Test
    void factorsAreNeverNegative() {
        Set<Integer> levels = new HashSet<>();
        for (int i = 0; i < 3000; i++) {
            levels.add(new ColorJitter(3, 0, 0, 0).apply(uniform(100), random).level(0, 0, 0));
        }
        // A range from 0 to 4, not from −2 to 4, by which a third would be black.
        assertThat(levels).contains(255).hasSizeGreaterThan(200);
        int black = 0;
        for (int i = 0; i < 3000; i++) {
            black += new ColorJitter(3, 0, 0, 0).apply(uniform(100), random).level(0, 0, 0) == 0 ? 1 : 0;
        }
        assertThat(black).isLessThan(60);
    }

    @Test
    void aGrayPictureIsDeafToSaturationAndHue() {
        assertThat(new ColorJitter(0, 0, 0.9, 0.5).apply(uniform(77), random).rgb())
                .containsOnly(77);
    }

    @Test
    void contrastKeepsAUniformPicture() {
        assertThat(new ColorJitter(0, 0.9, 0, 0).apply(uniform(77), random).rgb())
                .containsOnly(77);
    }

    @Test
    void stepsComeInAnyOrder() {
        Picture picture = TestPictures.noise(8, 8, 3);
        Set<String> orders = new HashSet<>();
        for (int i = 0; i < 400; i++) {
            orders.add(Arrays.toString(new ColorJitter(0.4)
                    .apply(picture, new LowestFactors(new SplittableRandom(i)))
                    .rgb()));
        }
        UnaryOperator<Picture> brightness = p -> ImageEnhance.brightness(p, 0.6);
        UnaryOperator<Picture> contrast = p -> ImageEnhance.contrast(p, 0.6);
        UnaryOperator<Picture> color = p -> ImageEnhance.color(p, 0.6);
        assertThat(orders)
                .containsExactlyInAnyOrder(
                        inOrder(picture, brightness, contrast, color),
                        inOrder(picture, brightness, color, contrast),
                        inOrder(picture, contrast, brightness, color),
                        inOrder(picture, contrast, color, brightness),
                        inOrder(picture, color, brightness, contrast),
                        inOrder(picture, color, contrast, brightness));
    }

    @SafeVarargs
    private static String inOrder(Picture picture, UnaryOperator<Picture>... steps) {
        Picture result = picture;
        for (UnaryOperator<Picture> step : steps) {
            result = step.apply(result);
        }
        return Arrays.toString(result.rgb());
    }

    /** Draws orders at random and the lowest factor always. */
    private record LowestFactors(SplittableRandom orders) implements RandomGenerator {
        @Override
        public long nextLong() {
            return orders.nextLong();
        }

        @Override
        public double nextDouble() {
            return 0;
        }
    }

    @Test
    void nothingIsChangedByZero() {
        Picture picture = TestPictures.noise(8, 8, 3);

        assertThat(new ColorJitter(0).apply(picture, random)).isSameAs(picture);
    }

    @Test
    void oneNumberIsForAllButTheHue() {
        assertThat(new ColorJitter(0.4)).isEqualTo(new ColorJitter(0.4, 0.4, 0.4, 0));
    }

    @Test
    void impossibleRangesAreRefused() {
        assertThatThrownBy(() -> new ColorJitter(-0.1)).hasMessageContaining("not -0.1");
        assertThatThrownBy(() -> new ColorJitter(Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new ColorJitter(0, 0, 0, 0.6)).hasMessageContaining("not 0.6");
    }

    private static Picture uniform(int level) {
        byte[] levels = new byte[4 * 4 * 3];
        Arrays.fill(levels, (byte) level);
        return new Picture(4, 4, levels);
    }
}
