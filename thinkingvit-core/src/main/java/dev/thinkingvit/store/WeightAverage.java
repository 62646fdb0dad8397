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
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One model whose every weight is the mean of several models' (a "model soup": Wortsman et al., 2022; of one training's course,
 * "stochastic weight averaging": Izmailov et al., 2018). It costs what one of them costs, and usually scores better than
 * each, if they began alike: weights of trainings that share no start mean nothing together.
 *
 * @param model the average, F32, as the first is configured, but without thresholds and what was measured of them
 * @param apart how far each of the models lies from the first: the length of the difference of their weights over the length of
 *     the first's. About 1.4 where two were drawn apart from each other; the first's own is 0
 */
public record WeightAverage(ModelDirectory.Model model, List<Double> apart) {
    /** From here on, models hardly began alike. */
    private static final double STRANGERS = 1;

    public WeightAverage {
        Objects.requireNonNull(model, "the model is null");
        apart = List.copyOf(apart);
    }

    /**
     * @param models at least two, of one shape, that see pictures alike and name their classes alike; one that comes twice counts
     *     twice
     * @throws CheckpointException if one does not fit the first, or has a weight that is no finite number
     */
    public static WeightAverage of(List<ModelDirectory.Model> models) {
        if (models.size() < 2) {
            throw new IllegalArgumentException("an average is of at least 2 models, got " + models.size());
        }
        ModelDirectory.Model first = models.get(0);
        models.forEach(model -> requireAlike(model, first));
        double length = 0;
        double[] distances = new double[models.size()];
        Map<String, HostTensor> averages = new LinkedHashMap<>();
        for (Map.Entry<String, HostTensor> each : first.weights().entrySet()) {
            float[] own = floats(first, each.getKey());
            double[] sums = new double[own.length];
            length += dot(own, own);
            for (int i = 0; i < models.size(); i++) {
                float[] others = i == 0 ? own : floats(models.get(i), each.getKey());
                for (int j = 0; j < own.length; j++) {
                    sums[j] += others[j];
                    double difference = (double) others[j] - own[j];
                    distances[i] += difference * difference;
                }
            }
            float[] mean = new float[own.length];
            for (int j = 0; j < own.length; j++) {
                mean[j] = (float) (sums[j] / models.size());
            }
            averages.put(each.getKey(), HostTensor.of(mean, each.getValue().shape()));
        }
        double whole = length == 0 ? 1 : length;
        ModelConfig config = first.config();
        return new WeightAverage(
                new ModelDirectory.Model(
                        first.path(),
                        config.withRouting(new Routing(config.routing().router(), List.of(), null))
                                .withTraining(JsonText.EMPTY),
                        averages),
                Arrays.stream(distances)
                        .mapToObj(distance -> Math.sqrt(distance / whole))
                        .toList());
    }

    /** Whether a model is so far from the first that they hardly began alike. */
    public boolean isStranger(int index) {
        return apart.get(index) >= STRANGERS;
    }

    private static float[] floats(ModelDirectory.Model model, String name) {
        float[] values = Objects.requireNonNull(model.weights().get(name), name)
                .toFloats(); // models have all of their network's
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

    private static void requireAlike(ModelDirectory.Model model, ModelDirectory.Model first) {
        NetworkConfig network = model.config().network();
        NetworkConfig firsts = first.config().network();
        if (!network.equals(firsts)) {
            List<String> its = new ArrayList<>();
            List<String> those = new ArrayList<>();
            differences(network, firsts, its, those);
            throw new CheckpointException(
                    model.path(),
                    "is " + Words.a(network.title()) + " with " + String.join(", ", its) + ", " + first.path() + " is "
                            + (firsts.title().equals(network.title()) ? "one" : Words.a(firsts.title())) + " with "
                            + String.join(", ", those) + ": an average is of networks of one shape");
        }
        List<String> labels = model.config().labels();
        if (!labels.equals(first.config().labels())) {
            throw new CheckpointException(
                    model.path(), "names its classes otherwise than " + first.path() + ": an average is of one task");
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

    /** What two unequal networks have each of what tells them apart. */
    private static void differences(NetworkConfig one, NetworkConfig other, List<String> ones, List<String> others) {
        differ("stages", one.shorthand(), other.shorthand(), ones, others);
        differ("input", one.imageSize(), other.imageSize(), ones, others);
        differ("classes", one.numClasses(), other.numClasses(), ones, others);
        Map<String, Object> shape = one.shape();
        Map<String, Object> otherShape = other.shape();
        shape.forEach((key, value) -> differ(key, value, otherShape.get(key), ones, others));
        if (ones.isEmpty()) {
            ones.add(one.toString());
            others.add(other.toString());
        }
    }

    private static void differ(
            String what, Object one, @Nullable Object other, List<String> ones, List<String> others) {
        if (!one.equals(other)) {
            ones.add(what + " " + one);
            others.add(what + " " + other);
        }
    }
}
