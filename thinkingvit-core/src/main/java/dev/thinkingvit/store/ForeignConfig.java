package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.OtherLibraries;
import dev.thinkingvit.model.TransformersConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Understands configurations of other libraries as those of a network that an {@linkplain OtherLibraries architecture} knows
 * under that name: timm's, with an architecture such as {@code vit_tiny_patch16_224}, and transformers', with a
 * {@code model_type}. Whatever means another network is refused by name.
 */
final class ForeignConfig {
    private static final String PREPROCESSOR = "preprocessor_config.json";
    private static final String MODEL_TYPE = "model_type";
    private static final String MODEL_ARGS = "model_args";
    private static final String ARCHITECTURE = "architecture";

    private ForeignConfig() {}

    /** Whether it is a configuration of this program's own form, complete or in part. */
    static boolean isOwn(ObjectNode config) {
        return !isTransformers(config) && timms(config).isEmpty() && !isBarelyNamed(config);
    }

    /** Whether it says no more of the network than a published name, as timm's do. */
    private static boolean isBarelyNamed(ObjectNode config) {
        String name = name(config);
        return Architectures.find(name)
                .filter(found -> !found.name().equals(name))
                .filter(found -> !config.path(MODEL_ARGS).hasNonNull(found.stagesArgument()))
                .isPresent();
    }

    /**
     * Translates a configuration into this program's form.
     *
     * @param file where it is from; transformers' preprocessing is looked for beside it
     * @param config as it was read; returned as it is if it is of the own form
     * @param notes a line is added for whatever cannot be kept exactly
     */
    static ObjectNode translated(Path file, ObjectNode config, List<String> notes) {
        if (isTransformers(config)) {
            return transformers(file, config, notes);
        }
        return timms(config).map(found -> timm(file, config, found)).orElse(config);
    }

    private static String name(ObjectNode config) {
        return config.path(ARCHITECTURE).isString() ? config.get(ARCHITECTURE).asString() : "";
    }

    private static boolean isTransformers(ObjectNode config) {
        return config.get(ARCHITECTURE) == null
                && config.get(MODEL_ARGS) == null
                && (config.hasNonNull(MODEL_TYPE) || config.hasNonNull("hidden_size"));
    }

    /** The architecture that knows a name of timm's as its own. */
    private static Optional<Architecture> timms(ObjectNode config) {
        String name = name(config);
        return Architectures.find(each -> each.elsewhere().isTimms(name));
    }

