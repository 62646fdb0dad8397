package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.picture.ImageSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.InputCoercionException;
import tools.jackson.databind.DatabindException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.exc.ValueInstantiationException;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;
import tools.jackson.dataformat.yaml.YAMLMapper;
import tools.jackson.dataformat.yaml.YAMLWriteFeature;

/** {@link Recipe}s as YAML. What a file leaves out is {@link Recipe#DEFAULT}'s; what nobody knows is refused. */
public final class RecipeFile {
    private static final long MAX_BYTES = 1 << 20;
    private static final String NETWORK = "network";
    private static final String ARCHITECTURE = "architecture";
    private static final String WEIGHT_INIT = "weight_init";
    private static final String ARGUMENTS = "model_kwargs";

    private static final YAMLMapper MAPPER = YAMLMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .disable(YAMLWriteFeature.WRITE_DOC_START_MARKER)
            .enable(YAMLWriteFeature.MINIMIZE_QUOTES)
            .build();

    private RecipeFile() {}

    /**
     * Reads a recipe, in its own form or as timm's {@code args.yaml} for one process; {@link RecipeSource} says more.
     *
     * @throws CheckpointException if the file cannot be read, has an unknown key, or a value that does not do
     */
    public static Recipe read(Path file) {
        RecipeSource source = RecipeSource.read(file, 1);
        if (source.foreignModel() != null) {
            throw new CheckpointException(file, "model " + source.foreignModel() + " is none that a recipe describes");
        }
        return source.recipe();
    }

