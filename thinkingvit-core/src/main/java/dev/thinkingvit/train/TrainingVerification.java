package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.ModelDirectory;
import dev.thinkingvit.inference.Verification;
import dev.thinkingvit.inference.Verification.Line;
import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Compares the trainer's mathematics with a training that another implementation recorded: the losses of every step, the
 * gradients, the weights after the last step, and their moving average. The form of the recording is that of
 * {@link RecordedTraining}: {@code input}, {@code target}, {@code losses}, and for every parameter {@code grad.*},
 * {@code after{n}.*} and {@code ema{n}.*} after n steps.
 *
 * <p>The steps are those of {@link Trainer} itself, in fp32. A loss may differ by the tolerance times its value, a tensor's
 * values by the tolerance times its largest, and everything by {@link #FLOOR}.
 *
 * <p>A check that silently skips is no check: a tensor that is missing or of another name is a failing line, and what
 * cannot be compared ({@link KeyBias}) is said in its line.
 */
public final class TrainingVerification {
    /** What fp32 implementations agree within, relative to a tensor's largest value. */
    public static final double DEFAULT_TOLERANCE = 1e-4;

    /** A difference that always passes. */
    public static final double FLOOR = 1e-6;

    /** The recording's usual name, beside the model it began with. */
    public static final String RECORDING = "training.safetensors";

    private final Map<String, HostTensor> start;
    private final RecordedTraining recorded;
    private final double tolerance;
    private final double keyBiasReach;

    private TrainingVerification(Map<String, HostTensor> start, RecordedTraining recorded, double tolerance) {
        this.start = start;
        this.recorded = recorded;
        this.tolerance = tolerance;
        this.keyBiasReach =
                KeyBias.reach(recorded.recipe().optimizer().adamW(), recorded.learningRate(), recorded.steps());
    }

    /**
     * Trains as recorded and compares.
     *
     * @param start the model that the training began with; not changed
     * @param recording the file
     * @param tolerance relative to a tensor's largest value, above 0
     * @throws CheckpointException if the file cannot be read, has no usable {@code input}, {@code target} or
     *     {@code losses}, was trained in a way that the trainer does not know, or a weight is not a number
     * @throws TrainingException if a loss or a gradient is not a number on the way
     */
    public static Verification of(ModelDirectory.Model start, Path recording, double tolerance) {
        Verification.requireTolerance(tolerance);
        ThinkingViTConfig network = start.config().network();
        start.weights().forEach((name, tensor) -> RecordedTraining.finite(start.path(), name, tensor));
        RecordedTraining recorded = RecordedTraining.read(recording, network);
        TrainingVerification verification = new TrainingVerification(start.weights(), recorded, tolerance);
        List<Line> lines = new ArrayList<>(verification.run(network));
        lines.addAll(verification.leftOver());
        return new Verification(lines, tolerance);
    }

    private List<Line> run(ThinkingViTConfig network) {
        int threads = Math.min(recorded.part().samples().length, Natives.availableCores());
        List<Line> lines = new ArrayList<>();
        List<List<Line>> gradients = new ArrayList<>(); // of each step
        try (ThinkingViT model = ThinkingViT.of(network, start);
                Trainer trainer = new Trainer(model, recorded.recipe(), Peers.ALONE, threads)) {
            for (int step = 0; step < recorded.steps(); step++) {
                List<Double> losses = trainer.update(List.of(recorded.part()), recorded.learningRate())
                        .losses();
                lines.addAll(losses(step, losses));
                gradients.add(gradients(copies(trainer.gradients())));
            }
            lines.addAll(nearest(gradients));
            lines.addAll(weights(recorded.weightsPrefix(), model.stateDict()));
            lines.addAll(weights(recorded.averagesPrefix(), trainer.weights()));
        }
        return lines;
    }

    private static Map<String, HostTensor> copies(Map<String, Tensor> tensors) {
        Map<String, HostTensor> copies = new LinkedHashMap<>();
        try (Scope scope = new Scope()) {
            tensors.forEach((name, tensor) -> copies.put(name, Tensors.toHost(tensor)));
        }
        return copies;
    }

    /** A line for each loss of a step from 0: they are numbers of their own, of which a small one matters as well. */
    private List<Line> losses(int step, List<Double> ofStages) {
        double[] weights = recorded.recipe().loss().weights(ofStages.size());
        double total = 0;
        for (int k = 0; k < weights.length; k++) {
            total += weights[k] * ofStages.get(k);
        }
        List<Float> row = recorded.losses().get(step);
        String name = RecordedTraining.LOSSES + "[" + (step + 1) + "].";
        List<Line> lines = new ArrayList<>();
        lines.add(loss(name + "total", row.get(0), total));
        for (int k = 0; k < weights.length; k++) {
            lines.add(loss(name + "stage" + (k + 1), row.get(1 + k), ofStages.get(k)));
        }
        return lines;
    }

    private Line loss(String name, float expected, double came) {
        return Line.compare(
                name, HostTensor.of(new float[] {expected}), HostTensor.of(new float[] {(float) came}), this::allowed);
    }

    private double allowed(double magnitude) {
        return Math.max(FLOOR, tolerance * magnitude);
    }

    private List<Line> gradients(Map<String, HostTensor> computed) {
        List<Line> lines = new ArrayList<>();
        computed.forEach((parameter, came) -> {
            String name = RecordedTraining.GRADIENT + parameter;
            HostTensor expected = recorded.tensors().get(name);
            Line line = compare(name, parameter, expected, came);
            lines.add(
                    expected == null || !line.ok() || !KeyBias.isIn(parameter)
                            ? line
                            : keyBiasGradient(line, expected, came));
        });
        return lines;
    }

    /** Nothing but noise on either side; a gradient there is a mistake in attention. */
    private static Line keyBiasGradient(Line line, HostTensor expected, HostTensor came) {
        double theirs = KeyBias.largest(expected);
        double ours = KeyBias.largest(came);
        double largest = Math.max(theirs, ours);
        if (largest <= line.allowed()) {
            return line.withNote(
                    String.format(Locale.ROOT, "key bias apart: no gradient, at most %.1e on either side", largest));
        }
        String side = ours >= theirs ? "the model gives" : "the recording has";
        return new Line(line.name(), largest, line.allowed(), false, "")
                .withNote("the key bias can have no gradient, " + side + " " + (float) largest);
    }

    private List<Line> weights(String prefix, Map<String, HostTensor> computed) {
        List<Line> lines = new ArrayList<>();
        computed.forEach((parameter, came) -> {
            HostTensor expected = recorded.tensors().get(prefix + parameter);
            HostTensor first = start.get(parameter);
            Line line = compare(prefix + parameter, parameter, expected, came);
            lines.add(
                    expected == null || first == null || !line.ok() || !KeyBias.isIn(parameter)
                            ? line
                            : keyBiasWeights(line, first, expected, came));
        });
        return lines;
    }

    /** Noise that AdamW scaled is not compared, but it cannot lie farther from the start than AdamW can carry it. */
    private Line keyBiasWeights(Line line, HostTensor first, HostTensor expected, HostTensor came) {
        double moved = Math.max(KeyBias.largestDifference(expected, first), KeyBias.largestDifference(came, first));
        double allowed = keyBiasReach + line.allowed();
        if (moved <= allowed) {
            return line.withNote("key bias left out: it has no gradient");
        }
        return new Line(line.name(), moved, allowed, false, "")
                .withNote("the key bias lies farther from the start than " + recorded.steps() + " steps can carry it");
    }

    private Line compare(String name, String parameter, @Nullable HostTensor expected, HostTensor came) {
        if (expected == null) {
            return Line.failed(name, "is missing: expected shape " + Arrays.toString(came.shape()));
        }
        if (!expected.dtype().isFloating()) {
            return Line.failed(name, "expected floating point, the recording has " + expected);
        }
        if (!KeyBias.isIn(parameter) || !Arrays.equals(expected.shape(), came.shape())) {
            return Line.compare(name, expected, came, this::allowed);
        }
        KeyBias.Pair rest = KeyBias.without(expected, came);
        return Line.compare(name, rest.first(), rest.second(), this::allowed);
    }

    /**
     * The comparison with the step whose gradients these are: recordings differ in whether they keep the first's or the
     * last's.
     */
    private static List<Line> nearest(List<List<Line>> steps) {
        Comparator<List<Line>> byFailures = Comparator.comparingLong(
                lines -> lines.stream().filter(line -> !line.ok()).count());
        Comparator<List<Line>> byDifference = Comparator.comparingDouble(lines -> lines.stream()
                .filter(line -> !Double.isNaN(line.largestDifference()))
                .mapToDouble(line -> line.largestDifference() / line.allowed())
                .sum());
        int best = 0;
        for (int step = 1; step < steps.size(); step++) {
            if (byFailures.thenComparing(byDifference).compare(steps.get(step), steps.get(best)) < 0) {
                best = step;
            }
        }
        List<Line> lines = steps.get(best);
        boolean fits = lines.stream().anyMatch(Line::ok);
        String note = fits ? "of step " + (best + 1) : "of no step; step " + (best + 1) + " is nearest";
        return lines.stream()
                .map(line -> Double.isNaN(line.largestDifference()) ? line : line.withNote(note))
                .toList();
    }

    private List<Line> leftOver() {
        Set<String> known =
                new HashSet<>(Set.of(RecordedTraining.INPUT, RecordedTraining.TARGET, RecordedTraining.LOSSES));
        for (String parameter : start.keySet()) {
            known.add(RecordedTraining.GRADIENT + parameter);
            known.add(recorded.weightsPrefix() + parameter);
            known.add(recorded.averagesPrefix() + parameter);
        }
        return recorded.tensors().keySet().stream()
                .filter(name -> !known.contains(name))
                .map(name -> Line.failed(
                        name,
                        "left over: neither " + RecordedTraining.GRADIENT + "*, " + recorded.weightsPrefix() + "* nor "
                                + recorded.averagesPrefix() + "* of a parameter"))
                .toList();
    }
}
