package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.Resampling;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How pictures are prepared, for training and for whoever uses the model. Keys are timm's; see {@link Recipe}.
 *
 * @param mean of red, green and blue levels scaled to 0–1
 * @param std deviation of the same
 * @param interpolation of evaluated pictures: {@code bicubic} or {@code bilinear}
 * @param cropPct share of an evaluated picture's shorter side that is seen; null for 0.9, or all of it up to 64 pixels
 */
public record PreprocessingRecipe(
        List<Double> mean,
        List<Double> std,
        String interpolation,
        @Nullable Double cropPct) {
    /** See {@link Recipe#DEFAULT}. */
    static final PreprocessingRecipe DEFAULT =
            new PreprocessingRecipe(List.of(0.485, 0.456, 0.406), List.of(0.229, 0.224, 0.225), "bicubic", null);

    private static final int SMALL = 64;

    public PreprocessingRecipe {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        require(
                mean.size() == 3 && mean.stream().allMatch(Double::isFinite),
                "mean must be three numbers, got " + mean);
        require(
                std.size() == 3 && std.stream().allMatch(value -> value > 0 && value < Double.POSITIVE_INFINITY),
                "std must be three positive numbers, got " + std);
        Resampling.named(interpolation);
        require(cropPct == null || (cropPct > 0 && cropPct <= 1), "crop_pct must lie in (0, 1], got " + cropPct);
    }

    /** For a network whose input is of that size. */
    public Preprocessing preprocessing(ImageSize size) {
        double usual = Math.max(size.height(), size.width()) <= SMALL ? 1 : Preprocessing.DEFAULT_CROP_PCT;
        return new Preprocessing(
                size, cropPct == null ? usual : cropPct, Resampling.named(interpolation), floats(mean), floats(std));
    }

    private static float[] floats(List<Double> values) {
        float[] floats = new float[values.size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = values.get(i).floatValue();
        }
        return floats;
    }
}
