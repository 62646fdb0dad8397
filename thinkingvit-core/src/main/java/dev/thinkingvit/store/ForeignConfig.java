package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Understands configurations of other libraries as one of a network with a single stage, which is what a plain Vision or
 * Swin Transformer is: timm's, with an architecture such as {@code vit_tiny_patch16_224}, and transformers', with a
 * {@code model_type}. Whatever means another network is refused by name.
 */
final class ForeignConfig {
    private static final String PREPROCESSOR = "preprocessor_config.json";

    private static final Pattern TIMM =
            Pattern.compile("(vit|deit)((_[a-z0-9]+)*_(patch\\d+)(_[a-z0-9]+)*(\\.[\\w.]+)?)?");

    private static final Pattern SWIN = Pattern.compile("swin_[a-z0-9_]+(\\.\\w+)?");

    /** Heads of timm's models whose heads are not 64 wide. */
    private static final Map<String, Integer> TIMM_HEADS = Map.of("huge", 16, "giant", 16, "gigantic", 16, "little", 5);

    /** What no shape of a timm model's weights would show. */
    private static final Map<String, String> TIMM_DIFFERENCES = Map.of(
            "quickgelu",
            "computes another GELU",
            "distilled",
            "has a second class token",
            "relpos",
            "has relative positions");

    /** transformers' parameters that this network leaves at one value. */
    private static final Map<String, String> FIXED =
            Map.of("hidden_act", "gelu", "num_channels", "3", "qkv_bias", "true");

    private static final Map<String, Double> SWIN_FIXED =
            Map.of("mlp_ratio", 4.0, "layer_norm_eps", SwinConfig.NORM_EPS);

    private static final double TRANSFORMERS_EPS = 1e-12;
    private static final String SWIN_MODEL = "swin";
    private static final Set<String> TRANSFORMERS_MODELS = Set.of("vit", "deit", SWIN_MODEL);

    private ForeignConfig() {}

    /** Whether it is a configuration of this program's own form, complete or in part. */
    static boolean isOwn(ObjectNode config) {
        return !isTransformers(config) && timmName(config) == null && !isBarelyNamed(config);
    }

