package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Opaque;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.store.KnownNames.Manner;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where in a file the weights are, among everything else that trainers put beside them. Works on plain values, whatever
 * reader gave them. Nothing but what is chosen has to be tensors.
 *
 * @param path keys from the file's top to the dictionary, joined by dots; empty if the file is that dictionary
 * @param average whether a key on the way says that it is a moving average
 * @param content names to values: tensors, and what lies beside them
 * @param facts what the dictionaries on the way say beside it: strings, numbers, booleans, null, lists and maps of such
 * @param notes what was not chosen though its key says that it should be, a line each
 */
record WeightsEntry(
        String path, boolean average, Map<?, ?> content, Map<String, @Nullable Object> facts, List<String> notes) {
    /** Keys of moving averages, in the order of the published evaluation, then others' habits. */
    private static final List<String> AVERAGES = List.of(
            "state_dict_ema",
            "model_ema",
            "ema",
            "ema_state_dict",
            "model_ema_state_dict",
            "ema_model",
            "ema_model_state_dict",
            "averaged_model",
            "swa_state_dict",
            "swa_model");

    /** Keys of the weights themselves, likewise. */
    private static final List<String> MODELS = List.of(
            "state_dict",
            "model",
            "model_state_dict",
            "model_state",
            "model_weights",
            "net",
            "net_state_dict",
            "network",
            "module",
            "weights",
            "params",
            "checkpoint",
            "state");

    /** Holds tensors, but never a network's. */
    private static final Set<String> TRAINING = Set.of(
            "optimizer",
            "optimizers",
            "optimizer_states",
            "optimizer_state_dict",
            "lr_scheduler",
            "lr_schedulers",
            "scheduler",
            "scheduler_state_dict",
            "scaler",
            "amp",
            "amp_scaler",
            "loss_scaler",
            "callbacks",
            "loops",
            "rng_state",
            "rng_states");

    WeightsEntry(String path, boolean average, Map<?, ?> content, Map<String, @Nullable Object> facts) {
        this(path, average, content, facts, List.of());
    }

    private static final int MAX_DEPTH = 4;
    private static final int NAMED_KEYS = 20;

    /**
     * Finds the weights.
     *
     * @param file for messages
     * @param root what a reader gave for the whole file
     * @param which set of weights
     * @param said the architecture that a configuration names, if one does; else the file and what it says may claim one
     * @throws CheckpointException if there are none, or not that set; says what there is instead
     */
    static WeightsEntry find(Path file, @Nullable Object root, Weights which, Optional<Architecture> said) {
        if (!(root instanceof Map<?, ?> top)) {
            throw new CheckpointException(file, "holds no dictionary of weights but " + Opaque.describe(root));
        }
        List<WeightsEntry> found = new ArrayList<>();
        collect(top, new WeightsEntry("", false, top, Map.of()), 0, found);
        if (found.isEmpty()) {
            found = unnamed(top);
        }
        if (found.isEmpty()) {
            throw new CheckpointException(file, nothing(top));
        }
        List<WeightsEntry> models =
                found.stream().filter(entry -> !entry.average()).toList();
        List<WeightsEntry> averages = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (WeightsEntry entry : found) {
            if (entry.average() && (models.isEmpty() || entry.isWhole(models.get(0)))) {
                averages.add(entry);
            } else if (entry.average()) {
                notes.add("passed over: '" + entry.path() + "', which holds no whole set of weights");
            }
        }
        if (which == Weights.MODEL && models.isEmpty()) {
            throw new CheckpointException(
                    file,
                    "has only a moving average of the weights, in '"
                            + averages.get(0).path() + "'");
        }
        // a dictionary of plain weights may hold their average too, under names of its own
        boolean own = which == Weights.MODEL || averages.isEmpty();
        if (which == Weights.AUTO
                && !averages.isEmpty()
                && !models.isEmpty()
                && said.or(() -> Architectures.claimed(
                                String.valueOf(file.getFileName()),
                                models.get(0).facts()))
                        .filter(each -> !each.weights().judgedByAverage())
                        .isPresent()) {
            own = true;
            notes.add("the weights are '" + models.get(0).path() + "', not their average '"
                    + averages.get(0).path() + "', by which such networks are not judged where they were published");
        }
        WeightsEntry chosen = own ? models.get(0) : averages.get(0);
        return new WeightsEntry(chosen.path(), chosen.average(), chosen.content(), chosen.facts(), notes);
    }

    /** Whether an average may stand for {@code model}: it embeds patches, or has as many tensors. */
    private boolean isWhole(WeightsEntry model) {
        return content.keySet().stream().anyMatch(key -> key instanceof String name && KnownNames.isEssential(name))
                || tensors(content) >= tensors(model.content());
    }

    private static long tensors(Map<?, ?> map) {
        return map.values().stream().filter(HostTensor.class::isInstance).count();
    }

    /** What to say after a tensor is missed in the weights under {@code path}; empty if there is nothing to choose. */
    static String elsewhere(String path) {
        boolean average = Stream.of(path.split("\\.", -1)).anyMatch(AVERAGES::contains);
        return path.isEmpty()
                ? ""
                : " (in '" + path + "'" + (average ? "; --weights model takes others, if it has them" : "") + ")";
    }

    /** What to say where a moving average was asked for and there is none. */
    String noAverage() {
        return "has no moving average of the weights (" + String.join(", ", AVERAGES.subList(0, 3)) + ", …); it has "
                + (path.isEmpty() ? keys(content) : keys(facts) + " and the weights in '" + path + "'");
    }

    /** {@code "'model': "}, to put before what is wrong in it; empty for a file that is the dictionary. */
    String where() {
        return path.isEmpty() ? "" : "'" + path + "': ";
    }

    private static void collect(Map<?, ?> map, WeightsEntry here, int depth, List<WeightsEntry> found) {
        int before = found.size();
        Map<String, @Nullable Object> facts = new LinkedHashMap<>(here.facts());
        facts.putAll(facts(map));
        if (depth < MAX_DEPTH) {
            Stream.concat(AVERAGES.stream(), MODELS.stream()).forEach(key -> {
                if (map.get(key) instanceof Map<?, ?> child) {
                    boolean average = here.average() || AVERAGES.contains(key);
                    String path = here.path().isEmpty() ? key : here.path() + "." + key;
                    collect(child, new WeightsEntry(path, average, child, facts), depth + 1, found);
                }
            });
        }
        if (found.size() == before && holdsTensors(map)) {
            found.add(new WeightsEntry(
                    here.path(), here.average(), map, here.path().isEmpty() ? facts : here.facts()));
        }
    }

    /** The one dictionary of tensors under a key that nobody knows. */
    private static List<WeightsEntry> unnamed(Map<?, ?> top) {
        List<WeightsEntry> found = new ArrayList<>();
        top.forEach((key, value) -> {
            if (key instanceof String name
                    && !TRAINING.contains(name)
                    && value instanceof Map<?, ?> child
                    && holdsTensors(child)) {
                found.add(new WeightsEntry(name, name.contains("ema"), child, facts(top)));
            }
        });
        return found.size() == 1 ? found : List.of();
    }

    private static String nothing(Map<?, ?> top) {
        for (String key : Stream.concat(AVERAGES.stream(), MODELS.stream()).toList()) {
            Object value = top.get(key);
            if (value instanceof Map<?, ?> dict && !dict.isEmpty()) {
                Map.Entry<?, ?> first = dict.entrySet().iterator().next();
                for (Map.Entry<?, ?> entry : dict.entrySet()) {
                    if (entry.getValue() instanceof Opaque) {
                        first = entry;
                        break;
                    }
                }
                return "'" + key + "': " + noTensor(first);
            }
            if (value != null && !(value instanceof Map<?, ?>)) {
                return "its '" + key + "' is no dictionary of tensors but " + Opaque.describe(value);
            }
        }
        boolean all = top.values().stream().allMatch(Opaque.class::isInstance);
        for (Map.Entry<?, ?> entry : top.entrySet()) {
            if (entry.getValue() instanceof Opaque
                    && entry.getKey() instanceof String name
                    && (all || KnownNames.isEssential(name) || Manner.TIMM.knows(name))) {
                return noTensor(entry);
            }
        }
        List<String> sets = new ArrayList<>();
        top.forEach((key, value) -> {
            if (key instanceof String name
                    && !TRAINING.contains(name)
                    && value instanceof Map<?, ?> child
                    && holdsTensors(child)) {
                sets.add(name);
            }
        });
        return "holds no weights: no tensors by name, nor under a usual key such as state_dict or model; it has "
                + keys(top)
                + (sets.isEmpty()
                        ? ""
                        : "; which of these sets of tensors is meant is not known: " + String.join(", ", sets));
    }

    private static String noTensor(Map.Entry<?, ?> entry) {
        return "'" + entry.getKey() + "' should be a tensor, is " + Opaque.describe(entry.getValue());
    }

    /** Whether a dictionary may be a network's weights: it names a tensor that is more than a number. */
    private static boolean holdsTensors(Map<?, ?> map) {
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (entry.getKey() instanceof String
                    && entry.getValue() instanceof HostTensor tensor
                    && tensor.shape().length > 0) {
                return true;
            }
        }
        return false;
    }

    /** What the entries beside the weights say. */
    private static Map<String, @Nullable Object> facts(Map<?, ?> map) {
        Map<Object, @Nullable Object> beside = new LinkedHashMap<>(map);
        beside.keySet().removeAll(TRAINING);
        beside.entrySet()
                .removeIf(entry -> entry.getValue() instanceof Map<?, ?>
                        && (AVERAGES.contains(entry.getKey()) || MODELS.contains(entry.getKey())));
        return new PlainFacts().of(beside);
    }

    private static String keys(Map<?, ?> map) {
        return map.keySet().stream().limit(NAMED_KEYS).map(String::valueOf).collect(Collectors.joining(", "))
                + (map.size() > NAMED_KEYS ? ", …" : "");
    }
}
