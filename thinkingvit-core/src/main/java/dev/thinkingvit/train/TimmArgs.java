package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

    private static final Pattern PLAIN_VIT =
            Pattern.compile("(?:deit|vit)_(tiny|small|base|large)_patch(\\d+)_(\\d+)(?:\\..*)?");
    private static final Map<String, Integer> HEADS = Map.of("tiny", 3, "small", 6, "base", 12, "large", 16);
    private static final int LARGE_DEPTH = 24;

    private static final Map<String, String> OURS = RecipeFile.sections();

    private final String name;
    private final JsonNode tree;
    private final int processes;
    private final Map<String, @Nullable Object> changes = new LinkedHashMap<>(NETWORK);
    private final List<RecipeSource.Note> notes = new ArrayList<>();

    /**
     * @param name of the file
     * @param tree its content, {@link #isFlat}
     * @param processes that will train
     */
    TimmArgs(String name, JsonNode tree, int processes) {
        this.name = name;
        this.tree = tree;
        this.processes = processes;
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
            if (!TimmKeys.all().contains(key)) {
                throw new IllegalArgumentException("unknown key " + key + Spelling.hint(key, TimmKeys.all())
                        + "; neither timm's trainer nor a recipe has it");
            }
            List<?> possible = TimmKeys.ONLY.get(key);
            if (possible != null && !isEmpty(entry.getValue()) && !possible.contains(plain(entry.getValue()))) {
                throw new IllegalArgumentException(key + " " + entry.getValue() + " cannot be done here; "
                        + (possible.isEmpty() ? "it must be null" : "it must be null or " + possible.get(0)));
            }
        }
    }

    private void takePlainKeys() {
        changes.putAll(TimmKeys.DEFAULTS);
        for (String key : OURS.keySet()) {
            if (has(key) && !TimmKeys.TAKEN.contains(key)) {
                changes.put(key, value(key));
            }
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
        if (!(tree.path("model_ema").isBoolean() && tree.path("model_ema").asBoolean())) {
            changes.put("model_ema_decay", 0);
        }
        String metric = text("eval_metric", "top1");
        require(metric.equals("top1") || metric.equals("loss"), "eval_metric must be top1 or loss, got " + metric);
        changes.putIfAbsent("best_metric", metric.equals("loss") ? "last_loss" : "last");
        if (tree.path("pretrained").isBoolean() && tree.path("pretrained").asBoolean()) {
            note("init", "pretrained names weights that are not in the file; --init FILE starts from some");
        }
    }

    /** @return the model that cannot be built; null if all is well */
    private @Nullable String takeNetwork() {
        JsonNode size = tree.path("input_size");
        if (size.isArray() && size.size() == 3) {
            changes.put("img_size", size.get(1).asInt());
        }
        String model = text("model");
        boolean staged = has("thinking_stages") || has("stages");
        if (has("thinking_stages")) {
            changes.put("stages", numbers("thinking_stages"));
        }
        if (model == null || model.startsWith("thinkingvit")) {
            if (!staged) {
                note("stages", "names no stages; 3,6 is the published 3H → 6H, --stages says others");
            }
            takeSize();
            return null;
        }
        Matcher vit = PLAIN_VIT.matcher(model);
        if (!vit.matches()) {
            takeSize();
            return model;
        }
        int heads = HEADS.getOrDefault(vit.group(1), 0);
        changes.put("patch_size", Integer.valueOf(vit.group(2)));
        changes.put("img_size", Integer.valueOf(vit.group(3)));
        if (vit.group(1).equals("large")) {
            changes.put("depth", LARGE_DEPTH);
        }
        if (!staged) {
            changes.put("stages", List.of(heads));
            note(
                    "stages",
                    "model " + model + " is one stage of " + heads + " heads; --stages 3," + Math.max(6, heads)
                            + " makes it elastic");
        }
        takeSize();
        return null;
    }

    /** What the file says of the network itself comes before what follows from the model's name. */
    private void takeSize() {
        for (String key : List.of("img_size", "patch_size", "depth", "head_dim")) {
            if (has(key)) {
                changes.put(key, value(key));
            }
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
        Recipe recipe = RecipeFile.with(Recipe.DEFAULT, changes);
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
        if (!has(key)) {
            return usual;
        }
        Object value = value(key);
        require(value instanceof Integer && (int) value >= 1, key + " must be a whole number from 1, got " + value);
        return (int) value;
    }

    private List<Integer> numbers(String key) {
        JsonNode node = tree.path(key);
        Stream<String> texts = node.isArray()
                ? node.values().stream().map(JsonNode::asString)
                : Stream.of(node.asString().replaceAll("[\\[\\]()]", " ").trim().split("[,;\\s]+"));
        try {
            return texts.map(Integer::valueOf).toList();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(key + " must be heads of each stage such as [3, 6], got " + node, e);
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
        return has(key) ? tree.path(key).asString() : null;
    }

    private Object value(String key) {
        return plain(tree.path(key));
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
