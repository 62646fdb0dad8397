package dev.thinkingvit.picture;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is to be done otherwise than a model's {@link Preprocessing} says; null leaves a part as it is.
 *
 * @param size of the network's input
 * @param cropPct share of the resized shorter side that the crop keeps
 * @param interpolation the resizing kernel
 * @param mean per channel (R, G, B), of levels scaled to 0–1
 * @param std per channel (R, G, B), positive
 */
public record PreprocessingChange(
        @Nullable ImageSize size,
        @Nullable Double cropPct,
        @Nullable Resampling interpolation,
        @Nullable List<Double> mean,
        @Nullable List<Double> std) {
    /** Changes nothing. */
    public static final PreprocessingChange NONE = new PreprocessingChange(null, null, null, null, null);

    /** Whether everything stays as it is. */
    public boolean isNone() {
        return equals(NONE);
    }

    /**
     * The preprocessing with what is to be changed.
     *
     * @throws IllegalArgumentException if a value is out of its range
     */
    public Preprocessing of(Preprocessing given) {
        return new Preprocessing(
                size == null ? given.size() : size,
                cropPct == null ? given.cropPct() : cropPct,
                interpolation == null ? given.interpolation() : interpolation,
                mean == null ? given.mean() : floats(mean),
                std == null ? given.std() : floats(std));
    }

    private static float[] floats(List<Double> values) {
        float[] floats = new float[values.size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = values.get(i).floatValue();
        }
        return floats;
    }
}
