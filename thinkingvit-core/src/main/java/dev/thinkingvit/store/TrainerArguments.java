package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The arguments of the training script that wrote a checkpoint, as far as it keeps them, and values as scripts write them. */
record TrainerArguments(StateDict state) {
    private static final List<String> PLACES = List.of("args", "hyper_parameters", "config", "cfg", "opt");
    private static final Pattern NUMBERS = Pattern.compile("\\d{1,4}");

    /** An argument; a missing node if there is none. */
    JsonNode get(String name) {
        for (String place : PLACES) {
            Object value = state.facts().get(place) instanceof Map<?, ?> args ? args.get(name) : null;
            if (value != null) {
                return ModelConfigJson.MAPPER.valueToTree(value);
            }
        }
        return JsonNodeFactory.instance.missingNode();
    }

    /**
     * What is said of how large pictures are: by a configuration for its pictures, then by the training's options. It may
     * be of another grid than the weights'.
     */
    List<ImageSize> imageSizes(ObjectNode root) {
        List<ImageSize> sizes = new ArrayList<>();
        for (JsonNode said : List.of(
                root.path("pretrained_cfg").path("input_size"),
                get("model_kwargs").path("img_size"),
                get("input_size"),
                get("img_size"))) {
            ImageSize size = SourceConfig.imageSize(said);
            if (size != null) {
                sizes.add(size);
            }
        }
        return sizes;
    }

    /**
     * Adds to {@code model_args} what a training of this library kept of its network beside weights of {@code torch.save},
     * unless somebody said it already.
     *
     * @param root the configuration as far as there is one
     */
    void complete(ObjectNode root, Architecture architecture) {
        ObjectNode args = root.withObject("model_args");
        get("model_kwargs").properties().forEach(entry -> args.putIfAbsent(entry.getKey(), entry.getValue()));
        for (String key : List.of(architecture.stagesArgument(), "img_size")) {
            if (!get(key).isMissingNode()) {
                args.putIfAbsent(key, get(key));
            }
        }
        if (!args.hasNonNull("num_classes") && !get("num_classes").isMissingNode()) {
            root.putIfAbsent("num_classes", get("num_classes"));
        }
    }

    /** The whole numbers of an argument: a list, lists of them one after the other, or text of such; empty if it has none. */
    List<Integer> integers(String name) {
        List<Integer> numbers = new ArrayList<>();
        collect(get(name), numbers);
        return numbers;
    }

    private static void collect(JsonNode said, List<Integer> numbers) {
        if (said.isArray()) {
            said.forEach(each -> collect(each, numbers));
        } else if (said.isString()) {
            Matcher number = NUMBERS.matcher(said.asString());
            while (number.find()) {
                numbers.add(Integer.parseInt(number.group()));
            }
        } else {
            numbers.add(integer(said));
        }
    }

    /** 0 for anything but a whole number; a list of two equal ones counts as one. */
    static int integer(@Nullable JsonNode value) {
        if (value != null
                && value.isArray()
                && value.size() == 2
                && value.get(0).equals(value.get(1))) {
            return integer(value.get(0));
        }
        return value != null && value.isIntegralNumber() && value.canConvertToInt() ? value.asInt() : 0;
    }
}
