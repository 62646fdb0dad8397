package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.probability;
import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.thinkingvit.augment.RandAugment;
import dev.thinkingvit.augment.RandomErasing;
import dev.thinkingvit.picture.Resampling;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What happens to the pictures. Keys are timm's; see {@link Recipe}.
 *
 * @param crop which part of a picture is seen
 * @param scale smallest and largest area of a random resized crop, of the picture's
 * @param ratio smallest and largest aspect of a random resized crop
 * @param trainInterpolation {@code bicubic}, {@code bilinear}, or {@code random} for either, drawn a picture
 * @param hflip probability of a mirrored picture
 * @param aa RandAugment as timm spells it, such as {@code rand-m9-mstd0.5-inc1}; null for none
 * @param colorJitter strength of random brightness, contrast and saturation; 0 for none. As in timm, {@code aa}
 *     takes its place
 * @param reprob probability of random erasing
 * @param remode what erases: {@code pixel}, {@code rand} or {@code const}
 * @param recount boxes that are erased
 * @param mixup parameter of mixup's Beta distribution; 0 for none
 * @param cutmix parameter of cutmix's Beta distribution; 0 for none
 * @param mixupProb share of the batches that are mixed
 * @param mixupSwitchProb share of cutmix among the mixed ones, where both are on
 * @param augRepeats how many times in a row an epoch shows a picture, each time augmented anew; it then shows that many
 *     times fewer pictures. 0 or 1 for once
 * @param imgScale longer and shorter side of the box, pixels, that a Segmenter's pictures are fitted into first, for
 *     training and for validation, as in mmseg; empty for pictures as large as they are
 * @param ratioRange least and most that a Segmenter's pictures are scaled by before a part is cut out of them
 */
public record AugmentationRecipe(
        Crop crop,
        List<Double> scale,
        List<Double> ratio,
        String trainInterpolation,
        double hflip,
        @Nullable String aa,
        double colorJitter,
        double reprob,
        String remode,
        int recount,
        double mixup,
        double cutmix,
        double mixupProb,
        double mixupSwitchProb,
        int augRepeats,
        List<Integer> imgScale,
        List<Double> ratioRange) {
    private static final List<Double> PUBLISHED_RATIOS = List.of(0.5, 2.0);
    private static final double LARGEST_RATIO = 16;
    private static final int LARGEST_SIDE = 1 << 16;
    private static final Map<String, Function<AugmentationRecipe, @Nullable Object>> OF_PICTURES_ALONE =
            ofPicturesAloneByKey();

    /** See {@link Recipe#DEFAULT}. */
    static final AugmentationRecipe DEFAULT = new AugmentationRecipe(
            Crop.PAD,
            List.of(0.08, 1.0),
            List.of(0.75, 4.0 / 3),
            "bicubic",
            0.5,
            null,
            0,
            0,
            "pixel",
            1,
            0,
            0,
            1,
            0.5,
            0,
            List.of(),
            PUBLISHED_RATIOS);

    /** Which part of a picture is seen. */
    public enum Crop {
        /** Random place of the picture padded by an eighth; for pictures of the input's size. */
        @JsonProperty("pad")
        PAD,
        /** Random resized crop. */
        @JsonProperty("resized")
        RESIZED,
        /** The evaluation's own centre crop. */
        @JsonProperty("center")
        CENTER
    }

    public AugmentationRecipe {
        scale = interval("scale", scale, 1);
        ratio = interval("ratio", ratio, Double.MAX_VALUE);
        ratioRange = interval("ratio_range", ratioRange, LARGEST_RATIO);
        imgScale = List.copyOf(imgScale);
        require(
                imgScale.isEmpty()
                        || (imgScale.size() == 2
                                && imgScale.stream().allMatch(side -> side > 0 && side <= LARGEST_SIDE)),
                "img_scale must be a longer and a shorter side, from 1 to " + LARGEST_SIDE + " pixels, got "
                        + imgScale);
        probability("hflip", hflip);
        probability("reprob", reprob);
        probability("mixup_prob", mixupProb);
        probability("mixup_switch_prob", mixupSwitchProb);
        if (!(mixup >= 0 && cutmix >= 0 && mixup + cutmix < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "mixup and cutmix must be 0 or positive numbers, got " + mixup + " and " + cutmix);
        }
        require(colorJitter >= 0 && colorJitter <= 1, "color_jitter must lie in [0, 1], got " + colorJitter);
        require(augRepeats >= 0, "aug_repeats must not be negative, got " + augRepeats);
        require(recount >= 1, "recount must be at least 1, got " + recount);
        interpolations(trainInterpolation);
        RandomErasing.Mode.named(remode);
        if (aa != null) {
            RandAugment.parse(aa);
        }
    }

    /** The keys that were changed and that have no effect on pictures with a class for each pixel. */
    List<String> ofPicturesAlone() {
        return OF_PICTURES_ALONE.entrySet().stream()
                .filter(each -> !Objects.equals(
                        each.getValue().apply(this), each.getValue().apply(DEFAULT)))
                .map(Map.Entry::getKey)
                .toList();
    }

    private static Map<String, Function<AugmentationRecipe, @Nullable Object>> ofPicturesAloneByKey() {
        Map<String, Function<AugmentationRecipe, @Nullable Object>> keys = new LinkedHashMap<>();
        keys.put("crop", AugmentationRecipe::crop);
        keys.put("scale", AugmentationRecipe::scale);
        keys.put("ratio", AugmentationRecipe::ratio);
        keys.put("train_interpolation", AugmentationRecipe::trainInterpolation);
        keys.put("aa", AugmentationRecipe::aa);
        keys.put("color_jitter", AugmentationRecipe::colorJitter);
        keys.put("reprob", AugmentationRecipe::reprob);
        keys.put("remode", AugmentationRecipe::remode);
        keys.put("recount", AugmentationRecipe::recount);
        keys.put("mixup", AugmentationRecipe::mixup);
        keys.put("cutmix", AugmentationRecipe::cutmix);
        keys.put("mixup_prob", AugmentationRecipe::mixupProb);
        keys.put("mixup_switch_prob", AugmentationRecipe::mixupSwitchProb);
        return keys;
    }

    /** Of which each picture gets one at random. */
    List<Resampling> interpolations() {
        return interpolations(trainInterpolation);
    }

    private static List<Resampling> interpolations(String name) {
        return name.equals("random")
                ? List.of(Resampling.BILINEAR, Resampling.BICUBIC)
                : List.of(Resampling.named(name));
    }

    /** Pixels of the box's shorter side; 0 for pictures as large as they are. */
    public int shorterSide() {
        return imgScale.isEmpty() ? 0 : Math.min(imgScale.get(0), imgScale.get(1));
    }

    /** Pixels of the box's longer side; 0 for pictures as large as they are. */
    public int longerSide() {
        return imgScale.isEmpty() ? 0 : Math.max(imgScale.get(0), imgScale.get(1));
    }

    public Mixing.Options mixing() {
        return mixup > 0 || cutmix > 0
                ? new Mixing.Options(mixup, cutmix, mixupProb, mixupSwitchProb)
                : Mixing.Options.NONE;
    }

    private static List<Double> interval(String name, List<Double> ends, double largest) {
        require(
                ends.size() == 2 && ends.get(0) > 0 && ends.get(0) <= ends.get(1) && ends.get(1) <= largest,
                name + " must be a smallest and a largest positive number, got " + ends);
        return List.copyOf(ends);
    }
}
