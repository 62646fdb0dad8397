package dev.thinkingvit.model;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How configurations of other libraries name and describe networks that are an architecture's own: plain ones, of one stage, as a
 * rule. One that overrides nothing is in no other library.
 *
 * <p>An {@link IllegalArgumentException} of any method is given to people with the file's name before it.
 */
public interface OtherLibraries {
    /** In none. */
    OtherLibraries NONE = new OtherLibraries() {};

    /**
     * Whether a name of timm's, such as {@code vit_tiny_patch16_224}, is of such a network or one of its kin. What is written of it
     * later has this project's name; published names that stay are the {@linkplain Architecture#answersTo architecture's}.
     */
    default boolean isTimms(String name) {
        return false;
    }

    /**
     * The arguments that such a name says and that no shape of the weights would show, often none.
     *
     * @param name for which {@link #isTimms} holds
     * @throws IllegalArgumentException if that network computes what this one cannot: says what
     */
    default Map<String, Object> ofTimm(String name) {
        return Map.of();
    }

    /**
     * What a model's name says of it to timm's trainer, in a recipe's keys ({@link Architecture#recipeKeys()}), {@code stages}
     * being one.
     *
     * @param name as the trainer's {@code --model} has it
     * @return empty if it is another network's name, or says too little
     */
    default Map<String, Object> recipeOfTimm(String name) {
        return Map.of();
    }

    /**
     * How pictures are prepared.
     *
     * @param mean of the channels, scaled to 0-1
     * @param std of the same
     * @param cropPct share of the resized shorter side that is seen
     * @param interpolation {@code bicubic} or {@code bilinear}
     */
    record Prepared(List<Double> mean, List<Double> std, double cropPct, String interpolation) {
        /** As most are that were trained on ImageNet. */
        public static final List<Double> IMAGENET_MEAN = List.of(0.485, 0.456, 0.406);

        /** Likewise. */
        public static final List<Double> IMAGENET_STD = List.of(0.229, 0.224, 0.225);

        public Prepared {
            mean = List.copyOf(mean);
            std = List.copyOf(std);
        }
    }

    /**
     * How timm's default configurations prepare pictures for a network of such a name.
     *
     * @param name in small letters and with underscores; others may stand around it, as in a path or a longer word
     * @return empty if it is no such network's
     */
    default Optional<Prepared> preparedByTimm(String name) {
        return Optional.empty();
    }

    /** transformers' {@code model_type}s that are such networks; the first is that of a configuration without one. */
    default List<String> modelTypes() {
        return List.of();
    }

    /**
     * The arguments of the same network, as far as a configuration of transformers' tells them.
     *
     * @throws IllegalArgumentException if it means another network: names the key, what is required and what came
     */
    default Map<String, Object> ofTransformers(TransformersConfig config) {
        throw new IllegalArgumentException("model_type is not supported");
    }

    /**
     * What transformers does with pictures where no {@code preprocessor_config.json} says otherwise, under that file's keys:
     * {@code size}, {@code do_center_crop}, {@code crop_size}, {@code resample} (PIL's number), {@code image_mean} and {@code
     * image_std}. By default as its ViTs' does.
     *
     * @param modelType one of {@link #modelTypes()}
     */
    default Map<String, Object> preprocessor(String modelType) {
        List<Double> half = List.of(0.5, 0.5, 0.5);
        return Map.of(
                "size",
                224,
                "do_center_crop",
                false,
                "crop_size",
                224,
                "resample",
                2,
                "image_mean",
                half,
                "image_std",
                half);
    }
}
