package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.Resampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code config.json}, both ways, in the layout timm writes to Hugging Face directories. {@code model_args} decides what
 * is computed, so that an unknown key or a value that means another network is an error there; elsewhere unknown keys
 * are left alone and survive a rewrite.
 */
final class ModelConfigJson {
    private static final String CALIBRATION = "thinking.calibration";
    private static final String ANEW = "; 'calibrate --save' writes it anew";
    private static final Set<String> ROUTING_KEYS = Set.of("router", "thresholds", "calibration");

    private final Path file;

    /** Made only where it is needed. */
    private static final class Mapper {
        static final JsonMapper INSTANCE =
                JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    }

    private ModelConfigJson(Path file) {
        this.file = file;
    }

    static ObjectNode tree(JsonText object) {
        return (ObjectNode) JsonTrees.readStrictly(object.text());
    }

    /** Parses a file's text into a tree; the root must be an object. */
    static ObjectNode parse(Path file, String text) {
        try {
            if (JsonTrees.readStrictly(text) instanceof ObjectNode root) {
                return root;
            }
            throw new CheckpointException(file, "must hold a JSON object");
        } catch (JacksonException e) {
            throw new CheckpointException(file, "is not valid JSON: " + Reasons.of(e), e);
        }
    }

    /** Whether a key is there with a value; null means what its absence means. */
    private static boolean isSet(@Nullable JsonNode value) {
        return value != null && !value.isNull();
    }