    /** Whether it says no more of the network than a published name, as timm's do. */
    private static boolean isBarelyNamed(ObjectNode config) {
        JsonNode name = config.get("architecture");
        return name != null
                && name.isString()
                && !config.path("model_args").hasNonNull("head_rounds")
                && SWIN.matcher(name.asString()).matches();
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
            return new Transformers(file, config).translated(notes);
        }
        String name = timmName(config);
        return name == null ? config : timm(file, config, name);
    }

    private static boolean isTransformers(ObjectNode config) {
        return config.get("architecture") == null
                && config.get("model_args") == null
                && (config.hasNonNull("model_type") || config.hasNonNull("hidden_size"));
    }

    private static @Nullable String timmName(ObjectNode config) {
        JsonNode architecture = config.get("architecture");
        boolean plain = architecture != null
                && architecture.isString()
                && TIMM.matcher(architecture.asString()).matches();
        return plain ? architecture.asString() : null;
    }

    private static ObjectNode timm(Path file, ObjectNode config, String name) {
        TIMM_DIFFERENCES.forEach((part, what) -> {
            if (name.contains(part)) {
                throw new CheckpointException(
                        file, "architecture " + name + " " + what + ", which is not supported; plain ViTs are");
            }
        });
        ObjectNode own = config.deepCopy();
        own.put("architecture", ThinkingViTConfig.ARCHITECTURE.name());
        if (own.hasNonNull("model_args") && !own.get("model_args").isObject()) {
            return own; // its reader refuses it
        }
        ObjectNode args = own.withObject("model_args");
        TIMM_HEADS.forEach((size, heads) -> {
            if (!args.hasNonNull("num_heads") && name.contains("_" + size + "_")) {
                args.put("num_heads", heads.intValue());
            }
        });
        own.withObject("training").put("architecture", name);
        return own;
    }

    /** A {@code config.json} of transformers' and the {@code preprocessor_config.json} beside it. */
    private record Transformers(Path file, ObjectNode config) {
        ObjectNode translated(List<String> notes) {
            String type = text("model_type", "vit");
            if (!TRANSFORMERS_MODELS.contains(type)) {
                throw refused("model_type", type, "vit, deit or swin");
            }
            FIXED.forEach((key, wanted) -> {
                if (!text(key, wanted).equals(wanted)) {
                    throw refused(key, text(key, wanted), wanted);
                }
            });
            if (!type.equals(SWIN_MODEL)
                    && config.hasNonNull("intermediate_size")
                    && config.hasNonNull("hidden_size")
                    && config.get("intermediate_size").asDouble(0)
                            != 4 * config.get("hidden_size").asDouble(0)) {
                throw refused(
                        "intermediate_size",
                        text("intermediate_size", ""),
                        "4 times hidden_size " + text("hidden_size", ""));
            }
            ObjectNode own = JsonNodeFactory.instance.objectNode();
            ObjectNode args = own.withObject("model_args");
            copy("image_size", args, "img_size");
            copy("patch_size", args, "patch_size");
            if (type.equals(SWIN_MODEL)) {
                swin(own, args);
            } else {
                own.put("architecture", ThinkingViTConfig.ARCHITECTURE.name());
                copy("hidden_size", args, "embed_dim");
                copy("num_attention_heads", args, "num_heads");
                copy("num_hidden_layers", args, "depth");
                args.put("norm_eps", TRANSFORMERS_EPS);
                copy("layer_norm_eps", args, "norm_eps");
            }
            copy("id2label", own, "id2label");
            ObjectNode pretrained = own.withObject("pretrained_cfg");
            Path beside = file.resolveSibling(PREPROCESSOR);
            boolean said = Files.exists(beside);
            ObjectNode input = said ? ModelDirectory.readOwn(beside) : JsonNodeFactory.instance.objectNode();
            if (!said && config.path("image_size").isIntegralNumber()) {
                input.set("size", config.get("image_size").deepCopy());
                input.set("crop_size", config.get("image_size").deepCopy());
            }
            new Preprocessor(beside, input, type.equals("deit")).into(pretrained, notes);
            if (!said) {
                notes.add("no " + PREPROCESSOR + ": pictures are prepared as transformers does for " + type
                        + " by default");
            }
            copy("model_type", own.withObject("training"), "transformers_model_type");
            return own;
        }

        /** A plain Swin has one round, in which all heads think. */
        private void swin(ObjectNode own, ObjectNode args) {
            own.put("architecture", SwinConfig.ARCHITECTURE.name());
            SWIN_FIXED.forEach((key, wanted) -> {
                if (config.path(key).asDouble(wanted) != wanted) {
                    throw refused(key, text(key, ""), wanted.toString());
                }
            });
            if (config.path("use_absolute_embeddings").asBoolean(false)) {
                throw refused("use_absolute_embeddings", "true", "false");
            }
            for (String key : List.of("embed_dim", "depths", "num_heads", "window_size")) {
                copy(key, args, key);
            }
            if (config.path("num_heads").isArray()) {
                args.withArray("head_rounds").add(config.get("num_heads").deepCopy());
            }
        }

        private void copy(String from, ObjectNode target, String to) {
            if (config.hasNonNull(from)) {
                target.set(to, config.get(from).deepCopy());
            }
        }

        private String text(String key, String otherwise) {
            JsonNode value = config.get(key);
            return value == null || value.isNull() ? otherwise : value.isString() ? value.asString() : value.toString();
        }

        private CheckpointException refused(String key, String came, String wanted) {
            return new CheckpointException(file, key + " must be " + wanted + ", got " + came);
        }
    }

    /** How transformers prepares pictures. */
    private record Preprocessor(Path file, ObjectNode input, boolean deit) {
        private static final Map<String, String> RESAMPLE = Map.of("2", "bilinear", "3", "bicubic");
        private static final Pattern SCALE = Pattern.compile("0\\.00392\\d*");

        void into(ObjectNode pretrained, List<String> notes) {
            int resized = side("size", deit ? 256 : 224);
            boolean crops = flag("do_center_crop", deit);
            int size = crops ? side("crop_size", 224) : resized;
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
            levels(
                    pretrained,
                    "mean",
                    normalises ? input.get("image_mean") : null,
                    normalises ? defaultMean() : zeros());
            levels(pretrained, "std", normalises ? input.get("image_std") : null, normalises ? defaultStd() : ones());
            if (!(input.get("size") instanceof ObjectNode sides && sides.has("shortest_edge"))) {
                notes.add(
                        "transformers squeezes a picture into a square; here its shorter side is resized and the centre"
                                + " cut out, which differs for pictures that are not square");
            }
        }

        private double[] defaultMean() {
            return deit ? new double[] {0.485, 0.456, 0.406} : new double[] {0.5, 0.5, 0.5};
        }

        private double[] defaultStd() {
            return deit ? new double[] {0.229, 0.224, 0.225} : new double[] {0.5, 0.5, 0.5};
        }

        private static double[] zeros() {
            return new double[3];
        }

        private static double[] ones() {
            return new double[] {1, 1, 1};
        }

        private static void levels(ObjectNode target, String key, @Nullable JsonNode said, double[] otherwise) {
            if (said != null && !said.isNull()) {
                target.set(key, said.deepCopy());
                return;
            }
            for (double level : otherwise) {
                target.withArray(key).add(level);
            }
        }

        /** The share that makes {@code floor(size / share)} the side that pictures are resized to. */
        private static double cropPct(int size, int resized) {
            double exact = (double) size / resized;
            return (int) Math.floor(size / exact) == resized ? exact : size / (resized + 0.5);
        }

        /** A number, or an object of height and width, or of shortest_edge. */
        private int side(String key, int otherwise) {
            JsonNode value = input.get(key);
            if (value == null || value.isNull()) {
                return otherwise;
            }
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
            JsonNode value = input.get("resample");
            if (value == null || value.isNull()) {
                return deit ? "bicubic" : "bilinear";
            }
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
