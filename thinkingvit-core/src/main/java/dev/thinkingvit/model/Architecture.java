package dev.thinkingvit.model;

import java.util.List;
import java.util.Map;

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
     * The arguments that a published name implies, {@code num_classes} apart; none of those that it leaves open. This
     * architecture's own name implies nothing.
     */
    default Map<String, Object> implied(String architecture) {
        return Map.of();
    }

    /** The argument that says how its stages differ, such as {@code thinking_stages}. */
    String stagesArgument();

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
