package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The options of timm's trainer as it writes them, {@code args.yaml}: flat keys, where null or no entry means timm's
 * default. Every key is taken, required to hold the one value that is possible here, named as having no meaning here, or
 * refused.
 */
final class TimmArgs {
    private static final JsonMapper JSON = new JsonMapper();

    /** What the published recipes leave to the command line: DeiT's form, 3H → 6H. */
    private static final Map<String, Object> NETWORK = Map.of(
            "stages", List.of(3, 6), "head_dim", 64, "depth", 12, "img_size", 224, "patch_size", 16, "crop", "resized");

    private static final Map<String, String> OURS = RecipeFile.sections();

    private static final String SHAPE = "model_kwargs";
    private static final String ROUND = "head_round_";
    private static final String NORM_EPS = "norm_eps";
    private static final Set<String> SHAPES =
            new LinkedHashSet<>(List.of("depth", "embed_dim", "num_heads", "img_size", "patch_size", NORM_EPS));
    private static final List<Double> INCEPTION = List.of(0.5, 0.5, 0.5);

    private static final Set<String> YES = Set.of("True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON");
    private static final Set<String> NO = Set.of("False", "FALSE", "no", "No", "NO", "off", "Off", "OFF");
    private static final Set<String> BOOLEAN = booleans();

    private final String name;
    private final JsonNode tree;
    private final int processes;
    private final Map<String, ? extends @Nullable Object> options;
    private final Map<String, @Nullable Object> changes = new LinkedHashMap<>(NETWORK);
    private final List<RecipeSource.Note> notes = new ArrayList<>();

    /**
     * @param name of the file
     * @param tree its content, {@link #isFlat}
     * @param processes that will train
     * @param options as {@link RecipeSource#read(java.nio.file.Path, int, Map)} has them
     */
    TimmArgs(String name, JsonNode tree, int processes, Map<String, ? extends @Nullable Object> options) {
        this.name = name;
        this.tree = tree;
        this.processes = processes;
        this.options = options;
    }

    private static Set<String> booleans() {
        Set<String> keys = new LinkedHashSet<>(Set.of("model_ema", "pretrained"));
        RecipeFile.values(Recipe.DEFAULT).forEach((key, value) -> {
            if (value instanceof Boolean) {
                keys.add(key);
            }
        });
        TimmKeys.ONLY.forEach((key, possible) -> {
            if (possible.contains(false)) {
                keys.add(key);
            }
        });
        return keys;
    }

    /**
     * Whether a file holds timm's keys and not a recipe's sections.
     *
     * @throws IllegalArgumentException if it holds both
     */
    static boolean isFlat(JsonNode tree) {
        if (!tree.isObject()) {
            return false;
        }
        Set<String> sections = new LinkedHashSet<>(OURS.values());
        List<String> flat =
                tree.propertyNames().stream().filter(TimmKeys.all()::contains).toList();
        List<String> sectioned =
                tree.propertyNames().stream().filter(sections::contains).toList();
        require(
                flat.isEmpty() || sectioned.isEmpty(),
                "mixes a recipe's sections (" + String.join(", ", sectioned)
                        + ") with flat keys as timm's args.yaml has"
                        + " them (" + String.join(", ", flat.subList(0, Math.min(3, flat.size())))
                        + (flat.size() > 3 ? ", …" : "") + "); it must be one or the other");
        return !flat.isEmpty();
    }

    /** What the file says. */
    RecipeSource source() {
        refuseUnknown();
        takePlainKeys();
        takeOptimizer();
        takeSchedule();
        takeRest();
        String foreign = takeNetwork();
        Recipe recipe = batched();
        List<String> passedOver = tree.propertyNames().stream()
                .filter(TimmKeys.MEANINGLESS::contains)
                .toList();
        if (!passedOver.isEmpty()) {
            note("", "without meaning here: " + String.join(", ", passedOver));
        }
        return new RecipeSource(
                recipe,
                notes,
                foreign,
                either("initial_checkpoint", "pretrained_path"),
                either("data_dir", "data"),
                text("train_split", "train"),
                text("val_split", "validation"));
    }

