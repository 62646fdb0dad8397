package dev.thinkingvit.checkpoint;

import dev.thinkingvit.data.PreprocessingChange;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
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
 * ({@link KnownPreprocessing}). Heads are {@value #HEAD_DIM} wide unless a configuration, or the file's own layout, says otherwise.
 */
public final class ModelImport {
    private static final int HEAD_DIM = 64;
    private static final String OTHERWISE = "; --mean and --std say otherwise";
    private static final Pattern NUMBERS = Pattern.compile("\\d{1,4}");

    private final Path in;
    private final StateDict state;
    private final WeightShapes shapes;
    private final ObjectNode root;

    private ModelImport(Path in, StateDict state, ObjectNode root) {
        this.in = in;
        this.state = state;
        this.shapes = new WeightShapes(state);
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
        Architecture architecture = ModelConfigJson.architecture(said, root);
        ModelImport reader = new ModelImport(in, state, root);
        if (architecture == ThinkingViTConfig.ARCHITECTURE) {
            reader.shapes.requireThinkingViT();
            reader.completeNetwork();
        }
        reader.completePreprocessing(notes);
        reader.completeProvenance();
        ModelConfig config = ModelConfigJson.read(said, root);
        StateDict used = reader.withoutSurplus(config.network(), notes);
        return new Imported(ModelDirectory.model(in, config, used), state, notes);
    }

    /** Without the alphas that no stage uses: the first release has one a block. */
    private StateDict withoutSurplus(NetworkConfig network, List<String> notes) {
        Map<String, HostTensor> used = new LinkedHashMap<>(state.tensors());
        List<String> surplus = shapes.alphas().stream()
                .skip(network.stages() - 1L)
                .filter(name -> used.containsKey(name) && used.get(name).elements() == 1)
                .toList();
        if (!surplus.isEmpty()) {
            used.keySet().removeAll(surplus);
            notes.add(
                    "left out: " + surplus.get(0) + (surplus.size() > 1 ? " to " + surplus.get(surplus.size() - 1) : "")
                            + ", which no stage of " + network.shorthand() + " uses");
        }
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

    /** Adds what the configuration leaves open; values of a wrong type are left for its reader to refuse. */
    private void completeNetwork() {
        if (root.hasNonNull("model_args") && !root.get("model_args").isObject()) {
            return;
        }
        ObjectNode args = root.withObject("model_args");
        if (!args.hasNonNull("embed_dim")) {
            args.put("embed_dim", shapes.embedDim());
        }
        if (!args.hasNonNull("patch_size")) {
            args.put("patch_size", shapes.patchSize());
        }
        if (!args.hasNonNull("img_size")) {
            int patch = integer(args.get("patch_size"));
            args.put("img_size", shapes.imageSize(patch > 0 ? patch : shapes.patchSize()));
        }
        if (!args.hasNonNull("depth")) {
            args.put("depth", shapes.depth());
        }
        if (!args.hasNonNull("num_classes") && !root.hasNonNull("num_classes")) {
            root.put("num_classes", shapes.numClasses());
        }
        completeHeads(args);
    }

    private void completeHeads(ObjectNode args) {
        int width = integer(args.get("embed_dim"));
        requireHeads(width, integer(args.get("num_heads")));
        if (width < 1 || (args.hasNonNull("num_heads") && args.hasNonNull("thinking_stages"))) {
            return;
        }
        shapes.requireEmbedDim(width); // before wrong widths of stages are blamed on the heads
        if (!args.hasNonNull("num_heads")) {
            args.put("num_heads", width / headDim(width, integers(args.get("thinking_stages"))));
        }
        int heads = integer(args.get("num_heads"));
        if (!args.hasNonNull("thinking_stages") && heads > 0 && width % heads == 0) {
            args.set("thinking_stages", ModelConfigJson.MAPPER.valueToTree(stages(width / heads, heads)));
        }
    }

    private void requireHeads(int width, int said) {
        int shown = state.origin().heads();
        if (shown > 0 && said > 0 && said != shown) {
            throw new CheckpointException(
                    state.file(), "has " + shown + " attention heads in its tensors' shapes; num_heads says " + said);
        }
        boolean transformers = root.path("training").has("transformers_model_type");
        if (width > 0 && said > 0 && width % said != 0) {
            throw new CheckpointException(
                    state.file(),
                    transformers
                            ? "num_attention_heads must divide hidden_size " + width + ", got " + said
                            : "num_heads must divide embed_dim " + width + ", got " + said);
        }
    }

    /** Width of a head, from the file's own layout, the stages that a configuration names, else the published one. */
    private int headDim(int width, List<Integer> givenStages) {
        int shown = state.origin().heads();
        if (shown > 0 && width % shown == 0) {
            return width / shown;
        }
        int said = givenStages.isEmpty() ? integer(trainerArg("model_kwargs").get("num_heads")) : 0; // timm's option
        if (said > 0 && width % said == 0) {
            return width / said;
        }
        List<Integer> widths = shapes.recycledWidths();
        int named = headDimOf(givenStages, widths, width);
        if (named > 0) {
            return named;
        }
        boolean usual = width % HEAD_DIM == 0 && widths.stream().allMatch(recycled -> recycled % HEAD_DIM == 0);
        int trained = headDimOf(trainedStages(), widths, width);
        if (!usual && trained > 0) {
            return trained;
        }
        for (int i = 0; i < widths.size(); i++) {
            if (widths.get(i) % HEAD_DIM != 0) {
                throw unknownHeads(
                        "stage " + (i + 1) + " is " + widths.get(i) + " wide (" + WeightShapes.projection(i) + ")");
            }
        }
        if (width % HEAD_DIM != 0) {
            throw unknownHeads("embed_dim is " + width + " (cls_token)");
        }
        return HEAD_DIM;
    }

    private CheckpointException unknownHeads(String what) {
        return new CheckpointException(
                state.file(),
                "the number of heads is unknown: " + what + ", which is not a multiple of the usual head width "
                        + HEAD_DIM + "; --config must supply num_heads, as in {\"model_args\": {\"num_heads\": …}}");
    }

    /** The head width at which {@code stages} gives exactly {@code widths}; 0 if there is none. */
    private static int headDimOf(List<Integer> stages, List<Integer> widths, int full) {
        if (widths.isEmpty() || stages.size() != widths.size() + 1 || stages.get(0) < 1) {
            return 0;
        }
        int headDim = widths.get(0) / stages.get(0);
        boolean fits = headDim > 0 && full % headDim == 0;
        for (int i = 0; fits && i < widths.size(); i++) {
            fits = stages.get(i) == widths.get(i) / headDim && widths.get(i) % headDim == 0;
        }
        return fits ? headDim : 0;
    }

    private List<Integer> stages(int headDim, int heads) {
        List<Integer> stages = new ArrayList<>();
        List<Integer> widths = shapes.recycledWidths();
        for (int i = 0; i < widths.size(); i++) {
            if (widths.get(i) % headDim != 0) {
                throw new CheckpointException(
                        state.file(),
                        "tensor " + WeightShapes.projection(i) + " has the wrong shape: expected a multiple of the head"
                                + " width " + headDim + " (embed_dim / num_heads) as columns, came " + widths.get(i));
            }
            stages.add(widths.get(i) / headDim);
        }
        // Nothing recycles the last stage, so that no shape tells its width: all heads, unless the trainer says less.
        List<Integer> trained = trainedStages();
        boolean agrees = trained.size() == stages.size() + 1
                && trained.subList(0, stages.size()).equals(stages)
                && grows(stages, trained.get(stages.size()), heads);
        if (!agrees && shapes.alphas().size() > stages.size()) {
            throw new CheckpointException(
                    state.file(),
                    "the last stage is unknown: it may be narrower than the file's " + heads + " heads, as in the first"
                            + " release, and "
                            + (trained.isEmpty()
                                    ? "no args name the stages"
                                    : "its args name the stages " + trained + ", which do not fit")
                            + "; --config must, as in {\"model_args\":"
                            + " {\"thinking_stages\": " + stages.toString().replace("]", ", …]") + "}}");
        }
        stages.add(agrees ? trained.get(stages.size()) : heads);
        return stages;
    }

    private static boolean grows(List<Integer> stages, int last, int heads) {
        return last > (stages.isEmpty() ? 0 : stages.get(stages.size() - 1)) && last <= heads;
    }

    /** The stages that the trainer's arguments name: numbers, or text of such; empty if there are none. */
    private List<Integer> trainedStages() {
        JsonNode said = trainerArg("thinking_stages");
        List<Integer> stages = new ArrayList<>();
        if (said.isArray()) {
            said.forEach(stage -> stages.add(stage.isString() ? number(stage.asString()) : integer(stage)));
        } else if (said.isString()) {
            NUMBERS.matcher(said.asString()).results().forEach(found -> stages.add(number(found.group())));
        }
        return stages;
    }

    private static int number(String text) {
        return NUMBERS.matcher(text.strip()).matches() ? Integer.parseInt(text.strip()) : 0;
    }

    private void completePreprocessing(List<String> notes) {
        if (root.hasNonNull("pretrained_cfg") && !root.get("pretrained_cfg").isObject()) {
            return;
        }
        ObjectNode pretrained = root.withObject("pretrained_cfg");
        JsonNode crop = trainerArg("crop_pct");
        if (!pretrained.hasNonNull("crop_pct") && crop.isNumber() && crop.asDouble() > 0 && crop.asDouble() <= 1) {
            pretrained.set("crop_pct", crop);
        }
        for (String key : List.of("mean", "std")) {
            JsonNode levels = trainerArg(key);
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
        JsonNode kernel = trainerArg("interpolation");
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

    /** An argument of the training script that wrote the file; a missing node if there is none. */
    private JsonNode trainerArg(String name) {
        for (String place : List.of("args", "hyper_parameters", "config", "cfg", "opt")) {
            Object value = state.facts().get(place) instanceof Map<?, ?> args ? args.get(name) : null;
            if (value != null) {
                return ModelConfigJson.MAPPER.valueToTree(value);
            }
        }
        return JsonNodeFactory.instance.missingNode();
    }

    private static List<Integer> integers(@Nullable JsonNode values) {
        List<Integer> integers = new ArrayList<>();
        if (values != null && values.isArray()) {
            values.forEach(value -> integers.add(integer(value)));
        }
        return integers;
    }

    /** 0 for anything but a whole number; a list of two equal ones counts as one. */
    private static int integer(@Nullable JsonNode value) {
        if (value != null
                && value.isArray()
                && value.size() == 2
                && value.get(0).equals(value.get(1))) {
            return integer(value.get(0));
        }
        return value != null && value.isIntegralNumber() && value.canConvertToInt() ? value.asInt() : 0;
    }
}
