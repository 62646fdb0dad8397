package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.BareWeights;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What architectures are shown of weights that no configuration, or an incomplete one, is with. */
final class Bare {
    private Bare() {}

    /** @param root the configuration as far as there is one */
    static BareWeights of(StateDict state, ObjectNode root) {
        Map<String, String> strangers = new LinkedHashMap<>();
        for (String name : state.tensors().keySet()) {
            String network = KnownNames.foreignNetwork(name);
            if (network != null) {
                strangers.put(name, network);
            }
        }
        BareWeights nameless = new BareWeights(
                state.tensors(),
                state.facts(),
                strangers,
                state.origin().heads(),
                List.of(),
                List.of(),
                WeightsEntry.elsewhere(state.entry()));
        List<String> names = List.of(
                root.path("architecture").asString(""),
                nameless.argument("model") instanceof String model ? model : "",
                String.valueOf(state.facts().get("arch")),
                String.valueOf(state.file().getFileName()));
        return new BareWeights(
                nameless.tensors(),
                nameless.facts(),
                strangers,
                nameless.heads(),
                names,
                pictures(root, nameless),
                nameless.place());
    }

    /** Said by a configuration for its pictures, then by the training's options. */
    private static List<ImageSize> pictures(ObjectNode root, BareWeights weights) {
        List<ImageSize> sizes = new ArrayList<>();
        for (JsonNode said : List.of(
                root.path("pretrained_cfg").path("input_size"),
                tree(weights.argument("model_kwargs")).path("img_size"),
                tree(weights.argument("input_size")),
                tree(weights.argument("img_size")))) {
            ImageSize size = SourceConfig.imageSize(said);
            if (size != null) {
                sizes.add(size);
            }
        }
        return sizes;
    }

    /** A plain value as JSON has it. */
    static JsonNode tree(@Nullable Object value) {
        return JsonTrees.of(value);
    }

    /**
     * The architecture that alone has such tensors, else the one that the file names, or that claims it, else that of what
     * names none.
     */
    static Architecture recognised(StateDict state) {
        return Architectures.recognised(state.tensors().keySet())
                .or(() -> state.facts().get("arch") instanceof String named
                        ? Architectures.find(named)
                        : Optional.empty())
                .or(() -> Architectures.claimed(String.valueOf(state.file().getFileName()), state.facts()))
                .orElseGet(Architectures::unnamed);
    }
}
