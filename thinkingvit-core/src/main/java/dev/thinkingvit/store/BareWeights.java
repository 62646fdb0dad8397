package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * What weights say of the network that they are of, where no configuration does: names and shapes of tensors, and the
 * arguments of the script that trained them. There is one for each architecture whose files are published without a
 * configuration; what has none needs a complete {@code config.json}.
 */
interface BareWeights {
    /** Who reads an architecture's. */
    Map<Architecture, Function<StateDict, BareWeights>> READERS =
            Map.of(ThinkingViTConfig.ARCHITECTURE, BareThinkingViT::new, SwinConfig.ARCHITECTURE, BareSwin::new);

    /** The one that reads an architecture's; null if there is none. */
    static @Nullable BareWeights of(Architecture architecture, StateDict state) {
        Function<StateDict, BareWeights> reader = READERS.get(architecture);
        return reader == null ? null : reader.apply(state);
    }

    /** The architecture that alone has such tensors, else the one that the file names; a ThinkingViT if there is none. */
    static Architecture recognised(StateDict state) {
        return Architectures.recognised(state.tensors().keySet())
                .or(() -> state.facts().get("arch") instanceof String named
                        ? Architectures.find(named)
                        : Optional.empty())
                .orElse(ThinkingViTConfig.ARCHITECTURE);
    }

    /**
     * Refuses weights of another network, as far as names tell.
     *
     * @throws CheckpointException if they are: names a tensor and the network
     */
    void requireOwn();

    /**
     * Adds to {@code model_args} what a configuration leaves open; values of a wrong type are left for its reader to refuse.
     *
     * @param root the configuration as far as there is one; its {@code model_args}, if it has them, are an object
     * @param notes a line is added for what is not known but taken
     * @throws CheckpointException if a tensor is missing or of a wrong shape, or what is missing cannot be told
     */
    void complete(ObjectNode root, List<String> notes);

    /** Names of tensors that such files have and that no stage of the network uses. */
    List<String> surplus(NetworkConfig network);
}