    private void refuseUnknown() {
        for (Map.Entry<String, JsonNode> entry : tree.properties()) {
            String key = entry.getKey();
            if (!TimmKeys.all().contains(key) && !isStages(key)) {
                throw new IllegalArgumentException("unknown key " + key + Spelling.hint(key, TimmKeys.all())
                        + "; neither timm's trainer nor a recipe has it");
            }
            List<?> possible = TimmKeys.ONLY.get(key);
            if (possible != null && !isEmpty(entry.getValue()) && !possible.contains(value(key))) {
                throw new IllegalArgumentException(key + " " + entry.getValue() + " cannot be done here; "
                        + (possible.isEmpty() ? "it must be null" : "it must be null or " + possible.get(0)));
            }
        }
    }

    /** Whether the file's model calls the argument so that says how its stages differ. */
    private boolean isStages(String key) {
        String model = text("model");
        return model != null
                && Architectures.find(model)
                        .filter(found -> found.stagesArgument().equals(key))
                        .isPresent();
    }

    private void takePlainKeys() {
        changes.putAll(TimmKeys.DEFAULTS);
        for (String key : OURS.keySet()) {
            if (has(key) && !TimmKeys.TAKEN.contains(key)) {
                changes.put(key, value(key));
            }
        }
        if (Integer.valueOf(0).equals(changes.get("lr"))) {
            changes.remove("lr"); // to timm as null
        }
        takeUsualWarmup();
    }

    /** timm's usual warm-up is meant for its usual 300 epochs. */
    private void takeUsualWarmup() {
        int usual = TimmKeys.WARMUP_EPOCHS;
        if (!has("warmup_epochs") && changes.get("epochs") instanceof Integer epochs && epochs >= 0 && epochs < usual) {
            changes.put("warmup_epochs", epochs);
            note(
                    "warmup_epochs",
                    "says nothing of warmup_epochs, which are " + usual + " in timm: of " + epochs
                            + " epochs all are; --warmup-epochs says others");
        }
    }

    private void takeOptimizer() {
        String opt = text("opt", "sgd").toLowerCase(Locale.ROOT);
        switch (opt) {
            case "adamw" -> changes.remove("momentum"); // timm does not hand it on
            case "sgd", "nesterov" -> changes.put("opt", "sgd");
            case "momentum" -> changes.put("opt", "momentum");
            default -> throw new IllegalArgumentException("opt " + opt + " is not there; adamw, sgd and momentum are");
        }
        if (opt.equals("adamw")) {
            changes.put("opt", "adamw");
        } else {
            changes.keySet().removeAll(List.of("opt_betas", "opt_eps"));
        }
        boolean root = opt.contains("ada") || opt.contains("lamb");
        changes.put("lr_base_scale", text("lr_base_scale", root ? "sqrt" : "linear"));
    }

    private void takeSchedule() {
        String sched = text("sched", "cosine").toLowerCase(Locale.ROOT);
        require(
                List.of("cosine", "step", "plateau", "poly").contains(sched),
                "sched " + sched + " is not there; cosine, step, plateau and poly are");
        changes.put("sched", sched);
        Object rate = has("decay_rate") ? value("decay_rate") : 0.1;
        switch (sched) {
            case "poly" -> changes.put("poly_power", has("poly_power") ? value("poly_power") : rate);
            case "step" -> {
                changes.put("decay_rate", rate);
                changes.put("decay_epochs", has("decay_epochs") ? value("decay_epochs") : 90);
            }
            case "plateau" -> {
                changes.put("decay_rate", rate);
                changes.put("patience_epochs", has("patience_epochs") ? value("patience_epochs") : 10);
            }
            default -> {}
        }
        if ((sched.equals("step") || sched.equals("plateau"))
                && tree.path("cooldown_epochs").asInt(0) > 0) {
            changes.put("cooldown_epochs", 0);
            note("cooldown_epochs", "cooldown_epochs has no effect on sched " + sched + ", as in timm");
        }
    }