    /** Understands a tree. */
    static ModelConfig read(Path file, ObjectNode root) {
        ModelConfigJson json = new ModelConfigJson(file);
        try {
            return json.config(root);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, String.valueOf(e.getMessage()), e);
        } catch (JacksonException e) {
            // such as an object where a string belongs
            throw new CheckpointException(file, "a value has the wrong type: " + Reasons.of(e), e);
        }
    }

    /** Which network a configuration is of; that of the {@linkplain Architectures#unnamed first} need not say. */
    static Architecture architecture(Path file, ObjectNode root) {
        JsonNode name = root.get("architecture");
        if (!isSet(name)) {
            return Architectures.unnamed();
        }
        if (!name.isString()) {
            throw new CheckpointException(
                    file, "architecture " + name + " is not supported; " + Architectures.supported());
        }
        try {
            return Architectures.named(name.asString());
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, String.valueOf(e.getMessage()), e);
        }
    }

    private ModelConfig config(ObjectNode root) {
        Architecture architecture = architecture(file, root);
        NetworkConfig network = network(architecture, root);
        ObjectNode pretrained = root.hasNonNull("pretrained_cfg")
                ? object(root, "pretrained_cfg")
                : JsonNodeFactory.instance.objectNode();
        JsonNode pool = root.get("global_pool");
        if (isSet(pool) && !architecture.globalPool().equals(text(pool))) {
            throw new CheckpointException(file, "global_pool must be " + architecture.globalPool() + ", got " + pool);
        }
        JsonNode features = root.get("num_features");
        if (isSet(features) && features.asInt(-1) != network.numFeatures()) {
            throw new CheckpointException(
                    file,
                    "num_features must be " + network.numFeatures() + ", which is what model_args mean, got " + features
                            + "; one of the two is wrong");
        }
        return new ModelConfig(
                network,
                preprocessing(pretrained, network.imageSize()),
                labels(root, pretrained, network.numClasses()),
                root.hasNonNull("thinking") ? routing(object(root, "thinking"), network) : Routing.of(network),
                root.hasNonNull("training") ? new JsonText(JsonTrees.text(object(root, "training"))) : JsonText.EMPTY,
                new JsonText(JsonTrees.text(root)));
    }

    private NetworkConfig network(Architecture architecture, ObjectNode root) {
        Map<String, @Nullable Object> arguments = JsonTrees.plain(object(root, "model_args"));
        if (arguments.get("num_classes") == null && root.hasNonNull("num_classes")) {
            arguments.put("num_classes", JsonTrees.plain(root.get("num_classes")));
        }
        return architecture.read(new Arguments(arguments));
    }

    private Preprocessing preprocessing(ObjectNode pretrained, ImageSize imageSize) {
        ImageSize size = imageSize;
        JsonNode inputSize = pretrained.get("input_size");
        if (inputSize != null && !inputSize.isNull()) {
            List<Integer> sizes = integers(pretrained, "input_size");
            if (sizes.size() != 3 || sizes.get(0) != 3 || sizes.get(1) < 1 || sizes.get(2) < 1) {
                throw new CheckpointException(file, "input_size must be [3, height, width], got " + inputSize);
            }
            size = new ImageSize(sizes.get(1), sizes.get(2));
        }
        Preprocessing standard = Preprocessing.imagenet(size);
        JsonNode crop = pretrained.get("crop_pct");
        JsonNode mode = pretrained.get("crop_mode");
        if (isSet(mode) && !"center".equals(text(mode))) {
            throw new CheckpointException(file, "crop_mode must be center, got " + mode);
        }
        return new Preprocessing(
                size,
                isSet(crop) ? number("crop_pct", crop) : standard.cropPct(),
                interpolation(pretrained.get("interpolation")),
                pretrained.hasNonNull("mean") ? floats(pretrained, "mean") : standard.mean(),
                pretrained.hasNonNull("std") ? floats(pretrained, "std") : standard.std());
    }

    private Resampling interpolation(@Nullable JsonNode value) {
        if (value == null || value.isNull()) {
            return Resampling.BICUBIC;
        }
        return switch (text(value)) {
            case "bicubic" -> Resampling.BICUBIC;
            case "bilinear" -> Resampling.BILINEAR;
            default -> throw new CheckpointException(file, "interpolation must be bicubic or bilinear, got " + value);
        };
    }

    /** Names in timm's way, a list; else in transformers', numbers to names. */
    private List<String> labels(ObjectNode root, ObjectNode pretrained, int classes) {
        ObjectNode holder = root.hasNonNull("label_names") ? root : pretrained;
        JsonNode names = holder.get("label_names");
        if (!isSet(names)) {
            return isSet(root.get("id2label")) ? numberedLabels(object(root, "id2label"), classes) : List.of();
        }
        JsonNode descriptions = holder.get("label_descriptions");
        List<String> labels = new ArrayList<>();
        for (JsonNode name : array("label_names", names)) {
            String at = "label_names[" + labels.size() + "]";
            String own = label(at, name);
            JsonNode described = isSet(descriptions) ? descriptions.get(own) : null;
            labels.add(described == null ? own : label("label_descriptions." + own, described));
        }
        return labels;
    }

    private List<String> numberedLabels(ObjectNode numbered, int classes) {
        if (numbered.size() != classes) {
            throw new CheckpointException(
                    file, "id2label must name all " + classes + " classes, got " + numbered.size());
        }
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < classes; i++) {
            JsonNode name = numbered.get(Integer.toString(i));
            if (name == null) {
                throw new CheckpointException(
                        file, "id2label must name the classes 0 to " + (classes - 1) + ", class " + i + " is missing");
            }
            labels.add(label("id2label." + i, name));
        }
        return labels;
    }

    /** The name of a class. Some write numbers for names. */
    private String label(String key, JsonNode value) {
        String name = value.isString() || value.isNumber() ? value.asString() : "";
        if (name.isBlank()) {
            throw new CheckpointException(file, key + " must be a name, got " + value);
        }
        return name;
    }

    /** A word to be compared; empty where the value is none. */
    private static String text(JsonNode value) {
        return value.isString() ? value.asString() : "";
    }

    private Routing routing(ObjectNode thinking, NetworkConfig network) {
        for (String key : thinking.propertyNames()) {
            if (!ROUTING_KEYS.contains(key)) {
                throw new CheckpointException(file, "thinking." + key + " is unknown; known are " + ROUTING_KEYS);
            }
        }
        List<Double> thresholds = new ArrayList<>();
        if (thinking.hasNonNull("thresholds")) {
            for (JsonNode threshold : array("thresholds", required(thinking, "thresholds"))) {
                thresholds.add(number("thresholds", threshold));
            }
        }
        Routing.Calibration calibration = null;
        if (thinking.hasNonNull("calibration")) {
            calibration = calibration(object(thinking, "calibration"));
        }
        JsonNode named = thinking.get("router");
        if (isSet(named) && text(named).isBlank()) {
            throw new CheckpointException(file, "thinking.router must be a name, got " + named);
        }
        String router = isSet(named) ? text(named) : network.publishedRouter();
        return new Routing(router, thresholds, calibration);
    }

    /** By hand, like all else here: to begin, a mapper takes a tenth of a second, and records most of another. */
    private Routing.Calibration calibration(ObjectNode said) {
        List<Routing.Point> curve = new ArrayList<>();
        for (JsonNode each : array(CALIBRATION + ".curve", measured(said, "", "curve"))) {
            String at = ".curve[" + curve.size() + "]";
            if (!(each instanceof ObjectNode point)) {
                throw refused(at, "an object of threshold, gmacs and top1", each);
            }
            curve.add(new Routing.Point(
                    figure(point, at, "threshold"), figure(point, at, "gmacs"), figure(point, at, "top1")));
        }
        ObjectNode depth = part(said, "tokenDepth");
        return new Routing.Calibration(
                words(said, "data"),
                count(said, "", "images"),
                words(said, "target"),
                curve,
                agreement(said, "bf16"),
                agreement(said, "int8"),
                depth == null
                        ? null
                        : new Routing.TokenDepth(
                                figure(depth, ".tokenDepth", "mean"),
                                figure(depth, ".tokenDepth", "least"),
                                figure(depth, ".tokenDepth", "largest"),
                                figure(depth, ".tokenDepth", "ponder"),
                                figure(depth, ".tokenDepth", "gmacs")));
    }

    private Routing.@Nullable Agreement agreement(ObjectNode calibration, String precision) {
        ObjectNode said = part(calibration, precision);
        if (said == null) {
            return null;
        }
        String at = "." + precision;
        Integer images = said.hasNonNull("images") ? (Integer) count(said, at, "images") : null;
        if (images != null && images < 1) {
            throw refused(at + ".images", "at least 1", said.get("images"));
        }
        JsonNode data = said.get("data");
        if (isSet(data) && !data.isString()) {
            throw refused(at + ".data", "a text", data);
        }
        return new Routing.Agreement(
                figure(said, at, "sameTop1"),
                figure(said, at, "top1Difference"),
                images,
                isSet(data) ? data.stringValue() : null);
    }

    /** An object within the calibration that may be left out. */
    private @Nullable ObjectNode part(ObjectNode calibration, String key) {
        JsonNode said = calibration.get(key);
        if (!isSet(said)) {
            return null;
        }
        if (said instanceof ObjectNode object) {
            return object;
        }
        throw refused("." + key, "an object", said);
    }

    private String words(ObjectNode calibration, String key) {
        JsonNode said = measured(calibration, "", key);
        if (!said.isString()) {
            throw refused("." + key, "a text", said);
        }
        return said.stringValue();
    }

    private int count(ObjectNode holder, String at, String key) {
        JsonNode said = measured(holder, at, key);
        if (!said.isIntegralNumber() || !said.canConvertToInt()) {
            throw refused(at + "." + key, "a whole number", said);
        }
        return said.intValue();
    }

    private double figure(ObjectNode holder, String at, String key) {
        JsonNode said = measured(holder, at, key);
        if (!said.isNumber()) {
            throw refused(at + "." + key, "a number", said);
        }
        return said.doubleValue();
    }

    private JsonNode measured(ObjectNode holder, String at, String key) {
        JsonNode said = holder.get(key);
        if (said == null) {
            throw new CheckpointException(file, CALIBRATION + at + "." + key + " is missing" + ANEW);
        }
        return said;
    }

    private CheckpointException refused(String at, String required, JsonNode came) {
        return new CheckpointException(file, CALIBRATION + at + " must be " + required + ", got " + came + ANEW);
    }

    /** What {@link #write} makes, as a text for people. */
    static String text(ModelConfig config) {
        return Mapper.INSTANCE.writeValueAsString(write(config)) + "\n";
    }

    /** The tree to write: what was read, with everything that this program understands set anew. */
    static ObjectNode write(ModelConfig config) {
        NetworkConfig network = config.network();
        Architecture architecture = network.architecture();
        Preprocessing input = config.preprocessing();
        ObjectNode root = tree(config.source());
        if (!architecture.answersTo(root.path("architecture").asString(""))) {
            root.put("architecture", architecture.name());
        }
        root.put("num_classes", network.numClasses());
        root.put("num_features", network.numFeatures());
        root.put("global_pool", architecture.globalPool());
        ObjectNode args = root.withObject("model_args");
        architecture.write(network).forEach((key, value) -> args.set(key, JsonTrees.of(value)));
        args.remove("num_classes"); // said above
        ObjectNode pretrained = root.withObject("pretrained_cfg");
        pretrained.set(
                "input_size",
                JsonTrees.of(List.of(3, input.size().height(), input.size().width())));
        pretrained.put("interpolation", input.interpolation() == Resampling.BICUBIC ? "bicubic" : "bilinear");
        pretrained.put("crop_pct", input.cropPct());
        pretrained.set("mean", JsonTrees.of(input.mean()));
        pretrained.set("std", JsonTrees.of(input.std()));
        pretrained.put("num_classes", network.numClasses());
        if (!config.labels().isEmpty() && !root.has("label_names") && !pretrained.has("label_names")) {
            root.set("label_names", JsonTrees.of(config.labels()));
        }
        if (config.routing().equals(Routing.of(network))) {
            root.remove("thinking"); // which the source may have said of other weights
        } else {
            ObjectNode thinking = JsonNodeFactory.instance.objectNode();
            thinking.put("router", config.routing().router());
            thinking.set("thresholds", JsonTrees.of(config.routing().thresholds()));
            if (config.routing().calibration() != null) {
                thinking.set(
                        "calibration",
                        Mapper.INSTANCE.valueToTree(config.routing().calibration()));
            }
            root.set("thinking", thinking);
        }
        if (config.training().isEmpty()) {
            root.remove("training");
        } else {
            root.set("training", tree(config.training()));
        }
        return root;
    }

    private ObjectNode object(ObjectNode parent, String key) {
        if (required(parent, key) instanceof ObjectNode object) {
            return object;
        }
        throw new CheckpointException(file, key + " must be an object, got " + parent.get(key));
    }

    private JsonNode required(ObjectNode parent, String key) {
        JsonNode value = parent.get(key);
        if (value == null || value.isNull()) {
            throw new CheckpointException(file, key + " is missing");
        }
        return value;
    }

    private List<Integer> integers(ObjectNode parent, String key) {
        List<Integer> values = new ArrayList<>();
        for (JsonNode value : array(key, required(parent, key))) {
            if (!value.isIntegralNumber() || !value.canConvertToInt()) {
                throw new CheckpointException(file, key + " must hold whole numbers, got " + value);
            }
            values.add(value.asInt());
        }
        return values;
    }

    private float[] floats(ObjectNode parent, String key) {
        ArrayNode array = array(key, required(parent, key));
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) number(key, array.get(i));
        }
        return values;
    }

    private double number(String key, JsonNode value) {
        if (!value.isNumber() || !Double.isFinite(value.asDouble())) {
            throw new CheckpointException(
                    file,
                    key + " must be a " + (value.isNumber() ? "finite " : "") + "number, got "
                            + (value.isNumber() ? value.asString() : value));
        }
        return value.asDouble();
    }

    private ArrayNode array(String key, JsonNode value) {
        if (value instanceof ArrayNode array) {
            return array;
        }
        throw new CheckpointException(file, key + " must be a list, got " + value);
    }
}
