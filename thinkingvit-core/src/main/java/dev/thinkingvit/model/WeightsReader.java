package dev.thinkingvit.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an architecture makes of {@link BareWeights}: how weights without a complete configuration become one. One that adds
 * nothing needs a complete {@code config.json}, or what a training here keeps beside weights of {@code torch.save}.
 *
 * <p>An {@link IllegalArgumentException} of any method is given to people with the file's name before it.
 */
public interface WeightsReader {
    /**
     * One that takes what a training of this library kept beside the weights, and nothing else.
     *
     * @param stagesArgument see {@link Architecture#stagesArgument()}
     */
    static WeightsReader kept(String stagesArgument) {
        return new WeightsReader() {
            @Override
            public void complete(Map<String, @Nullable Object> arguments, BareWeights weights, List<String> notes) {
                Map<String, @Nullable Object> kept = new LinkedHashMap<>();
                if (weights.argument("model_kwargs") instanceof Map<?, ?> all) {
                    all.forEach((key, value) -> kept.put(String.valueOf(key), value));
                }
                for (String key : List.of(stagesArgument, "img_size", "num_classes")) {
                    kept.putIfAbsent(key, weights.argument(key));
                }
                kept.forEach(arguments::putIfAbsent);
                arguments.values().removeIf(value -> value == null);
            }
        };
    }

    /**
     * Refuses weights of another network, as far as names tell.
     *
     * @throws IllegalArgumentException if they are: names a tensor and the network
     */
    default void requireOwn(BareWeights weights) {}

    /**
     * Adds what a configuration leaves open. What it says stays, and values of a wrong type are left for
     * {@link Architecture#read} to refuse.
     *
     * @param arguments of the model as far as somebody says them, {@code num_classes} among them; changed
     * @param notes a line is added for what is not known but taken
     * @throws IllegalArgumentException if a tensor is missing or of a wrong shape, or what is missing cannot be told
     */
    void complete(Map<String, @Nullable Object> arguments, BareWeights weights, List<String> notes);

    /** Names of tensors that such files have and that no stage of the network uses. */
    default List<String> surplus(NetworkConfig network, BareWeights weights) {
        return List.of();
    }

    /** Width of an attention head where weights or their training's arguments tell it; else 0. */
    default int headWidth(BareWeights weights) {
        return 0;
    }

    /** Width of an attention head in published networks, of whatever size; 0 if there is none that is usual. */
    default int usualHeadWidth() {
        return 0;
    }

    /** How such networks are evaluated where they were published, if another way than a ThinkingViT; null if not. */
    default @Nullable Evaluation evaluation() {
        return null;
    }

    /** Whether published figures are those of weights' moving average, where a checkpoint has one beside them. */
    default boolean judgedByAverage() {
        return true;
    }

    /** The YAML that their trainer writes beside checkpoints; what it says becomes the fact of that name. Null if none. */
    default @Nullable String companion() {
        return null;
    }

    /** How their training normalised pictures, where facts say so; null if not. */
    default @Nullable Normalisation normalisation(BareWeights weights) {
        return null;
    }

    /**
     * A normalisation of red, green and blue.
     *
     * @param mean of levels from 0 to 1
     * @param std of the same
     * @param from what said so, in words
     */
    record Normalisation(List<Double> mean, List<Double> std, String from) {}

    /**
     * A published evaluation, which a configuration says otherwise.
     *
     * @param cropPct share of the resized shorter side that is seen
     * @param router what measures certainty, and when it is enough; null for what is usual
     */
    record Evaluation(double cropPct, @Nullable String router) {}
}