    private void takeRest() {
        if (!flag("model_ema")) {
            changes.put("model_ema_decay", 0);
        }
        String metric = text("eval_metric", "top1");
        require(metric.equals("top1") || metric.equals("loss"), "eval_metric must be top1 or loss, got " + metric);
        changes.putIfAbsent("best_metric", metric.equals("loss") ? "last_loss" : "last");
        if (flag("pretrained")) {
            note("init", "pretrained names weights that are not in the file; --init FILE starts from some");
        }
    }

    /** @return the model that cannot be built; null if all is well */
    private @Nullable String takeNetwork() {
        String model = text("model");
        boolean staged = has("thinking_stages") || has("stages");
        if (has("thinking_stages")) {
            changes.put("stages", numbers("thinking_stages"));
        }
        if (model != null && isOtherArchitecture(model)) {
            takeOther(model);
            return null;
        }
        if (model == null || model.startsWith(Architectures.unnamed().name())) {
            if (!staged) {
                note("stages", "names no stages; 3,6 is the published 3H → 6H, --stages says others");
            }
            takeShape(staged);
            takeSize();
            return null;
        }
        Optional<Architecture> plain =
                Architectures.find(each -> !each.elsewhere().recipeOfTimm(model).isEmpty());
        if (plain.isEmpty()) {
            if (has(SHAPE)) {
                note("", SHAPE + " is about model " + model + " and passed over");
            }
            takeSize();
            return model;
        }
        if (model.startsWith("vit_")) {
            takeInceptionsLevels(model, model.substring(model.indexOf('.') + 1));
        }
        Map<String, Object> told = new LinkedHashMap<>(plain.get().elsewhere().recipeOfTimm(model));
        Object stages = told.remove("stages");
        changes.put("architecture", plain.get().name());
        changes.putAll(told);
        if (!staged && stages instanceof List<?> one && one.get(0) instanceof Integer heads) {
            changes.put("stages", one);
            note(
                    "stages",
                    "model " + model + " is one stage of " + heads + " heads; --stages 3," + Math.max(6, heads)
                            + " makes it elastic");
        }
        takeShape(staged);
        takeSize();
        return null;
    }

    private static boolean isOtherArchitecture(String model) {
        return Architectures.find(model)
                .filter(found -> !found.equals(Architectures.unnamed())) // timm's plain ViTs are of this one
                .filter(found ->
                        model.equals(found.name()) || !found.implied(model).isEmpty())
                .isPresent();
    }

    /** What the name implies stays unsaid; of the stages' argument a file has the whole, or a part for each stage. */
    private void takeOther(String model) {
        Architecture architecture = Architectures.named(model);
        NetworkRecipe.SHAPE.forEach(changes::remove);
        changes.put("architecture", model);
        Map<String, Object> arguments = new LinkedHashMap<>();
        if (has(SHAPE)) {
            require(tree.path(SHAPE).isObject(), SHAPE + " must hold keys and values, got " + tree.path(SHAPE));
            tree.path(SHAPE).properties().forEach(entry -> {
                if (!isEmpty(entry.getValue())) {
                    arguments.put(entry.getKey(), JSON.treeToValue(entry.getValue(), Object.class));
                }
            });
        }
        String stages = architecture.stagesArgument();
        if (has(stages)) {
            arguments.put(stages, value(stages));
        }
        List<Object> parts = new ArrayList<>();
        for (int stage = 1; has(ROUND + stage); stage++) {
            parts.add(numbers(ROUND + stage));
        }
        if (!parts.isEmpty() && !arguments.containsKey(stages)) {
            arguments.put(stages, parts);
        }
        if (!arguments.containsKey(stages)) {
            note(
                    stages,
                    "names no " + stages + ": " + model + " has one stage; --" + stages.replace('_', '-')
                            + " makes it elastic");
        }
        if (!arguments.isEmpty()) {
            changes.put(SHAPE, arguments);
        }
        takeInputSize();
        for (String key : NetworkRecipe.SHAPE) {
            if (has(key) && NetworkRecipe.mayHave(architecture, key)) {
                changes.put(key, value(key));
            }
        }
    }

