package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.Architectures;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How pictures are prepared for weights whose configuration does not say: what is written beside the tensors, else what
 * timm does for a model of that name. Networks of the same names and shapes are trained on pictures normalised in two
 * ways, and one that gets the other's loses half of its accuracy.
 *
 * @param from where it is said, for people
 * @param mean of the channels; empty if only the rest is known
 * @param std of the channels; as many
 * @param cropPct share of the resized shorter side; null if not known
 * @param interpolation null if not known
 */
record KnownPreprocessing(
        String from,
        List<Double> mean,
        List<Double> std,
        @Nullable Double cropPct,
        @Nullable String interpolation) {
    private static final List<Double> IMAGENET_MEAN = List.of(0.485, 0.456, 0.406);
    private static final List<Double> IMAGENET_STD = List.of(0.229, 0.224, 0.225);

    /** What trainers and converters call the model's name. */
    private static final List<String> NAME_KEYS =
            List.of("architecture", "arch", "model", "model_name", "model_id", "hf_hub_id", "name", "timm_name");
    /** Where they write down words on the input. */
    private static final List<String> WORD_KEYS = List.of(
            "input", "preprocessing", "preprocess", "normalization", "normalisation", "transform", "transforms");
    /** Where they keep settings of a model's input. */
    private static final List<String> SETTING_KEYS =
            List.of("pretrained_cfg", "data_config", "default_cfg", "data", "config", "preprocessing");

    private static final Pattern SAID =
            Pattern.compile("\\b(mean|std|mean\\s*(?:/|and|,)\\s*std)\\b\\s*[=:]?\\s*[\\[(]?\\s*"
                    + "(\\d*\\.?\\d+(?:\\s*[,\\s]\\s*\\d*\\.\\d+){0,2})");

    /** Files that are called alike in every model's folder, whose own name then says what they are. */
    private static final Pattern USUAL =
            Pattern.compile("(model|pytorch_model|open_clip_pytorch_model|weights|checkpoint)"
                    + "(-\\d+-of-\\d+)?\\.(safetensors|bin|pth|pt|npz)(\\.index\\.json)?");

    /**
     * Finds what is known.
     *
     * @param in what the weights are read from, whose names count too
     * @param root the configuration as far as there is one
     * @param state the weights, with what their file says besides
     * @return null if nothing says it
     */
    static @Nullable KnownPreprocessing of(Path in, ObjectNode root, StateDict state) {
        Map<String, @Nullable Object> facts = state.facts();
        KnownPreprocessing said = said(facts);
        if (said != null) {
            return said;
        }
        for (Map.Entry<String, String> name : names(in, root, facts).entrySet()) {
            KnownPreprocessing known = byName(name.getKey(), name.getValue());
            if (known != null) {
                return known;
            }
        }
        String library = state.origin().library();
        return library.equals(KnownNames.Manner.TORCHVISION.owner())
                ? new KnownPreprocessing(
                        "the way of torchvision, whose names the tensors have",
                        IMAGENET_MEAN,
                        IMAGENET_STD,
                        0.875,
                        "bilinear")
                : null;
    }

    /** What is written beside the tensors: numbers under keys of their own, in settings, or in words. */
    private static @Nullable KnownPreprocessing said(Map<String, @Nullable Object> facts) {
        List<Map<?, ?>> places = new ArrayList<>(List.of(facts));
        for (String key : SETTING_KEYS) {
            if (tree(facts.get(key)) instanceof Map<?, ?> settings) {
                places.add(settings);
                if (tree(settings.get("pretrained_cfg")) instanceof Map<?, ?> inner) {
                    places.add(inner);
                }
            }
        }
        for (Map<?, ?> place : places) {
            List<Double> mean = levels(place.get("mean"));
            List<Double> std = levels(place.get("std"));
            if (!mean.isEmpty() && !std.isEmpty()) {
                Double crop = place.get("crop_pct") instanceof Number share
                                && share.doubleValue() > 0
                                && share.doubleValue() <= 1
                        ? share.doubleValue()
                        : null;
                return new KnownPreprocessing("the file's own words", mean, std, crop, null);
            }
        }
        for (String key : WORD_KEYS) {
            if (facts.get(key) instanceof String words) {
                KnownPreprocessing said = inWords(words);
                if (said != null) {
                    return said;
                }
            }
        }
        return null;
    }

    private static @Nullable KnownPreprocessing inWords(String words) {
        String from = "the file's words '" + words + "'";
        String plain = words.toLowerCase(Locale.ROOT);
        List<Double> mean = List.of();
        List<Double> std = List.of();
        Matcher matcher = SAID.matcher(plain);
        while (matcher.find()) {
            List<Double> levels = levels(matcher.group(2));
            mean = matcher.group(1).contains("mean") ? levels : mean;
            std = matcher.group(1).contains("std") ? levels : std;
        }
        if (!mean.isEmpty() && !std.isEmpty()) {
            return new KnownPreprocessing(from, mean, std, null, null);
        }
        return plain.contains("imagenet") && plain.contains("mean") && mean.isEmpty()
                ? new KnownPreprocessing(from, IMAGENET_MEAN, IMAGENET_STD, null, null)
                : null;
    }

    /** Three numbers, or one for all channels, in a list or in text; empty if it is neither, or no level. */
    private static List<Double> levels(@Nullable Object said) {
        List<Double> levels = new ArrayList<>();
        if (said instanceof Number one) {
            levels.add(one.doubleValue());
        } else if (said instanceof List<?> list) {
            list.forEach(each -> levels.add(each instanceof Number one ? one.doubleValue() : Double.NaN));
        } else if (said instanceof String text) {
            for (String part : text.replaceAll("[\\[\\]()]", " ").strip().split("[,\\s]+", -1)) {
                levels.add(part.matches("\\d*\\.?\\d+") ? Double.parseDouble(part) : Double.NaN);
            }
        }
        boolean fine = (levels.size() == 1 || levels.size() == 3)
                && levels.stream().allMatch(level -> level >= 0 && level <= 1);
        return !fine ? List.of() : levels.size() == 3 ? levels : List.of(levels.get(0), levels.get(0), levels.get(0));
    }

    /** Settings, which a safetensors file's metadata can hold as JSON alone. */
    private static @Nullable Object tree(@Nullable Object value) {
        if (value instanceof String text && text.stripLeading().startsWith("{")) {
            try {
                return JsonTrees.plain(JsonTrees.readStrictly(text));
            } catch (JacksonException e) {
                return Reasons.of(e).isEmpty() ? null : value; // words after all
            }
        }
        return value;
    }

    /** Names of the model, and where each stands; the most telling first. */
    private static Map<String, String> names(Path in, ObjectNode root, Map<String, @Nullable Object> facts) {
        Map<String, String> names = new LinkedHashMap<>();
        JsonNode pretrained = root.path("pretrained_cfg");
        String tag = text(pretrained.path("tag"));
        for (JsonNode name : List.of(
                pretrained.path("hf_hub_id"),
                root.path("training").path("architecture"),
                root.path("architecture"),
                pretrained.path("architecture"),
                root.path("_name_or_path"))) {
            add(names, text(name) + (tag.isEmpty() ? "" : "." + tag), "its configuration");
        }
        for (Map<?, ?> place : places(facts)) {
            NAME_KEYS.forEach(key -> {
                if (place.get(key) instanceof String name) {
                    add(names, name, "the file's " + key);
                }
            });
        }
        Path absolute = in.toAbsolutePath().normalize();
        String file = String.valueOf(absolute.getFileName());
        add(names, file, "its name");
        Path folder = absolute.getParent();
        if (folder != null && USUAL.matcher(file).matches()) {
            add(names, String.valueOf(folder.getFileName()), "its folder's name");
        }
        for (Path above = absolute; above != null; above = above.getParent()) {
            String name = String.valueOf(above.getFileName());
            if (name.startsWith("models--")) { // the hub's cache
                add(names, name.substring("models--".length()).replace("--", "/"), "the hub's name");
            }
        }
        return names;
    }

    private static List<Map<?, ?>> places(Map<String, @Nullable Object> facts) {
        List<Map<?, ?>> places = new ArrayList<>(List.of(facts));
        Stream.of("args", "hyper_parameters", "config", "cfg", "opt", "pretrained_cfg")
                .map(key -> tree(facts.get(key)))
                .forEach(value -> {
                    if (value instanceof Map<?, ?> settings) {
                        places.add(settings);
                    }
                });
        return places;
    }

    private static void add(Map<String, String> names, String name, String from) {
        if (!name.isBlank()) {
            names.putIfAbsent(name, from);
        }
    }

    private static String text(JsonNode node) {
        return node.isString() ? node.asString() : "";
    }

    /** What timm's default configurations say for a network of that name that is an architecture here. */
    static @Nullable KnownPreprocessing byName(String name, String where) {
        String plain = name.toLowerCase(Locale.ROOT).replace('-', '_');
        String from = "timm's way with '" + name + "' (" + where + ")";
        return Architectures.first(each -> each.elsewhere().preparedByTimm(plain))
                .map(way -> new KnownPreprocessing(from, way.mean(), way.std(), way.cropPct(), way.interpolation()))
                .orElse(null);
    }
}