    /** @throws CheckpointException if the file cannot be read */
    static String yaml(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                throw new CheckpointException(
                        file,
                        Files.exists(file)
                                ? "is not a recipe file"
                                : Files.notExists(file) ? "no such recipe" : Reasons.ofMissing(file));
            }
            return TextFile.read(file, MAX_BYTES);
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
        }
    }

    /** @throws CheckpointException if a file's text is not YAML */
    static JsonNode tree(Path file, String yaml) {
        try {
            JsonNode tree = MAPPER.readTree(yaml);
            if (tree.isMissingNode() || tree.isNull()) {
                throw new CheckpointException(file, "is empty");
            }
            return tree;
        } catch (JacksonException e) {
            throw new CheckpointException(file, "is not YAML: " + Reasons.of(e), e);
        }
    }

    /** The recipe of a text that {@link #text} gave. */
    public static Recipe ofText(String yaml) {
        return of(MAPPER.readTree(yaml));
    }

    /**
     * The recipe of sections of keys and values, such as {@link #sections(Recipe)} gives.
     *
     * @throws IllegalArgumentException if it has an unknown key, or a value that does not do
     */
    public static Recipe of(Map<String, ? extends @Nullable Object> sections) {
        return of(MAPPER.valueToTree(sections), Map.of());
    }

    static Recipe of(JsonNode tree) {
        return of(tree, Map.of());
    }

    /** As {@link #with(Recipe, Map, Map)} has it. */
    static Recipe of(JsonNode tree, Map<String, ? extends @Nullable Object> cures) {
        ObjectNode merged = tree(Recipe.DEFAULT);
        if (!tree.isMissingNode() && !tree.isNull()) {
            leaveDefaults(merged, tree.path(NETWORK).path(ARCHITECTURE));
            merge(merged, tree);
        }
        return bind(merged, cures);
    }

    /** Writes every key, those at their defaults too. */
    public static void write(Path file, Recipe recipe) throws IOException {
        AtomicFiles.writeString(file, text(recipe));
    }

    /** The recipe as YAML. */
    public static String text(Recipe recipe) {
        return MAPPER.writeValueAsString(recipe);
    }

    /** Every key of a recipe with its section, in order. */
    public static Map<String, String> sections() {
        Map<String, String> sections = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> section : tree(Recipe.DEFAULT).properties()) {
            section.getValue().propertyNames().forEach(key -> sections.put(key, section.getKey()));
        }
        return sections;
    }

    /**
     * A recipe with some values changed.
     *
     * @param changes by key, without section
     * @throws IllegalArgumentException if there is no such key or a value does not do
     */
    public static Recipe with(Recipe recipe, Map<String, ? extends @Nullable Object> changes) {
        return with(recipe, changes, Map.of());
    }

    /**
     * A recipe with some values changed, and with further ones if it does not do without.
     *
     * @param changes by key, without section
     * @param cures likewise
     * @throws IllegalArgumentException if there is no such key or a value does not do, about the recipe without cures
     */
    static Recipe with(
            Recipe recipe,
            Map<String, ? extends @Nullable Object> changes,
            Map<String, ? extends @Nullable Object> cures) {
        ObjectNode tree = tree(recipe);
        set(tree, changes);
        return bind(tree, cures);
    }

    /** Another architecture takes nothing over of the one before. */
    private static void leaveDefaults(ObjectNode tree, JsonNode architecture) {
        ObjectNode network = tree.withObject(NETWORK);
        if (architecture.isString() && !architecture.equals(network.get(ARCHITECTURE))) {
            NetworkRecipe.SHAPE.forEach(network::putNull);
            network.set(WEIGHT_INIT, tree(Recipe.DEFAULT).get(NETWORK).get(WEIGHT_INIT));
            network.putObject(ARGUMENTS);
        }
    }

    /** Whether the network's architecture calls the argument so that says how its stages differ. */
    private static boolean isStages(ObjectNode tree, String key) {
        String architecture = tree.path(NETWORK).path(ARCHITECTURE).asString("");
        return Architectures.named(architecture).stagesArgument().equals(key);
    }

    private static void set(ObjectNode tree, Map<String, ? extends @Nullable Object> changes) {
        if (changes.get(ARCHITECTURE) instanceof String architecture) {
            leaveDefaults(tree, StringNode.valueOf(architecture));
            tree.withObject(NETWORK).put(ARCHITECTURE, architecture);
        }
        changes.forEach((key, value) -> {
            String section = sections().get(key);
            if (section == null && isStages(tree, key)) {
                tree.withObject(NETWORK).withObject(ARGUMENTS).set(key, MAPPER.valueToTree(value));
                return;
            }
            if (section == null) {
                throw new IllegalArgumentException(
                        "unknown key " + key + Spelling.hint(key, sections().keySet()) + "; a recipe has "
                                + String.join(", ", sections().keySet()));
            }
            JsonNode node = value == null ? NullNode.getInstance() : MAPPER.valueToTree(value);
            set(tree, section, key, node);
        });
    }

    /**
     * Arguments of an architecture come one by one: those that are not named stay, but for what says the same in another way;
     * null takes one away.
     */
    private static void set(ObjectNode tree, String section, String key, JsonNode value) {
        ObjectNode keys = (ObjectNode) tree.get(section);
        if (key.equals(ARGUMENTS) && value instanceof ObjectNode arguments) {
            ObjectNode all = keys.withObject(ARGUMENTS);
            Optional<Architecture> architecture =
                    Architectures.find(keys.path(ARCHITECTURE).asString(""));
            arguments.properties().stream()
                    .filter(argument -> !argument.getValue().isNull())
                    .flatMap(argument ->
                            architecture.stream().flatMap(each -> each.insteadOf(argument.getKey()).stream()))
                    .forEach(all::remove);
            arguments.properties().forEach(argument -> {
                all.set(argument.getKey(), argument.getValue());
                if (argument.getValue().isNull()) {
                    all.remove(argument.getKey());
                }
            });
            return;
        }
        keys.set(key, value);
    }

    private static Recipe bind(ObjectNode tree, Map<String, ? extends @Nullable Object> cures) {
        try {
            return bind(tree);
        } catch (IllegalArgumentException e) {
            try {
                set(tree, cures);
                return bind(tree);
            } catch (IllegalArgumentException incurable) {
                e.addSuppressed(incurable);
                throw e;
            }
        }
    }

    /** The keys, without section, whose values differ. */
    public static List<String> differences(Recipe one, Recipe other) {
        ObjectNode ones = tree(one);
        ObjectNode others = tree(other);
        List<String> keys = new ArrayList<>();
        sections().forEach((key, section) -> {
            if (!ones.get(section).path(key).equals(others.get(section).path(key))) {
                keys.add(key);
            }
        });
        return keys;
    }

    /** Some keys with their values in both recipes, for a message: {@code lr (0.001 → 0.002), epochs (5 → 6)}. */
    public static String inWords(List<String> keys, Recipe one, Recipe other) {
        Map<String, @Nullable Object> before = values(one);
        Map<String, @Nullable Object> now = values(other);
        return keys.stream()
                .map(key -> key + " (" + before.get(key) + " → " + now.get(key) + ")")
                .collect(Collectors.joining(", "));
    }

    /**
     * A value as it is written in YAML or on a command line, where a list needs no brackets.
     *
     * @param key it is for, without section
     * @return a value for {@link #with}: a number, text, true or false, a list, or null
     */
    public static @Nullable Object value(String key, String text) {
        if (key.equals(ARGUMENTS) && !text.startsWith("{")) {
            return arguments(text);
        }
        String section = sections().get(key);
        boolean list =
                section != null && tree(Recipe.DEFAULT).get(section).get(key).isArray();
        String yaml = list && !text.startsWith("[") ? "[" + text + "]" : text;
        try {
            JsonNode node = MAPPER.readTree(yaml);
            return node.isMissingNode() ? null : MAPPER.treeToValue(node, Object.class);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(key + ": '" + text + "' is no value", e);
        }
    }

    /** {@code embed_dim=96 depths=[2,2,6,2]}, as on the command line of timm's trainer. */
    private static Map<String, @Nullable Object> arguments(String text) {
        Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
        for (String pair : text.strip().split("\\s+(?=\\w+=)", -1)) {
            int equals = pair.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException(
                        ARGUMENTS + ": '" + text + "' is no list of key=value, nor {key: value}");
            }
            String key = pair.substring(0, equals);
            arguments.put(key, value(key, pair.substring(equals + 1)));
        }
        return arguments;
    }

    /** Every key of a recipe with its value as a plain one: a number, text, a list, or null. */
    public static Map<String, @Nullable Object> values(Recipe recipe) {
        Map<String, @Nullable Object> values = new LinkedHashMap<>();
        ObjectNode tree = tree(recipe);
        sections()
                .forEach((key, section) ->
                        values.put(key, plain(tree.get(section).path(key))));
        return values;
    }

    /** The recipe as sections of keys and values: numbers, texts, true or false, lists, or null. */
    public static Map<String, @Nullable Object> sections(Recipe recipe) {
        Map<String, @Nullable Object> sections = new LinkedHashMap<>();
        tree(recipe)
                .properties()
                .forEach(section ->
                        sections.put(section.getKey(), MAPPER.treeToValue(section.getValue(), Object.class)));
        return sections;
    }

    /** Null for a key that says nothing of this architecture. */
    private static @Nullable Object plain(JsonNode value) {
        return value.isMissingNode() ? null : MAPPER.treeToValue(value, Object.class);
    }

    private static ObjectNode tree(Recipe recipe) {
        return MAPPER.valueToTree(recipe);
    }

    private static void merge(ObjectNode base, JsonNode changes) {
        if (!changes.isObject()) {
            throw new IllegalArgumentException("a recipe has sections " + String.join(", ", names(base)) + "; came "
                    + changes.getNodeType().toString().toLowerCase(Locale.ROOT));
        }
        for (Map.Entry<String, JsonNode> change : changes.properties()) {
            String section = change.getKey();
            if (!(base.get(section) instanceof ObjectNode known)) {
                throw new IllegalArgumentException("unknown section " + section + Spelling.hint(section, names(base))
                        + "; a recipe has " + String.join(", ", names(base)));
            }
            if (!change.getValue().isObject()) {
                throw new IllegalArgumentException("section " + section + " must hold keys and values");
            }
            for (Map.Entry<String, JsonNode> value : change.getValue().properties()) {
                if (section.equals(NETWORK) && isStages(base, value.getKey())) {
                    known.withObject(ARGUMENTS).set(value.getKey(), value.getValue());
                    continue;
                }
                if (!known.has(value.getKey())) {
                    throw new IllegalArgumentException("unknown key " + section + "." + value.getKey()
                            + hint(value.getKey(), known) + "; " + section + " has "
                            + String.join(", ", names(known)));
                }
                set(base, section, value.getKey(), value.getValue());
            }
        }
    }

    private static String hint(String key, ObjectNode section) {
        String other = sections().get(key);
        return other == null ? Spelling.hint(key, names(section)) : " (it belongs to section " + other + ")";
    }

    private static List<String> names(ObjectNode node) {
        return new ArrayList<>(node.propertyNames());
    }

    private static Recipe bind(ObjectNode tree) {
        try {
            return MAPPER.treeToValue(tree, Recipe.class);
        } catch (InputCoercionException e) {
            throw new IllegalArgumentException(tooLarge(tree).orElse("a recipe: " + firstLine(e)), e);
        } catch (DatabindException e) {
            if (e.getCause() instanceof NullPointerException) {
                throw new IllegalArgumentException(path(e) + " has a key without a value that needs one", e);
            }
            if (e instanceof ValueInstantiationException value
                    && value.getType().hasRawClass(ImageSize.class)) {
                String reason = e.getCause() == null
                        ? firstLine(e)
                        : String.valueOf(e.getCause().getMessage());
                throw new IllegalArgumentException(path(e) + ": " + reason, e);
            }
            if (e.getCause() instanceof IllegalArgumentException refused) {
                throw refused;
            }
            String what = e instanceof InvalidFormatException invalid
                    ? " must be " + wanted(invalid.getTargetType()) + ", got '" + invalid.getValue() + "'"
                    : e instanceof MismatchedInputException mismatched
                            ? " must be " + wanted(mismatched.getTargetType()) + ", and came in another form"
                            : ": " + firstLine(e);
            throw new IllegalArgumentException(path(e) + what, e);
        }
    }

    /** Of the number that overflowed, which the exception does not name. */
    private static Optional<String> tooLarge(ObjectNode tree) {
        ObjectNode kinds = tree(Recipe.DEFAULT);
        for (String section : names(tree)) {
            for (Map.Entry<String, JsonNode> entry : tree.get(section).properties()) {
                JsonNode value = entry.getValue();
                boolean fits = kinds.get(section).get(entry.getKey()).isInt()
                        ? value.canConvertToInt()
                        : value.canConvertToLong();
                if (value.isIntegralNumber() && !fits) {
                    return Optional.of(
                            section + "." + entry.getKey() + " must be a smaller number, got " + value.asString());
                }
            }
        }
        return Optional.empty();
    }

    private static String wanted(@Nullable Class<?> type) {
        if (type == null || List.class.isAssignableFrom(type)) {
            return "a list";
        }
        if (type.isEnum()) {
            return "one of " + Arrays.toString(type.getEnumConstants()).toLowerCase(Locale.ROOT);
        }
        if (type == boolean.class) {
            return "true or false";
        }
        if (type == String.class) {
            return "text";
        }
        return type == double.class || type == Double.class ? "a number" : "a whole number";
    }

    private static String path(DatabindException e) {
        StringBuilder path = new StringBuilder();
        e.getPath().forEach(reference -> {
            if (reference.getPropertyName() != null) {
                path.append(path.isEmpty() ? "" : ".").append(reference.getPropertyName());
            }
        });
        return path.isEmpty() ? "a recipe" : path.toString();
    }

    private static String firstLine(JacksonException e) {
        String message = e.getOriginalMessage();
        return message == null
                ? e.getClass().getSimpleName()
                : message.lines().findFirst().orElse(message);
    }
}