    /** Unlike DeiT's, timm's plain ViTs see levels of mean and deviation 0.5, but for some trained elsewhere. */
    private void takeInceptionsLevels(String model, String tag) {
        List<String> unsaid = Stream.of("mean", "std").filter(key -> !has(key)).toList();
        if (unsaid.isEmpty()) {
            return;
        }
        if (!tag.equals(model) && !tag.startsWith("augreg") && !tag.startsWith("orig")) {
            note(
                    unsaid.get(0),
                    "what " + String.join(" and ", unsaid) + " of model " + model + " are is not known here:"
                            + " ImageNet's are taken; --mean and --std say others");
            return;
        }
        unsaid.forEach(key -> changes.put(key, INCEPTION));
        note(
                unsaid.get(0),
                String.join(" and ", unsaid) + " of model " + model + " are 0.5, as in timm; --mean and --std say"
                        + " others");
    }

    /** The network as a {@code .pth.tar} has it, which is how timm's models take theirs. */
    private void takeShape(boolean staged) {
        if (!has(SHAPE)) {
            return;
        }
        JsonNode shape = tree.path(SHAPE);
        require(shape.isObject(), SHAPE + " must hold keys and values, got " + shape);
        Map<String, Integer> said = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : shape.properties()) {
            String key = SHAPE + "." + entry.getKey();
            require(
                    SHAPES.contains(entry.getKey()),
                    key + " cannot be done here; " + String.join(", ", SHAPES) + " can");
            if (!isEmpty(entry.getValue()) && entry.getKey().equals("img_size")) {
                changes.put("img_size", imageSize(key, plain(entry.getValue())));
            } else if (!isEmpty(entry.getValue()) && entry.getKey().equals(NORM_EPS)) {
                changes.put(SHAPE, Map.of(NORM_EPS, plain(entry.getValue())));
            } else if (!isEmpty(entry.getValue())) {
                said.put(entry.getKey(), positive(key, plain(entry.getValue())));
            }
        }
        List.of("depth", "patch_size").forEach(key -> {
            if (said.containsKey(key)) {
                changes.put(key, said.get(key));
            }
        });
        Integer heads = said.get("num_heads");
        if (heads != null && !staged) {
            changes.put("stages", List.of(heads));
            notes.removeIf(note -> note.key().equals("stages"));
            note("stages", SHAPE + " is one stage of " + heads + " heads; --stages makes it elastic");
        }
        takeWidth(heads, said.get("embed_dim"));
    }

    private void takeWidth(@Nullable Integer heads, @Nullable Integer width) {
        if (!(changes.get("stages") instanceof List<?> stages)
                || !(stages.get(stages.size() - 1) instanceof Integer last)) {
            return;
        }
        require(
                heads == null || heads.equals(last),
                SHAPE + ".num_heads must be the heads of the last stage, " + last + ", got " + heads);
        if (width != null) {
            require(
                    last >= 1 && width % last == 0,
                    SHAPE + ".embed_dim must divide into " + last + " heads, got " + width);
            changes.put("head_dim", width / last);
        }
    }

    /** What the file says of the network itself comes before what follows from the model's name. */
    private void takeSize() {
        takeInputSize();
        for (String key : List.of("img_size", "patch_size", "depth", "head_dim")) {
            if (has(key)) {
                changes.put(key, value(key));
            }
        }
    }

    private void takeInputSize() {
        if (!has("input_size")) {
            return;
        }
        JsonNode size = tree.path("input_size");
        require(
                size.isArray() && size.size() == 3 && Integer.valueOf(3).equals(plain(size.get(0))),
                "input_size must be [3, height, width], of 3 channels, got " + size);
        Object argument = imageSize("input_size", Arrays.asList(plain(size.get(1)), plain(size.get(2))));
        require(
                !has("img_size") || imageSize("img_size", value("img_size")).equals(argument),
                "input_size " + size + " and img_size " + tree.path("img_size") + " must agree, or one be left out");
        changes.put("img_size", argument);
    }

    /** As a recipe has it. */
    private static Object imageSize(String key, Object value) {
        try {
            return ImageSize.of(value).argument();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(key + ": " + e.getMessage(), e);
        }
    }

    /** The recipe, its batch being that of all processes and accumulated parts together. */
    private Recipe batched() {
        int each = whole("batch_size", 128);
        int parts = whole("grad_accum_steps", 1);
        boolean own = has("world_size");
        int count = own ? whole("world_size", 1) : processes;
        long images = (long) each * parts * count;
        require(images <= Integer.MAX_VALUE, "batch_size " + each + " over " + count + " processes is too large");
        changes.put("batch_size", (int) images);
        Recipe recipe = RecipeFile.with(Recipe.DEFAULT, changes, options);
        note(
                "batch_size",
                String.format(
                        Locale.ROOT,
                        "batch_size %d is each process's: %s%d process%s x %d accumulated = %d images an update, peak"
                                + " learning rate %.3g; --batch-size is the number of all together",
                        each,
                        own ? "the file's " : "",
                        count,
                        count == 1 ? "" : "es",
                        parts,
                        images,
                        recipe.optimizer().peakLr()));
        return recipe;
    }

    private int whole(String key, int usual) {
        return has(key) ? positive(key, value(key)) : usual;
    }

    private static int positive(String key, Object value) {
        require(value instanceof Integer && (int) value >= 1, key + " must be a whole number from 1, got " + value);
        return (int) value;
    }

    private List<Integer> numbers(String key) {
        JsonNode node = tree.path(key);
        String wanted = key + " must be heads of each stage such as [3, 6], got " + node;
        require(node.isArray() ? node.values().stream().allMatch(JsonNode::isValueNode) : node.isValueNode(), wanted);
        Stream<String> texts = node.isArray()
                ? node.values().stream().map(value -> String.valueOf(plain(value)))
                : Stream.of(node.asString().replaceAll("[\\[\\]()]", " ").trim().split("[,;\\s]+"));
        try {
            return texts.map(Integer::valueOf).toList();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(wanted, e);
        }
    }

    private boolean has(String key) {
        return !isEmpty(tree.path(key));
    }

    /** As null: timm's default. */
    private static boolean isEmpty(JsonNode node) {
        return node.isMissingNode()
                || node.isNull()
                || (node.isString() && node.asString().isBlank())
                || (node.isContainer() && node.isEmpty());
    }

    private @Nullable String text(String key) {
        if (!has(key)) {
            return null;
        }
        require(tree.path(key).isValueNode(), key + " must be text, got " + tree.path(key));
        return tree.path(key).asString();
    }

    private Object value(String key) {
        return BOOLEAN.contains(key) ? flag(key) : plain(tree.path(key));
    }

    /** As PyYAML, which timm reads and writes with, has it: YAML 1.1's words too. No entry is false. */
    private boolean flag(String key) {
        if (!has(key)) {
            return false;
        }
        JsonNode node = tree.path(key);
        if (node.isBoolean()) {
            return node.asBoolean();
        }
        String word = node.isString() ? node.asString() : "";
        boolean yes = YES.contains(word);
        require(yes || NO.contains(word), key + " must be true or false, got " + node);
        return yes;
    }

    /** A number that is whole is one, whether it is written so or not: 300.0 epochs, a drop of 0.0. */
    private static Object plain(JsonNode node) {
        if (node.isNumber() && node.canConvertToInt() && node.asDouble() == node.asInt()) {
            return node.asInt();
        }
        return JSON.treeToValue(node, Object.class);
    }

    private String text(String key, String usual) {
        String text = text(key);
        return text == null ? usual : text;
    }

    private @Nullable String either(String key, String other) {
        String text = text(key);
        return text == null ? text(other) : text;
    }

    /** @param key whose option would make the note idle; "" for none */
    private void note(String key, String text) {
        notes.add(new RecipeSource.Note(key, name + ": " + text));
    }
}
