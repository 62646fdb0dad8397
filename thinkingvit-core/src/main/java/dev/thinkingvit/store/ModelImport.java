package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.BareWeights;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.WeightsReader;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a model from whatever it comes in: a directory, a bare safetensors file, a trainer's checkpoint. What no
 * configuration says is taken from the shapes of the weights; what is said wins, and must fit the weights.
 *
 * <p>In this order of precedence: the configuration file that the caller names, the directory's own
 * {@code config.json} (or the one beside a file of one of Hugging Face's names), the shapes, a trainer's {@code args} (what shapes cannot say, and only where they agree with
 * them). How pictures are normalised may also follow from what stands beside the tensors or from the model's name
 * ({@link KnownPreprocessing}).
 */
public final class ModelImport {
    private static final String NUM_CLASSES = "num_classes";
    private static final String OTHERWISE = "; --mean and --std say otherwise";

    private final Path in;
    private final StateDict state;
    private final BareWeights weights;
    private final WeightsReader reader;
    private final ObjectNode root;

    private ModelImport(Path in, StateDict state, Architecture architecture, ObjectNode root) {
        this.in = in;
        this.state = state;
        this.weights = Bare.of(state, root);
        this.reader = architecture.weights();
        this.root = root;
    }

    /**
     * A model and the file entry that its weights came from.
     *
     * @param model complete and consistent
     * @param state the weights as the file holds them, with the file's other facts
     * @param notes what was done on the way and what was left out, a line each
     */
    public record Imported(ModelDirectory.Model model, StateDict state, List<String> notes) {
        public Imported {
            notes = List.copyOf(notes);
        }

        /** The notes without those on what the caller says otherwise. */
        public List<String> notes(PreprocessingChange change) {
            boolean normalised = change.mean() != null && change.std() != null;
            return notes.stream()
                    .filter(note -> !(normalised && note.contains(OTHERWISE)))
                    .toList();
        }
    }

    /**
     * Reads a model.
     *
     * @param in a directory, a {@code .safetensors} file or a file of {@code torch.save}
     * @param configFile a {@code config.json}, complete or with just what the weights cannot say; may be null
     * @param weights which set of weights, for files that hold several
     * @throws CheckpointException if something is missing, damaged, contradictory or of another architecture; names the
     *     tensor or the key, what was expected and what came
     */
    public static Imported read(Path in, @Nullable Path configFile, Weights weights) {
        Objects.requireNonNull(in, "the model's path is null");
        Objects.requireNonNull(weights, "the choice of weights is null");
        ObjectNode given = configFile == null ? null : ModelDirectory.readTree(configFile); // once: it may be a pipe
        return of(in, Checkpoints.read(in, weights, given), configFile, given);
    }

    /** As {@link #read}, of weights that were read already. */
    static Imported of(Path in, StateDict state, @Nullable Path configFile) {
        return of(in, state, configFile, configFile == null ? null : ModelDirectory.readTree(configFile));
    }

    private static Imported of(Path in, StateDict state, @Nullable Path configFile, @Nullable ObjectNode given) {
        Path own = SourceConfig.file(in);
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        List<String> notes = new ArrayList<>(state.notes());
        Path said = state.file();
        if (own != null) {
            said = own;
            if (!Files.isDirectory(in)) {
                notes.add("the " + ModelDirectory.CONFIG + " beside it is taken as its own");
            }
            merge(root, ForeignConfig.translated(own, ModelDirectory.readOwn(own), notes));
        }
        if (configFile != null && given != null) {
            said = configFile;
            ObjectNode over = ForeignConfig.translated(configFile, given, notes);
            takeBack(root, over);
            merge(root, over);
        }
        if (!root.hasNonNull("architecture")) {
            root.put("architecture", Bare.recognised(state).name());
        }
        Architecture architecture = ModelConfigJson.architecture(said, root);
        String companion = architecture.weights().companion();
        StateDict told = companion == null ? state : CompanionFile.told(state, companion, notes);
        ModelImport reader = new ModelImport(in, told, architecture, root);
        reader.completeArguments(notes);
        reader.completeEvaluation(notes);
        reader.completePreprocessing(notes);
        reader.completeProvenance();
        ModelConfig config = ModelConfigJson.read(said, root);
        StateDict used = reader.withoutSurplus(config.network(), notes);
        return new Imported(ModelDirectory.model(in, config, used), state, notes);
    }

    /** What the architecture makes of the weights, which has the last word on what is its. */
    private void completeArguments(List<String> notes) {
        try {
            reader.requireOwn(weights);
            if (root.hasNonNull("model_args") && !root.get("model_args").isObject()) {
                return; // its reader refuses it
            }
            ObjectNode args = root.withObject("model_args");
            Map<String, @Nullable Object> said = JsonTrees.plain(args);
            if (said.get(NUM_CLASSES) == null && root.hasNonNull(NUM_CLASSES)) {
                said.put(NUM_CLASSES, JsonTrees.plain(root.get(NUM_CLASSES)));
            }
            Map<String, @Nullable Object> before = new LinkedHashMap<>(said);
            reader.complete(said, weights, notes);
            said.forEach((key, value) -> {
                if (!Objects.equals(value, before.get(key))) {
                    (key.equals(NUM_CLASSES) ? root : args).set(key, Bare.tree(value));
                }
            });
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(state.file(), String.valueOf(e.getMessage()), e);
        }
    }

    /** As the network's like are published, where neither a configuration nor a training here says how. */
    private void completeEvaluation(List<String> notes) {
        WeightsReader.Evaluation published = reader.evaluation();
        boolean said = root.hasNonNull("pretrained_cfg") || root.hasNonNull("thinking");
        if (published == null || said || weights.argument("crop_pct") != null) {
            return;
        }
        root.withObject("pretrained_cfg").put("crop_pct", published.cropPct());
        String router = published.router();
        if (router != null) {
            root.withObject("thinking").put("router", router);
        }
        notes.add("evaluated as such networks are published: the shorter side is resized to size / "
                + published.cropPct() + (router == null ? "" : ", images stop by " + router));
    }

    /** Without what a file may have beyond the network. */
    private StateDict withoutSurplus(NetworkConfig network, List<String> notes) {
        List<String> surplus = reader.surplus(network, weights);
        if (surplus.isEmpty()) {
            return state;
        }
        Map<String, HostTensor> used = new LinkedHashMap<>(state.tensors());
        used.keySet().removeAll(surplus);
        notes.add("left out: " + surplus.get(0) + (surplus.size() > 1 ? " to " + surplus.get(surplus.size() - 1) : "")
                + ", which no stage of " + network.shorthand() + " uses");
        return new StateDict(state.file(), state.entry(), used, state.facts(), notes, state.origin());
    }

    /** Of arguments that say the same in two ways, the one that is said over the other. */
    private static void takeBack(ObjectNode target, ObjectNode over) {
        String architecture =
                over.path("architecture").asString(target.path("architecture").asString(""));
        if (target.path("model_args") instanceof ObjectNode below) {
            Architectures.find(architecture).ifPresent(named -> over.path("model_args")
                    .properties()
                    .forEach(argument -> below.remove(named.insteadOf(argument.getKey()))));
        }
    }

    private static void merge(ObjectNode target, ObjectNode over) {
        over.properties().forEach(entry -> {
            if (entry.getValue() instanceof ObjectNode part && target.get(entry.getKey()) instanceof ObjectNode below) {
                merge(below, part);
            } else {
                target.set(entry.getKey(), entry.getValue().deepCopy());
            }
        });
    }

    private void completePreprocessing(List<String> notes) {
        if (root.hasNonNull("pretrained_cfg") && !root.get("pretrained_cfg").isObject()) {
            return;
        }
        ObjectNode pretrained = root.withObject("pretrained_cfg");
        WeightsReader.Normalisation own = reader.normalisation(weights);
        if (own != null && !pretrained.hasNonNull("mean") && !pretrained.hasNonNull("std")) {
            pretrained.set("mean", JsonTrees.of(own.mean()));
            pretrained.set("std", JsonTrees.of(own.std()));
            notes.add("pictures are normalised as " + own.from());
        }
        JsonNode crop = Bare.tree(weights.argument("crop_pct"));
        if (!pretrained.hasNonNull("crop_pct") && crop.isNumber() && crop.asDouble() > 0 && crop.asDouble() <= 1) {
            pretrained.set("crop_pct", crop);
        }
        for (String key : List.of("mean", "std")) {
            JsonNode levels = Bare.tree(weights.argument(key));
            if (!pretrained.hasNonNull(key) && levels.isArray() && levels.size() == 3) {
                pretrained.set(key, levels);
            }
        }
        if (state.origin().centred() && !pretrained.hasNonNull("mean") && !pretrained.hasNonNull("std")) {
            for (String key : List.of("mean", "std")) {
                pretrained.putArray(key).add(0.5).add(0.5).add(0.5);
            }
            notes.add("no configuration says how pictures are normalised: mean and std are 0.5, the default for "
                    + state.origin().library() + " names" + OTHERWISE);
        }
        JsonNode kernel = Bare.tree(weights.argument("interpolation"));
        if (!pretrained.hasNonNull("interpolation")
                && kernel.isString()
                && List.of("bicubic", "bilinear").contains(kernel.asString())) {
            pretrained.set("interpolation", kernel);
        }
        completeNormalisation(pretrained, notes);
    }

    /** What neither a configuration nor a trainer's arguments say; a note says where it is from. */
    private void completeNormalisation(ObjectNode pretrained, List<String> notes) {
        boolean said = pretrained.hasNonNull("mean") && pretrained.hasNonNull("std");
        KnownPreprocessing known = KnownPreprocessing.of(in, root, state);
        if (known == null) {
            if (!said) {
                notes.add(
                        "nothing says how pictures are normalised: ImageNet's mean and std are taken; --mean and --std"
                                + " say otherwise (0.5 for most of timm's vit_*)");
            }
            return;
        }
        if (!pretrained.hasNonNull("mean") && !pretrained.hasNonNull("std")) {
            pretrained.set("mean", JsonTrees.of(known.mean()));
            pretrained.set("std", JsonTrees.of(known.std()));
            notes.add("pictures are normalised with mean " + words(known.mean()) + " and std " + words(known.std())
                    + ": " + known.from() + OTHERWISE);
        }
        if (!pretrained.hasNonNull("crop_pct") && known.cropPct() != null) {
            pretrained.put("crop_pct", known.cropPct());
        }
        if (!pretrained.hasNonNull("interpolation") && known.interpolation() != null) {
            pretrained.put("interpolation", known.interpolation());
        }
    }

    private static String words(List<Double> levels) {
        return levels.stream().distinct().count() == 1 ? levels.get(0).toString() : levels.toString();
    }

    private void completeProvenance() {
        if (root.hasNonNull("training") || state.entry().isEmpty()) {
            return;
        }
        ObjectNode checkpoint = root.withObject("training").withObject("checkpoint");
        checkpoint.put("entry", state.entry());
        for (String key : List.of("arch", "epoch", "metric")) {
            Object value = state.facts().get(key);
            boolean finite = !(value instanceof Double number) || Double.isFinite(number);
            if (finite && (value instanceof Number || value instanceof String)) {
                checkpoint.set(key, JsonTrees.of(value));
            }
        }
    }
}
