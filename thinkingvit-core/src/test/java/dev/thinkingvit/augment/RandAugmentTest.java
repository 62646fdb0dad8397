package dev.thinkingvit.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.Resampling;
import dev.thinkingvit.picture.TestPictures;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RandAugmentTest {

    private static final List<Resampling> BICUBIC = List.of(Resampling.BICUBIC);

    private final SplittableRandom random = new SplittableRandom(11);

    @Test
    void thePublishedRecipeIsUnderstood() {
        assertThat(RandAugment.parse("rand-m9-mstd0.5-inc1"))
                .isEqualTo(new RandAugment(9, 0.5, 10, 2, 0.5, RandAugment.TransformSet.INCREASING, BICUBIC, 0x7C7468));
    }

    @Test
    void whatIsNotGivenIsTimmsDefault() {
        assertThat(RandAugment.parse("rand"))
                .isEqualTo(new RandAugment(10, 0, 10, 2, 0.5, RandAugment.TransformSet.STANDARD, BICUBIC, 0x7C7468));
    }

    @Test
    void everyPieceIsUnderstoodInAnyOrder() {
        assertThat(RandAugment.parse("rand-tweights-p0.75-n3-mmax20-mstd1e0-m15-inc0"))
                .isEqualTo(new RandAugment(15, 1, 20, 3, 0.75, RandAugment.TransformSet.WEIGHTED, BICUBIC, 0x7C7468));
    }

    @Test
    void aDeviationAbove100MeansUniform() {
        assertThat(RandAugment.parse("rand-mstd100").magnitudeStd()).isEqualTo(100);
        assertThat(RandAugment.parse("rand-mstd101").magnitudeStd()).isInfinite();
    }

    @Test
    void aMaximumOfZeroIsTheDefaultAsForTimm() {
        assertThat(RandAugment.parse("rand-mmax0").magnitudeMax()).isEqualTo(10);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '"',
            value = {
                "rand-m9-x3; 'x3': allowed are m, n, mmax, inc and a whole number, mstd and p and a number, and tweights",
                "rand-m9-w0; 'w0': allowed are",
                "rand-m9-; '': allowed are",
                "rand-m9.5; 'm9.5': its value must be a whole number of at most 9 digits, not '9.5'",
                "rand-m99999999999; 'm99999999999': its value must be a whole number of at most 9 digits",
                "rand-m; 'm': its value must be a whole number of at most 9 digits, not ''",
                "rand-mstdinf; 'mstdinf': allowed are",
                "rand-mstd; 'mstd': its value must be a number, as in 0.5, not ''",
                "rand-mstd0.5d; 'mstd0.5d': its value must be a number, as in 0.5, not '0.5d'",
                "rand-p1.5; 'p1.5': a probability lies between 0 and 1",
                "rand-t3a; 't3a': the only set of transforms to choose is tweights",
                "rand-m9-m8; 'm8': 'm' may be given once only",
                "rand-n1000; 'n1000': at most 100 layers",
                "rand-m٣; 'm٣': ",
            })
    void aPieceThatIsNotUnderstoodIsNamed(String config, String message) {
        assertThatThrownBy(() -> RandAugment.parse(config))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + config + "'")
                .hasMessageContaining("the piece " + message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"original-mstd0.5", "v0", "augmix-m3", "3a", "", "randm9", "Rand-m9"})
    void anotherPolicyIsRefused(String config) {
        assertThatThrownBy(() -> RandAugment.parse(config))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Unsupported augmentation policy '" + config.split("-", -1)[0] + "' in '" + config
                        + "': it must be rand, as in rand-m9-mstd0.5-inc1");
    }

    @Test
    void impossibleSettingsAreRefused() {
        assertThatThrownBy(() -> RandAugment.parse("rand-n16-tweights")).hasMessageContaining("at most 15");
        assertThatThrownBy(() -> RandAugment.parse("rand").withFill(-1)).hasMessageContaining("0xRRGGBB");
        assertThatThrownBy(() -> RandAugment.parse("rand").withInterpolations(List.of()))
                .hasMessageContaining("at least one interpolation");
    }

    @Test
    void equalGeneratorsGiveEqualPictures() {
        Picture picture = TestPictures.noise(24, 18, 1);
        RandAugment augment = RandAugment.parse("rand-m9-n3-mstd0.5-inc1");
        for (int seed = 0; seed < 50; seed++) {
            assertThat(augment.apply(picture, new SplittableRandom(seed)).rgb())
                    .isEqualTo(
                            augment.apply(picture, new SplittableRandom(seed)).rgb());
        }
    }

    @Test
    void picturesKeepTheirSizeAndAreNotWrittenTo() {
        Picture picture = TestPictures.noise(24, 18, 1);
        byte[] before = picture.rgb().clone();
        for (int i = 0; i < 500; i++) {
            Picture result = RandAugment.parse("rand-m9-mstd101-mmax40").apply(picture, random);
            assertThat(result.width()).isEqualTo(24);
            assertThat(result.height()).isEqualTo(18);
        }
        assertThat(picture.rgb()).isEqualTo(before);
    }

    @Test
    void withTwoLayersAtOneHalfAQuarterOfThePicturesIsUntouched() {
        Picture picture = TestPictures.noise(16, 16, 1);
        RandAugment augment = RandAugment.parse("rand-m9-mstd0.5-inc1");
        int untouched = 0;
        for (int i = 0; i < 4000; i++) {
            untouched += augment.apply(picture, random).equals(picture) ? 1 : 0;
        }
        // A little more than a quarter: noise has all levels already, so that autocontrast may keep them.
        assertThat(untouched / 4000.0).isBetween(0.23, 0.36);
        assertThat(RandAugment.parse("rand-p0").apply(picture, random)).isSameAs(picture);
        assertThat(RandAugment.parse("rand-n0-p1").apply(picture, random)).isSameAs(picture);
    }

    @Test
    void interpolationsAreDrawnAmongThoseGiven() {
        Picture picture = TestPictures.noise(16, 16, 1);
        Set<String> drawn = new HashSet<>();
        for (int i = 0; i < 300; i++) {
            // Of shears at exactly 0.3, both ways.
            drawn.add(Arrays.toString(onlyShearX(picture, List.of(Resampling.BILINEAR, Resampling.BICUBIC))));
        }
        drawn.remove("[]");
        assertThat(drawn).hasSize(4);
    }

    private byte[] onlyShearX(Picture picture, List<Resampling> interpolations) {
        RandAugment augment = RandAugment.parse("rand-n1-p1").withInterpolations(interpolations);
        byte[] result = augment.apply(picture, random).rgb();
        for (Resampling interpolation : interpolations) {
            for (double factor : new double[] {0.3, -0.3}) {
                Picture sheared =
                        AffineTransform.shearX(factor).apply(picture, interpolation, RandAugment.IMAGENET_FILL);
                if (Arrays.equals(sheared.rgb(), result)) {
                    return result;
                }
            }
        }
        return new byte[0];
    }

    @Test
    void plainSetsDrawAllOperationsAlike() {
        for (RandAugment.TransformSet set :
                List.of(RandAugment.TransformSet.STANDARD, RandAugment.TransformSet.INCREASING)) {
            Map<AugmentOp, Integer> counts = counts(set, 2);
            assertThat(counts).hasSize(15);
            assertThat(counts.values())
                    .allSatisfy(count -> assertThat(count / 30_000.0).isCloseTo(2 / 15.0, within(0.01)));
        }
    }

    @Test
    void theWeightedSetDrawsByWeight() {
        Map<AugmentOp, Integer> counts = counts(RandAugment.TransformSet.WEIGHTED, 1);
        // Weights sum up to 10.1.
        assertThat(counts.getOrDefault(AugmentOp.ROTATE, 0) / 30_000.0).isCloseTo(3 / 10.1, within(0.01));
        assertThat(counts.getOrDefault(AugmentOp.TRANSLATE_Y_REL, 0) / 30_000.0).isCloseTo(1 / 10.1, within(0.01));
        assertThat(counts.getOrDefault(AugmentOp.INVERT, 0) / 30_000.0).isCloseTo(0.05 / 10.1, within(0.003));
    }

    @Test
    void theWeightedSetDrawsNoneTwice() {
        for (int i = 0; i < 200; i++) {
            assertThat(RandAugment.TransformSet.WEIGHTED.draw(15, random)).doesNotHaveDuplicates();
        }
    }

    private Map<AugmentOp, Integer> counts(RandAugment.TransformSet set, int layers) {
        Map<AugmentOp, Integer> counts = new EnumMap<>(AugmentOp.class);
        for (int i = 0; i < 30_000; i++) {
            for (AugmentOp op : set.draw(layers, random)) {
                counts.merge(op, 1, Integer::sum);
            }
        }
        return counts;
    }

    @Test
    void whatComesFromOutsideHasTheFillColor() {
        byte[] black = new byte[3 * 40 * 40];
        RandAugment augment = RandAugment.parse("rand-n1-p1").withFill(0x010203);
        Set<String> corners = new HashSet<>();
        for (int i = 0; i < 300; i++) {
            Picture result = augment.apply(new Picture(40, 40, black), random);
            corners.add(result.level(0, 0, 0) + "," + result.level(0, 0, 1) + "," + result.level(0, 0, 2));
        }
        // Black, its negative, what solarize_add makes of it, and the fill.
        assertThat(corners).containsExactlyInAnyOrder("0,0,0", "255,255,255", "110,110,110", "1,2,3");
    }
}