    private static ObjectNode timm(Path file, ObjectNode config, Architecture architecture) {
        String name = name(config);
        Map<String, Object> unshown;
        try {
            unshown = architecture.elsewhere().ofTimm(name);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, String.valueOf(e.getMessage()), e);
        }
        ObjectNode own = config.deepCopy();
        own.put(ARCHITECTURE, architecture.name());
        if (own.hasNonNull(MODEL_ARGS) && !own.get(MODEL_ARGS).isObject()) {
            return own; // its reader refuses it
        }
        ObjectNode args = own.withObject(MODEL_ARGS);
        unshown.forEach((key, value) -> {
            if (!args.hasNonNull(key)) {
                args.set(key, Bare.tree(value));
            }
        });
        own.withObject("training").put(ARCHITECTURE, name);
        return own;
    }

    /** A {@code config.json} of transformers' and the {@code preprocessor_config.json} beside it. */
    private static ObjectNode transformers(Path file, ObjectNode config, List<String> notes) {
        TransformersConfig said = new TransformersConfig(JsonTrees.plain(config));
        String type = said.text(
                MODEL_TYPE, Architectures.unnamed().elsewhere().modelTypes().get(0));
        Architecture architecture = Architectures.find(
                        each -> each.elsewhere().modelTypes().contains(type))
                .orElseThrow(() -> new CheckpointException(
                        file, MODEL_TYPE + " must be " + Architectures.modelTypes() + ", got " + type));
        ObjectNode own = JsonNodeFactory.instance.objectNode();
        own.put(ARCHITECTURE, architecture.name());
        try {
            own.set(MODEL_ARGS, Bare.tree(architecture.elsewhere().ofTransformers(said)));
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, String.valueOf(e.getMessage()), e);
        }
        if (config.hasNonNull("id2label")) {
            own.set("id2label", config.get("id2label").deepCopy());
        }
        Path beside = file.resolveSibling(PREPROCESSOR);
        boolean there = Files.exists(beside);
        ObjectNode input = (ObjectNode) Bare.tree(architecture.elsewhere().preprocessor(type));
        if (there) {
            ModelDirectory.readOwn(beside).properties().forEach(entry -> {
                if (!entry.getValue().isNull()) {
                    input.set(entry.getKey(), entry.getValue());
                }
            });
        } else if (config.path("image_size").isIntegralNumber()) {
            input.set("size", config.get("image_size").deepCopy());
            input.set("crop_size", config.get("image_size").deepCopy());
        }
        new Preprocessor(beside, input).into(own.withObject("pretrained_cfg"), notes);
        if (!there) {
            notes.add(
                    "no " + PREPROCESSOR + ": pictures are prepared as transformers does for " + type + " by default");
        }
        if (config.hasNonNull(MODEL_TYPE)) {
            own.withObject("training")
                    .set("transformers_model_type", config.get(MODEL_TYPE).deepCopy());
        }
        return own;
    }

    /** How transformers prepares pictures: every key that {@link OtherLibraries#preprocessor} names is there. */
    private record Preprocessor(Path file, ObjectNode input) {
        private static final Map<String, String> RESAMPLE = Map.of("2", "bilinear", "3", "bicubic");
        private static final Pattern SCALE = Pattern.compile("0\\.00392\\d*");

        void into(ObjectNode pretrained, List<String> notes) {
            int resized = side("size");
            boolean crops = flag("do_center_crop", false);
            int size = crops ? side("crop_size") : resized;
            if (resized < size) {
                throw new CheckpointException(file, "crop_size must be at most size " + resized + ", got " + size);
            }
            for (String key : List.of("do_resize", "do_rescale")) {
                if (!flag(key, true)) {
                    throw new CheckpointException(file, key + " must be true, got false");
                }
            }
            String kernel = kernel();
            JsonNode scale = input.get("rescale_factor");
            if (scale != null
                    && !scale.isNull()
                    && !(scale.isNumber() && SCALE.matcher(scale.asString()).matches())) {
                throw new CheckpointException(file, "rescale_factor must be 1/255, got " + scale);
            }
            pretrained.withArray("input_size").add(3).add(size).add(size);
            pretrained.put("crop_pct", cropPct(size, resized));
            pretrained.put("interpolation", kernel);
            boolean normalises = flag("do_normalize", true);
            pretrained.set("mean", normalises ? input.get("image_mean").deepCopy() : levels(0));
            pretrained.set("std", normalises ? input.get("image_std").deepCopy() : levels(1));
            if (!(input.get("size") instanceof ObjectNode sides && sides.has("shortest_edge"))) {
                notes.add(
                        "transformers squeezes a picture into a square; here its shorter side is resized and the centre"
                                + " cut out, which differs for pictures that are not square");
            }
        }

        private static ArrayNode levels(double each) {
            return JsonNodeFactory.instance.arrayNode().add(each).add(each).add(each);
        }

        /** The share that makes {@code floor(size / share)} the side that pictures are resized to. */
        private static double cropPct(int size, int resized) {
            double exact = (double) size / resized;
            return (int) Math.floor(size / exact) == resized ? exact : size / (resized + 0.5);
        }

        /** A number, or an object of height and width, or of shortest_edge. */
        private int side(String key) {
            JsonNode value = input.path(key);
            int side = integer(value, 0);
            if (value.isObject()) {
                side = integer(value.has("shortest_edge") ? value.get("shortest_edge") : value.get("height"), 0);
                if (!value.has("shortest_edge") && side != integer(value.get("width"), 0)) {
                    side = 0;
                }
            }
            if (side < 1) {
                throw new CheckpointException(file, key + " must be the side of a square, got " + value);
            }
            return side;
        }

        /** PIL's number of the filter, or its name. */
        private String kernel() {
            JsonNode value = input.path("resample");
            String said = value.isString() ? value.asString().strip().toLowerCase(Locale.ROOT) : value.toString();
            String kernel = RESAMPLE.containsValue(said) ? said : RESAMPLE.get(said.replaceFirst("\\.0+$", ""));
            if (kernel == null) {
                throw new CheckpointException(file, "resample must be 2 (bilinear) or 3 (bicubic), got " + value);
            }
            return kernel;
        }

        private boolean flag(String key, boolean otherwise) {
            JsonNode value = input.get(key);
            if (value == null || value.isNull()) {
                return otherwise;
            }
            if (!value.isBoolean()) {
                throw new CheckpointException(file, key + " must be true or false, got " + value);
            }
            return value.asBoolean();
        }

        private static int integer(@Nullable JsonNode value, int otherwise) {
            return value != null && value.isIntegralNumber() && value.canConvertToInt() ? value.asInt() : otherwise;
        }
    }
}
