package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.NetworkConfig;
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
 * Reads a ThinkingViT from whatever it comes in: a directory, a bare safetensors file, a trainer's checkpoint. What no
 * configuration says is taken from the shapes of the weights; what is said wins, and must fit the weights.
 *
 * <p>In this order of precedence: the configuration file that the caller names, the directory's own
 * {@code config.json} (or the one beside a file of one of Hugging Face's names), the shapes, a trainer's {@code args} (what shapes cannot say, and only where they agree with
 * them). How pictures are normalised may also follow from what stands beside the tensors or from the model's name
 * ({@link KnownPreprocessing}).
 */
public final class ModelImport {
    private static final String OTHERWISE = "; --mean and --std say otherwise";

    private final Path in;
    private final StateDict state;
    private final @Nullable BareWeights weights;
    private final TrainerArguments trained;
    private final ObjectNode root;

    private ModelImport(Path in, StateDict state, @Nullable BareWeights weights, ObjectNode root) {
        this.in = in;
        this.state = state;
        this.weights = weights;
        this.trained = new TrainerArguments(state);
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
        return of(in, Checkpoints.read(in, weights), configFile);
    }

    /** As {@link #read}, of weights that were read already. */
    static Imported of(Path in, StateDict state, @Nullable Path configFile) {
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
        if (configFile != null) {
            said = configFile;
            merge(root, ForeignConfig.translated(configFile, ModelDirectory.readTree(configFile), notes));
        }
        if (!root.hasNonNull("architecture")) {
            root.put("architecture", BareWeights.recognised(state).name());
        }
        Architecture architecture = ModelConfigJson.architecture(said, root);
        BareWeights weights = BareWeights.of(architecture, state);
        ModelImport reader = new ModelImport(in, state, weights, root);
        boolean open = !root.hasNonNull("model_args") || root.get("model_args").isObject();
        if (weights != null) {
            weights.requireOwn();
            if (open) {
                weights.complete(root, notes);
            }
        } else if (open) {
            reader.trained.complete(root, architecture);
        }
        reader.completePreprocessing(notes);
        reader.completeProvenance();
        ModelConfig config = ModelConfigJson.read(said, root);
        StateDict used = reader.withoutSurplus(config.network(), notes);
        return new Imported(ModelDirectory.model(in, config, used), state, notes);
    }

    /** Without what a file may have beyond the network. */
    private StateDict withoutSurplus(NetworkConfig network, List<String> notes) {
        List<String> surplus = weights == null ? List.of() : weights.surplus(network);
        if (surplus.isEmpty()) {
            return state;
        }
        Map<String, HostTensor> used = new LinkedHashMap<>(state.tensors());
        used.keySet().removeAll(surplus);
        notes.add("left out: " + surplus.get(0) + (surplus.size() > 1 ? " to " + surplus.get(surplus.size() - 1) : "")
                + ", which no stage of " + network.shorthand() + " uses");
        return new StateDict(state.file(), state.entry(), used, state.facts(), notes, state.origin());
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
        JsonNode crop = trained.get("crop_pct");
        if (!pretrained.hasNonNull("crop_pct") && crop.isNumber() && crop.asDouble() > 0 && crop.asDouble() <= 1) {
            pretrained.set("crop_pct", crop);
        }
        for (String key : List.of("mean", "std")) {
            JsonNode levels = trained.get(key);
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
        JsonNode kernel = trained.get("interpolation");
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
            pretrained.set("mean", ModelConfigJson.MAPPER.valueToTree(known.mean()));
            pretrained.set("std", ModelConfigJson.MAPPER.valueToTree(known.std()));
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
                checkpoint.set(key, ModelConfigJson.MAPPER.valueToTree(value));
            }
        }
    }
}
