package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.Resampling;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Some operations drawn at random, each applied at about the same strength, with timm's operations, levels and
 * arguments (Cubuk et al., "RandAugment", arXiv 1909.13719; timm's {@code rand_augment_transform}).
 *
 * <p>{@link #parse} reads timm's config strings; the published recipe's is {@code rand-m9-mstd0.5-inc1}. Pictures keep
 * their size, levels are those that PIL gives.
 *
 * @param magnitude the mean level of strength, at least 0; 10 reaches the ends of the arguments' ranges ({@code m})
 * @param magnitudeStd standard deviation of the level, drawn anew for each operation; 0 for always the same, infinite
 *     for uniform between 0 and {@code magnitude} ({@code mstd})
 * @param magnitudeMax what levels are cut off at, at least 1 ({@code mmax})
 * @param layers operations drawn for a picture, at least 0 ({@code n})
 * @param probability with which each drawn operation is applied, 0 to 1 ({@code p})
 * @param transforms what is drawn from ({@code inc}, {@code t})
 * @param interpolations one is drawn for each rotation, shear or translation; timm takes the training interpolation, or
 *     both where that is {@code random}
 * @param fill colour of what such an operation brings in from outside, {@code 0xRRGGBB}
 */
public record RandAugment(
        int magnitude,
        double magnitudeStd,
        int magnitudeMax,
        int layers,
        double probability,
        TransformSet transforms,
        List<Resampling> interpolations,
        int fill)
        implements PictureTransform {

    /** ImageNet's mean colour, (124, 116, 104). */
    public static final int IMAGENET_FILL = 0x7C7468;

    /** Which operations are drawn from, and how. */
    public enum TransformSet {
        /** All operations alike, some of which do less at higher levels: timm's choice without {@code inc1}. */
        STANDARD(
                AugmentOp.AUTO_CONTRAST,
                AugmentOp.EQUALIZE,
                AugmentOp.INVERT,
                AugmentOp.ROTATE,
                AugmentOp.POSTERIZE,
                AugmentOp.SOLARIZE,
                AugmentOp.SOLARIZE_ADD,
                AugmentOp.COLOR,
                AugmentOp.CONTRAST,
                AugmentOp.BRIGHTNESS,
                AugmentOp.SHARPNESS,
                AugmentOp.SHEAR_X,
                AugmentOp.SHEAR_Y,
                AugmentOp.TRANSLATE_X_REL,
                AugmentOp.TRANSLATE_Y_REL),
        /** All operations alike, all of which do more at higher levels: {@code inc1}. */
        INCREASING(
                AugmentOp.AUTO_CONTRAST,
                AugmentOp.EQUALIZE,
                AugmentOp.INVERT,
                AugmentOp.ROTATE,
                AugmentOp.POSTERIZE_INCREASING,
                AugmentOp.SOLARIZE_INCREASING,
                AugmentOp.SOLARIZE_ADD,
                AugmentOp.COLOR_INCREASING,
                AugmentOp.CONTRAST_INCREASING,
                AugmentOp.BRIGHTNESS_INCREASING,
                AugmentOp.SHARPNESS_INCREASING,
                AugmentOp.SHEAR_X,
                AugmentOp.SHEAR_Y,
                AugmentOp.TRANSLATE_X_REL,
                AugmentOp.TRANSLATE_Y_REL),
        /** The increasing operations, geometric ones far more often, none twice for a picture: {@code tweights}. */
        WEIGHTED(
                new double[] {3, 2, 2, 1, 1, 0.25, 0.25, 0.25, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05},
                AugmentOp.ROTATE,
                AugmentOp.SHEAR_X,
                AugmentOp.SHEAR_Y,
                AugmentOp.TRANSLATE_X_REL,
                AugmentOp.TRANSLATE_Y_REL,
                AugmentOp.COLOR_INCREASING,
                AugmentOp.SHARPNESS_INCREASING,
                AugmentOp.AUTO_CONTRAST,
                AugmentOp.SOLARIZE_INCREASING,
                AugmentOp.SOLARIZE_ADD,
                AugmentOp.CONTRAST_INCREASING,
                AugmentOp.BRIGHTNESS_INCREASING,
                AugmentOp.EQUALIZE,
                AugmentOp.POSTERIZE_INCREASING,
                AugmentOp.INVERT);

        @SuppressWarnings("ImmutableEnumChecker") // never written to, nor given away
        private final AugmentOp[] ops;

        @SuppressWarnings("ImmutableEnumChecker")
        private final double[] weights; // empty if all are alike

        TransformSet(AugmentOp... ops) {
            this(new double[0], ops);
        }

        TransformSet(double[] weights, AugmentOp... ops) {
            this.weights = weights;
            this.ops = ops;
        }

        int size() {
            return ops.length;
        }

        AugmentOp[] draw(int count, RandomGenerator random) {
            AugmentOp[] drawn = new AugmentOp[count];
            double[] left = weights.clone();
            for (int i = 0; i < count; i++) {
                int index = left.length == 0 ? random.nextInt(ops.length) : drawOnce(left, random);
                drawn[i] = ops[index];
            }
            return drawn;
        }

        /** An index by weight, whose weight is then 0. */
        private static int drawOnce(double[] left, RandomGenerator random) {
            double sum = 0;
            int last = 0;
            for (int i = 0; i < left.length; i++) {
                sum += left[i];
                last = left[i] > 0 ? i : last;
            }
            double point = random.nextDouble() * sum;
            int index = 0;
            // Rounding may leave the point beyond all of them.
            while (index < last && (left[index] == 0 || point >= left[index])) {
                point -= left[index];
                index++;
            }
            left[index] = 0;
            return index;
        }
    }

    public RandAugment {
        interpolations = List.copyOf(interpolations);
        if (magnitude < 0 || magnitudeMax < 1) {
            throw new IllegalArgumentException(
                    "RandAugment's magnitude must be at least 0 and its maximum at least 1, not " + magnitude + " and "
                            + magnitudeMax);
        }
        if (!(magnitudeStd >= 0)) {
            throw new IllegalArgumentException(
                    "RandAugment's standard deviation of magnitude must be at least 0, not " + magnitudeStd);
        }
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("A probability lies between 0 and 1, not " + probability);
        }
        if (layers < 0 || (transforms == TransformSet.WEIGHTED && layers > transforms.size())) {
            throw new IllegalArgumentException("RandAugment's layers must be at least 0, and at most "
                    + TransformSet.WEIGHTED.size() + " if none may come twice, not " + layers);
        }
        if (interpolations.isEmpty()) {
            throw new IllegalArgumentException("RandAugment needs at least one interpolation");
        }
        if (fill < 0 || fill > 0xFFFFFF) {
            throw new IllegalArgumentException("A colour is 0xRRGGBB, not 0x" + Integer.toHexString(fill));
        }
    }

    /**
     * timm's config string, with bicubic interpolation and ImageNet's mean as the fill colour: {@code rand}, then pieces
     * after dashes, in any order. {@code m} magnitude (10), {@code n} layers (2), {@code p} probability (0.5),
     * {@code mstd} deviation of the magnitude (0; above 100 uniform), {@code mmax} its maximum (10), {@code inc}
     * increasing operations if not 0 (0), {@code tweights} the weighted choice.
     *
     * <p>Means what timm takes it to mean, but is stricter: timm passes over pieces that it does not know or that lack a
     * number, and takes the first or the last of two alike.
     *
     * @throws IllegalArgumentException naming the piece that is not understood
     */
    public static RandAugment parse(String config) {
        return RandAugmentParser.parse(config);
    }

    /** The same with other interpolations. */
    public RandAugment withInterpolations(List<Resampling> others) {
        return new RandAugment(magnitude, magnitudeStd, magnitudeMax, layers, probability, transforms, others, fill);
    }

    /** The same with another fill colour, {@code 0xRRGGBB}. */
    public RandAugment withFill(int other) {
        return new RandAugment(
                magnitude, magnitudeStd, magnitudeMax, layers, probability, transforms, interpolations, other);
    }

    @Override
    public Picture apply(Picture picture, RandomGenerator random) {
        Picture result = picture;
        for (AugmentOp op : transforms.draw(layers, random)) {
            if (random.nextDouble() < probability) {
                result = op.apply(result, level(random), this::warp, random);
            }
        }
        return result;
    }

    private double level(RandomGenerator random) {
        double level = magnitude;
        if (magnitudeStd == Double.POSITIVE_INFINITY) {
            level = magnitude * random.nextDouble();
        } else if (magnitudeStd > 0) {
            level = magnitude + magnitudeStd * random.nextGaussian();
        }
        return Math.max(0, Math.min(level, magnitudeMax));
    }

    private Picture warp(Picture picture, AffineTransform transform, RandomGenerator random) {
        int index = interpolations.size() == 1 ? 0 : random.nextInt(interpolations.size());
        return transform.apply(picture, interpolations.get(index), fill);
    }
}
