package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One model whose every weight is the mean of several models' (a "model soup": Wortsman et al., 2022; of one training's course,
 * "stochastic weight averaging": Izmailov et al., 2018). It costs what one of them costs, and often scores better than
 * each, if they began alike: weights of trainings that share no start mean nothing together.
 *
 * @param model the average, F32, as the first is configured, but without thresholds and what was measured of them; what their
 *     files say besides only where all say it
 * @param likeness how alike each model's weights are to the first's: the cosine of the angle between their matrices, norms and
 *     biases apart. 1 where they are the same, about 0 where two were drawn apart from each other
 */
public record WeightAverage(ModelDirectory.Model model, List<Double> likeness) {
    /** Below, models hardly began alike. */
    private static final double STRANGERS = 0.5;

    /** Keys of a configuration that are written anew, or are the first's by what was required of all. */
    private static final Set<String> REWRITTEN = Set.of(
            "architecture",
            "num_classes",
            "num_features",
            "global_pool",
            "model_args",
            "pretrained_cfg",
            "label_names");

    public WeightAverage {
        Objects.requireNonNull(model, "the model is null");
        likeness = List.copyOf(likeness);
    }

    /**
     * @param models at least two, of one shape, that normalise pictures alike and do not name their classes otherwise; one that
     *     comes twice counts twice
     * @throws CheckpointException if one does not fit the first, or has a weight that is no finite number
     */
    public static WeightAverage of(List<ModelDirectory.Model> models) {
        if (models.size() < 2) {
            throw new IllegalArgumentException("an average is of at least 2 models, got " + models.size());
        }
        ModelDirectory.Model first = models.get(0);
        models.forEach(model -> requireAlike(model, first));
        List<String> labels = labels(models);
        double[] lengths = new double[models.size()];
        double[] products = new double[models.size()];
        Map<String, HostTensor> averages = new LinkedHashMap<>();
        for (Map.Entry<String, HostTensor> each : first.weights().entrySet()) {
            long[] shape = each.getValue().shape();
            float[] own = floats(first, each.getKey());
            double[] sums = new double[own.length];
            for (int i = 0; i < models.size(); i++) {
                float[] others = i == 0 ? own : floats(models.get(i), each.getKey());
                for (int j = 0; j < own.length; j++) {
                    sums[j] += others[j];
                }
                if (shape.length > 1) {
                    lengths[i] += dot(others, others);
                    products[i] += dot(own, others);
                }
            }
            float[] mean = new float[own.length];
            for (int j = 0; j < own.length; j++) {
                mean[j] = (float) (sums[j] / models.size());
            }
            averages.put(each.getKey(), HostTensor.of(mean, shape));
        }
        List<Double> likeness = new ArrayList<>();
        for (int i = 0; i < models.size(); i++) {
            double both = Math.sqrt(lengths[0]) * Math.sqrt(lengths[i]);
            likeness.add(i == 0 ? 1 : both == 0 ? 0 : products[i] / both);
        }
        ModelConfig config = first.config();
        return new WeightAverage(
                new ModelDirectory.Model(
                        first.path(),
                        new ModelConfig(
                                config.network(),
                                config.preprocessing(),
                                labels,
                                new Routing(config.routing().router(), List.of(), null),
                                JsonText.EMPTY,
                                common(models)),
                        averages),
                likeness);
    }

    /** Whether a model is so unlike the first that they hardly began alike. */
    public boolean isStranger(int index) {
        return likeness.get(index) < STRANGERS;
    }

