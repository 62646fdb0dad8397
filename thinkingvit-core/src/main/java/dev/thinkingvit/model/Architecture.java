package dev.thinkingvit.model;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A kind of network: how a configuration names it and what its arguments mean. What it computes is a {@link NetworkConfig}'s. */
public interface Architecture {
    /** As this project's {@code config.json} spells it. */
    String name();

    /** As people call it. */
    String title();

    /** As people call one that thinks once, such as {@code Vision Transformer}. */
    default String plainTitle() {
        return title();
    }

    /** Whether a configuration of that {@code architecture} is one of this kind, published names included. */
    boolean answersTo(String architecture);

    /** Whether only such a network has a tensor of that name, by which weights are recognised that no configuration is with. */
    default boolean owns(String tensor) {
        return false;
    }

    /**
     * Whether weights whose tensors tell nothing are such a network's by the name of their file, or by what it says besides.
     *
     * @param file its name
     * @param facts as {@link BareWeights#facts()} has them
     */
    default boolean claims(String file, Map<String, @Nullable Object> facts) {
        return false;
    }

    /** What it makes of weights that no configuration, or an incomplete one, is with. */
    default WeightsReader weights() {
        return WeightsReader.kept(stagesArgument());
    }

    /** What other libraries call such networks. */
    default OtherLibraries elsewhere() {
        return OtherLibraries.NONE;
    }

    /**
     * The arguments that a published name implies, {@code num_classes} apart; none of those that it leaves open. This
     * architecture's own name implies nothing.
     */
    default Map<String, Object> implied(String architecture) {
        return Map.of();
    }

    /** The argument that says how its stages differ, such as {@code thinking_stages}. */
    String stagesArgument();

    /**
     * The arguments that say the same in another way, such as {@code token_ratio} where one is {@code base_rate}: whoever says
     * this one over a recipe or a configuration takes those back.
     */
    default Set<String> insteadOf(String argument) {
        return Set.of();
    }

    /**
     * Keys of a recipe's network section that say what such a network is, where a few do: of {@code stages}, {@code head_dim},
     * {@code depth}, {@code img_size} and {@code patch_size}. A recipe must then have each of them. Where there are none, its
     * arguments say it, of which {@code img_size} and {@code patch_size} may be such keys as well.
     */
    default List<String> recipeKeys() {
        return List.of();
    }

    /**
     * The arguments that keys of a recipe mean.
     *
     * @param keys those of {@link #recipeKeys()}, else those of {@code img_size} and {@code patch_size} that are there; values
     *     are as {@link Arguments} has them, {@code stages} a list of at least one number
     * @return the arguments, {@code num_classes} apart, which nobody may say otherwise beside those keys
     */
    default Map<String, Object> described(Map<String, Object> keys) {
        return keys;
    }

    /** How the last tokens become one vector, in timm's words: {@code token} or {@code avg}. */
    String globalPool();

    /** Tokens before those of the patches: timm's {@code num_prefix_tokens}. */
    int prefixTokens();

    /**
     * Understands {@code model_args}, and {@code num_classes} among them.
     *
     * @throws IllegalArgumentException if one is unknown, missing, of another type, or means another network
     */
    NetworkConfig read(Arguments arguments);

    /** The arguments that {@link #read} makes the same network of, {@code num_classes} apart, in the order of a file. */
    Map<String, Object> write(NetworkConfig config);

    /**
     * What such a network can start from, as people call it, in the singular and without an article, the plain one first; at
     * least one. A network of its own kind, of any width, unless an architecture knows of more.
     */
    default List<String> sources() {
        return List.of(title());
    }
}
