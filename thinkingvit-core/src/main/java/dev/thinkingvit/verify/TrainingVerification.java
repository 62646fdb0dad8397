package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.network.TokenPruning;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.train.Ema;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainingException;
import dev.thinkingvit.verify.Verification.Line;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Compares the trainer's mathematics with a training that another implementation recorded: the losses of every step, the
 * gradients of the first, the weights after the last step, and their moving averages. The form of the recording is that of
 * {@link RecordedTraining}: {@code input}, {@code target}, {@code losses}, and for every parameter {@code grad.*} and
 * {@code after{n}.*} after n steps; where there are any, {@code ema{n}.*} and {@code ema{n}_published.*}, each by its own
 * rule. Of halting tokens it may be of another form, {@link HaltingVerification}'s.
 *
 * <p>The steps are those of {@link Trainer} itself, in fp32. A loss may differ by the tolerance times its value, a tensor's
 * values by the tolerance times its largest, and everything by {@link #FLOOR}.
 *
 * <p>Of a network that leaves tokens out one step without an update is recorded: see {@link PruningVerification}.
 *
 * <p>A check that silently skips is no check: a tensor that is missing or of another name is a failing line, and what
 * cannot be compared ({@link RoundingNoise}) is said in its line. Losses and gradients know no such exception.
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
    private final Map<String, BitSet> moved = new HashMap<>(); // where a parameter ever had a gradient

    private static final String NORM = "grad_norm";

    private TrainingVerification(Map<String, HostTensor> start, RecordedTraining recorded, double tolerance) {
        this.start = start;
        this.recorded = recorded;
        this.tolerance = tolerance;
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
        NetworkConfig network = start.config().network();
        start.weights().forEach((name, tensor) -> RecordedTraining.finite(start.path(), name, tensor));
        TokenPruning pruning = network.pruning();
        if (pruning != null) {
            return PruningVerification.of(network, pruning, start.weights(), recording, tolerance);
        }
        if (HaltingVerification.judges(start, recording)) {
            return new Verification(
                    HaltingVerification.of(start, recording, magnitude -> Math.max(FLOOR, tolerance * magnitude)),
                    tolerance);
        }
        RecordedTraining recorded = RecordedTraining.read(recording, network);
        TrainingVerification verification = new TrainingVerification(start.weights(), recorded, tolerance);
        List<Line> lines = new ArrayList<>(verification.run(network));
        for (RecordedTraining.Clipped clipped : recorded.clipped()) {
            lines.addAll(verification.run(network, clipped));
        }
        lines.addAll(verification.leftOver());
        return new Verification(lines, tolerance);
    }

    private List<Line> run(NetworkConfig network) {
        int threads = Math.min(recorded.part().samples().length, Natives.availableCores());
        Ema.Rule constant = Ema.Rule.constant(recorded.recipe().ema().modelEmaDecay());
        List<Line> lines = new ArrayList<>();
        List<Line> gradients = List.of();
        try (NestedNetwork model = NestedNetwork.of(network, start);
                Trainer trainer = new Trainer(model, recorded.recipe(), Peers.ALONE, threads);
                Ema average = new Ema(model.parameters(), constant, 1)) {
            for (int step = 0; step < recorded.steps(); step++) {
                List<Double> losses = trainer.update(
                                List.of(recorded.part()),
                                recorded.learningRates().get(step))
                        .losses();
                lines.addAll(losses(RecordedTraining.LOSSES, recorded.losses().get(step), step, losses));
                Map<String, HostTensor> computed = copies(trainer.gradients());
                computed.forEach((parameter, gradient) ->
                        RoundingNoise.addMoved(gradient, moved.computeIfAbsent(parameter, name -> new BitSet())));
                if (step == 0) {
                    gradients = gradients(computed);
                }
                average.update(0);
                average.updated();
            }
            lines.addAll(gradients);
            lines.addAll(learningRates());
            lines.addAll(weights(recorded.weightsPrefix(), model.stateDict()));
            if (recorded.has(recorded.averagesPrefix())) {
                lines.addAll(weights(recorded.averagesPrefix(), copies(average.averages())));
            }
            if (recorded.has(recorded.publishedAveragesPrefix())) {
                lines.addAll(weights(recorded.publishedAveragesPrefix(), trainer.weights()));
            }
        }
        return lines;
    }

    /** Those of the schedule, where some were recorded. */
    private List<Line> learningRates() {
        HostTensor expected = recorded.tensors().get(RecordedTraining.RATES);
        if (expected == null) {
            return List.of();
        }
        float[] rates = new float[recorded.steps()];
        for (int step = 0; step < rates.length; step++) {
            rates[step] = recorded.learningRates().get(step).floatValue();
        }
        return List.of(
                Line.compare(RecordedTraining.RATES, expected, HostTensor.of(rates, rates.length), this::allowed));
    }

    private List<Line> run(NetworkConfig network, RecordedTraining.Clipped clipped) {
        int threads = Math.min(recorded.part().samples().length, Natives.availableCores());
        Recipe recipe = recorded.recipe().with("clip_grad", clipped.norm());
        List<Line> lines = new ArrayList<>();
        try (NestedNetwork model = NestedNetwork.of(network, start);
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, threads)) {
            for (int step = 0; step < recorded.steps(); step++) {
                Trainer.Updated updated = trainer.update(
                        List.of(recorded.part()), recorded.learningRates().get(step));
                String name = clipped.prefix() + RecordedTraining.LOSSES;
                lines.addAll(losses(name, clipped.losses().get(step), step, updated.losses()));
                lines.add(loss(
                        clipped.prefix() + NORM + "[" + (step + 1) + "]",
                        clipped.norms().get(step),
                        updated.gradientNorm()));
            }
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
    private List<Line> losses(String recording, List<Float> row, int step, List<Double> ofStages) {
        double[] weights = recorded.recipe().loss().weights(ofStages.size());
        double total = 0;
        for (int k = 0; k < weights.length; k++) {
            total += weights[k] * ofStages.get(k);
        }
        String name = recording + "[" + (step + 1) + "].";
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
        computed.forEach((parameter, came) ->
                lines.add(compare(RecordedTraining.GRADIENT + parameter, RoundingNoise.NONE, came)));
        return lines;
    }

    private List<Line> weights(String prefix, Map<String, HostTensor> computed) {
        List<Line> lines = new ArrayList<>();
        computed.forEach((parameter, came) -> {
            RoundingNoise noise = noise(parameter, came);
            Line line = compare(prefix + parameter, noise, came);
            lines.add(line.ok() && noise.count() > 0 ? withNoise(line, noise, parameter, came) : line);
        });
        return lines;
    }

    /** Gradients that are recorded in another form are failing lines already; then everything is compared. */
    private RoundingNoise noise(String parameter, HostTensor came) {
        HostTensor gradient = recorded.tensors().get(RecordedTraining.GRADIENT + parameter);
        return !recorded.isAdamW()
                        || gradient == null
                        || !gradient.dtype().isFloating()
                        || !Arrays.equals(gradient.shape(), came.shape())
                ? RoundingNoise.NONE
                : RoundingNoise.in(gradient, moved.getOrDefault(parameter, new BitSet()));
    }

    /** Noise that AdamW scaled is not compared, but it cannot lie farther from the start than AdamW can carry it. */
    private Line withNoise(Line line, RoundingNoise noise, String parameter, HostTensor came) {
        HostTensor expected = recorded.tensors().get(line.name());
        HostTensor first = start.get(parameter);
        if (expected == null || first == null) {
            return line;
        }
        double reach = RoundingNoise.reach(
                recorded.recipe().optimizer().adamW(), recorded.learningRate(), recorded.steps(), noise.largest(first));
        double moved = Math.max(noise.largestDifference(expected, first), noise.largestDifference(came, first));
        double allowed = reach + line.allowed();
        if (moved <= allowed) {
            return line.withNote(
                    noise.count() + " of " + came.elements() + " values left out: their gradient is rounding noise");
        }
        return new Line(line.name(), moved, allowed, false, "")
                .withNote("a value whose gradient is rounding noise lies farther from the start than "
                        + recorded.steps() + " steps can carry it");
    }

    private Line compare(String name, RoundingNoise noise, HostTensor came) {
        HostTensor expected = recorded.tensors().get(name);
        if (expected == null) {
            return Line.failed(name, "is missing: expected shape " + Arrays.toString(came.shape()));
        }
        if (!expected.dtype().isFloating()) {
            return Line.failed(name, "expected floating point, the recording has " + expected);
        }
        if (noise.count() == 0 || !Arrays.equals(expected.shape(), came.shape())) {
            return Line.compare(name, expected, came, this::allowed);
        }
        RoundingNoise.Pair rest = noise.without(expected, came);
        return Line.compare(name, rest.first(), rest.second(), this::allowed);
    }

    private List<Line> leftOver() {
        Set<String> known = new HashSet<>(Set.of(
                RecordedTraining.INPUT, RecordedTraining.TARGET, RecordedTraining.LOSSES, RecordedTraining.RATES));
        recorded.clipped().forEach(clipped -> {
            known.add(clipped.prefix() + RecordedTraining.LOSSES);
            known.add(clipped.prefix() + NORM);
        });
        List<String> prefixes = List.of(
                RecordedTraining.GRADIENT,
                recorded.weightsPrefix(),
                recorded.averagesPrefix(),
                recorded.publishedAveragesPrefix());
        for (String parameter : start.keySet()) {
            prefixes.forEach(prefix -> known.add(prefix + parameter));
        }
        return recorded.tensors().keySet().stream()
                .filter(name -> !known.contains(name))
                .map(name -> Line.failed(
                        name, "left over: not " + String.join("*, ", prefixes) + "* of a parameter of the model"))
                .toList();
    }
}