    private static float[] floats(ModelDirectory.Model model, String name) {
        HostTensor tensor = model.weights().get(name);
        if (tensor == null) {
            throw new IllegalStateException("no tensor " + name); // a model has all of its network's
        }
        float[] values = tensor.toFloats();
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new CheckpointException(
                        model.path(), name + " has a value that is no finite number, which would spoil the average");
            }
        }
        return values;
    }

    private static double dot(float[] one, float[] other) {
        double sum = 0;
        for (int i = 0; i < one.length; i++) {
            sum += (double) one[i] * other[i];
        }
        return sum;
    }

    /** Those that any names; all that name some name the same. */
    private static List<String> labels(List<ModelDirectory.Model> models) {
        ModelDirectory.Model naming = null;
        for (ModelDirectory.Model model : models) {
            List<String> labels = model.config().labels();
            if (labels.isEmpty()) {
                continue;
            }
            if (naming == null) {
                naming = model;
            } else if (!labels.equals(naming.config().labels())) {
                throw new CheckpointException(
                        model.path(),
                        "names its classes otherwise than " + naming.path() + ": an average is of one task");
            }
        }
        return naming == null ? List.of() : naming.config().labels();
    }

    /** What the files say besides, a licence or where a model is from, is the average's where all of them say it. */
    private static JsonText common(List<ModelDirectory.Model> models) {
        ObjectNode first = ModelConfigJson.tree(models.get(0).config().source());
        for (ModelDirectory.Model model : models) {
            ObjectNode other = ModelConfigJson.tree(model.config().source());
            keepCommon(first, other, REWRITTEN);
            if (first.get("pretrained_cfg") instanceof ObjectNode own) {
                if (other.get("pretrained_cfg") instanceof ObjectNode others) {
                    keepCommon(own, others, Set.of());
                } else {
                    first.remove("pretrained_cfg");
                }
            }
        }
        return new JsonText(JsonTrees.text(first));
    }

    private static void keepCommon(ObjectNode own, ObjectNode other, Set<String> kept) {
        for (String key : new ArrayList<>(own.propertyNames())) {
            JsonNode value = own.get(key);
            if (!kept.contains(key) && !value.equals(other.get(key))) {
                own.remove(key);
            }
        }
    }

    private static void requireAlike(ModelDirectory.Model model, ModelDirectory.Model first) {
        NetworkConfig network = model.config().network();
        NetworkConfig firsts = first.config().network();
        if (!network.equals(firsts)) {
            boolean sameKind =
                    network.architecture().name().equals(firsts.architecture().name());
            throw new CheckpointException(
                    model.path(),
                    "is " + Words.a(network.title()) + " "
                            + (sameKind ? "with " + differences(network, firsts) : network.shorthand())
                            + ", " + first.path() + " is "
                            + (sameKind
                                    ? "one with " + differences(firsts, network)
                                    : Words.a(firsts.title()) + " " + firsts.shorthand())
                            + ": an average is of networks of one shape");
        }
        Preprocessing input = model.config().preprocessing();
        Preprocessing firstInput = first.config().preprocessing();
        if (!Arrays.equals(input.mean(), firstInput.mean()) || !Arrays.equals(input.std(), firstInput.std())) {
            throw new CheckpointException(
                    model.path(),
                    "normalises pictures with mean " + Arrays.toString(input.mean()) + " and std "
                            + Arrays.toString(input.std()) + ", " + first.path() + " with "
                            + Arrays.toString(firstInput.mean()) + " and " + Arrays.toString(firstInput.std())
                            + ": an average is of models that see alike");
        }
    }

    /** What a network has of the arguments that tell it from another of its kind. */
    private static String differences(NetworkConfig one, NetworkConfig other) {
        Map<String, @Nullable Object> its =
                new LinkedHashMap<>(one.architecture().write(one));
        Map<String, @Nullable Object> others =
                new LinkedHashMap<>(other.architecture().write(other));
        its.put("num_classes", one.numClasses());
        others.put("num_classes", other.numClasses());
        Set<String> keys = new LinkedHashSet<>(its.keySet());
        keys.addAll(others.keySet());
        List<String> differing = new ArrayList<>();
        for (String key : keys) {
            if (!Objects.equals(its.get(key), others.get(key))) {
                differing.add(its.get(key) == null ? "no " + key : key + " " + its.get(key));
            }
        }
        return String.join(", ", differing);
    }
}
