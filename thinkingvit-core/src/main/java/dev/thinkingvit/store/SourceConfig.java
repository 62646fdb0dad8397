package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.network.TokenPruning;
import dev.thinkingvit.picture.ImageSize;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the {@code config.json} beside weights says of a network that need not be a ThinkingViT: a model of ours, timm's
 * or transformers' ViT. Only what the weights' shapes cannot tell is looked at, and what is not there is not missed.
 *
 * @param headDim width of an attention head; 0 if the file does not say
 * @param namings what the classes are called, in order, in each way in which they are called; empty if the file does not
 *     say
 * @param mean of the channels that pictures are normalised with; empty if the file does not say
 * @param imageSize of the pictures that the network sees; null if the file does not say
 * @param pruning where it leaves patches out; null if it does not, or the file does not say
 */
public record SourceConfig(
        int headDim,
        List<List<String>> namings,
        List<Double> mean,
        @Nullable ImageSize imageSize,
        @Nullable TokenPruning pruning) {
    private static final Set<String> WEIGHTS = Set.of(
            ModelDirectory.WEIGHTS,
            "pytorch_model.bin",
            "model.safetensors.index.json",
            "pytorch_model.bin.index.json");

    public SourceConfig {
        namings = List.copyOf(namings);
        mean = List.copyOf(mean);
    }

    /**
     * What belongs to weights, said by their configuration, else shown by their file's own layout.
     *
     * @param path what they were read from
     * @throws CheckpointException if there is a configuration and it cannot be read
     */
    public static SourceConfig of(Path path, StateDict weights) {
        Path file = file(path);
        ObjectNode root = file == null ? JsonNodeFactory.instance.objectNode() : ModelDirectory.readOwn(file);
        SourceConfig said = read(root);
        Architecture architecture = architecture(root).orElseGet(() -> Bare.recognised(weights));
        return new SourceConfig(
                said.headDim() > 0 ? said.headDim() : architecture.weights().headWidth(Bare.of(weights, root)),
                said.namings(),
                said.mean().isEmpty() ? mean(path, root, weights) : said.mean(),
                said.imageSize(),
                said.pruning());
    }

    /** The one that a configuration names, if it does. */
    private static Optional<Architecture> architecture(ObjectNode root) {
        JsonNode name = root.path("architecture");
        return name.isString() ? Architectures.find(name.asString()) : Optional.empty();
    }

    /**
     * The architecture that weights are said to be of: by the configuration that a caller names, else by their own. None
     * where neither says one of this library's names, or their own cannot be read, which whoever needs it says.
     *
     * @param path of the weights, a file or a directory
     * @param given the caller's; null for none
     */
    static Optional<Architecture> architecture(Path path, @Nullable ObjectNode given) {
        if (given != null && given.hasNonNull("architecture")) {
            return architecture(given);
        }
        Path own = file(path);
        try {
            return own == null ? Optional.empty() : architecture(ModelDirectory.readOwn(own));
        } catch (CheckpointException e) {
            return Optional.empty();
        }
    }

    /** What no configuration says of how pictures are normalised, but the file, its names or its own name. */
    private static List<Double> mean(Path path, ObjectNode root, StateDict weights) {
        if (weights.origin().centred()) {
            return List.of(0.5, 0.5, 0.5);
        }
        KnownPreprocessing known = KnownPreprocessing.of(path, root, weights);
        return known == null ? List.of() : known.mean();
    }

    /**
     * Reads what belongs to weights.
     *
     * @param path a directory, or a file of weights; beside one of Hugging Face's names the configuration counts as its
     * @throws CheckpointException if there is a configuration and it cannot be read
     */
    public static SourceConfig of(Path path) {
        Path file = file(path);
        return read(file == null ? JsonNodeFactory.instance.objectNode() : ModelDirectory.readOwn(file));
    }

    /** The configuration that belongs to weights, in their directory or beside a file of a usual name; null if none. */
    static @Nullable Path file(Path path) {
        Path file = path.resolve(ModelDirectory.CONFIG);
        if (!Files.isDirectory(path)) {
            if (!WEIGHTS.contains(String.valueOf(path.getFileName()))) {
                return null;
            }
            file = path.resolveSibling(ModelDirectory.CONFIG);
        }
        return Files.exists(file) ? file : null;
    }

    private static SourceConfig read(ObjectNode root) {
        JsonNode args = root.path("model_args");
        JsonNode pretrained = root.path("pretrained_cfg");
        NetworkConfig network = network(root);
        return new SourceConfig(
                network == null
                        ? headDim(root, args)
                        : network.shape().get("head_width") instanceof Integer width ? width : 0,
                namings(root, pretrained),
                numbers(pretrained.path("mean")),
                imageSize(args.path("img_size"), root.path("image_size"), pretrained.path("input_size")),
                network == null ? null : network.pruning());
    }

    /** As its architecture reads it; null where that cannot be, since it is in part or another library's. */
    private static @Nullable NetworkConfig network(ObjectNode root) {
        Optional<Architecture> architecture = architecture(root);
        if (architecture.isEmpty() || !(root.path("model_args") instanceof ObjectNode own)) {
            return null;
        }
        try {
            Map<String, @Nullable Object> said = JsonTrees.plain(own);
            said.putIfAbsent("num_classes", 1); // of no matter here
            return architecture.get().read(new Arguments(said));
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private static int headDim(ObjectNode root, JsonNode args) {
        int heads = first(args.path("num_heads"), root.path("num_heads"), root.path("num_attention_heads"));
        int width = first(
                args.path("embed_dim"), root.path("embed_dim"), root.path("num_features"), root.path("hidden_size"));
        return heads > 0 && width % heads == 0 ? width / heads : 0;
    }

    /** The first of these that is a size: a side, height and width, or timm's channels, height and width. */
    static @Nullable ImageSize imageSize(JsonNode... values) {
        for (JsonNode value : values) {
            boolean list = value.isArray() && (value.size() == 2 || value.size() == 3);
            int height = first(list ? value.path(value.size() - 2) : value);
            int width = first(list ? value.path(value.size() - 1) : value);
            if (height > 0 && width > 0) {
                return new ImageSize(height, width);
            }
        }
        return null;
    }

    private static int first(JsonNode... values) {
        for (JsonNode value : values) {
            if (value.isIntegralNumber() && value.canConvertToInt() && value.asInt() > 0) {
                return value.asInt();
            }
        }
        return 0;
    }

    /** What a configuration calls its classes, in each way. */
    static List<List<String>> namings(ObjectNode root) {
        return namings(root, root.path("pretrained_cfg"));
    }

    private static List<List<String>> namings(ObjectNode root, JsonNode pretrained) {
        List<List<String>> namings = new ArrayList<>();
        for (JsonNode holder : List.of(root, pretrained)) {
            JsonNode names = holder.path("label_names");
            JsonNode descriptions = holder.path("label_descriptions");
            List<String> plain = new ArrayList<>();
            List<String> described = new ArrayList<>();
            if (names.isArray()) {
                names.forEach(name -> {
                    plain.add(text(name));
                    JsonNode description = descriptions.path(text(name));
                    described.add(description.isMissingNode() ? text(name) : text(description));
                });
            }
            add(namings, plain);
            add(namings, described);
        }
        JsonNode byNumber = root.path("id2label");
        List<String> numbered = new ArrayList<>();
        for (int i = 0; i < byNumber.size(); i++) {
            numbered.add(text(byNumber.path(Integer.toString(i))));
        }
        add(namings, numbered);
        return namings;
    }

    /** Names that say nothing, as transformers makes them up, are none. */
    private static void add(List<List<String>> namings, List<String> names) {
        boolean says = !names.isEmpty() && !names.stream().allMatch(name -> name.matches("LABEL_\\d+"));
        if (says && !namings.contains(names)) {
            namings.add(List.copyOf(names));
        }
    }

    private static List<Double> numbers(JsonNode list) {
        List<Double> numbers = new ArrayList<>();
        for (JsonNode value : list) {
            numbers.add(value.isNumber() ? value.asDouble() : Double.NaN);
        }
        return numbers;
    }

    private static String text(@Nullable JsonNode value) {
        return value != null && value.isString() ? value.asString() : String.valueOf(value);
    }
}
