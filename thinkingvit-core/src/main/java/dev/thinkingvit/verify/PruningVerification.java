package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.Gumbel;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.TokenPruning;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.train.Objective;
import dev.thinkingvit.train.PruningObjective;
import dev.thinkingvit.train.PruningRecipe;
import dev.thinkingvit.train.PruningRecipe.Distance;
import dev.thinkingvit.verify.Verification.Line;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The training pass of a network that leaves tokens out, held to a recorded one whose noise is given: everything that the
 * trainer's loss is made of, and every gradient.
 *
 * <p>{@code B} images, {@code n} patches, {@code d} width of the last stage, {@code C} classes, {@code K} stages.
 *
 * <p>A safetensors file: {@code input} (B, 3, h, w), {@code target} (B, C), for predictor j {@code gumbel.{j}} (B, n, 2); of
 * the pass {@code stage{k}.logits}, or {@code logits} of one stage, {@code tokens} (B, n, d), {@code decision.{j}} (B, n) and
 * the last of them as {@code mask} (B, n, 1); {@code teacher.logits} and {@code teacher.tokens} of the same weights without
 * leaving any out; {@code losses} (5): total, class (last stage), ratio, class and token distillation, the total weighed as the
 * metadata's {@code total} says; the same with the KL form of the last, {@code token_kl_losses}; {@code class_losses} (K);
 * {@code grad.*} of the total and {@code ratio_grad.*} of the ratio alone. Gradients of parameters that the metadata calls
 * {@code unused} are zeros.
 */
final class PruningVerification {
    private static final Pattern TOTAL =
            Pattern.compile("class \\+ (NUMBER) \\* ratio / predictors \\+ (NUMBER) \\* class"
                    .concat(" distillation \\+ (NUMBER) \\* token distillation")
                    .replace("NUMBER", "\\d+(?:\\.\\d+)?"));
    private static final List<String> LOSSES =
            List.of("total", "class", "ratio", "class_distillation", "token_distillation");
    private static final String GRADIENT = "grad.";
    private static final String RATIO_GRADIENT = "ratio_grad.";

    private final NetworkConfig config;
    private final TokenPruning pruning;
    private final Map<String, HostTensor> start;
    private final Path file;
    private final Map<String, HostTensor> recorded;
    private final Map<String, String> metadata;
    private final double tolerance;
    private final Map<String, HostTensor> came = new LinkedHashMap<>();

    private PruningVerification(
            NetworkConfig config,
            TokenPruning pruning,
            Map<String, HostTensor> start,
            Path file,
            Safetensors.Contents contents,
            double tolerance) {
        this.config = config;
        this.pruning = pruning;
        this.start = start;
        this.file = file;
        this.recorded = contents.tensors();
        this.metadata = contents.metadata();
        this.tolerance = tolerance;
    }

    /** See {@link TrainingVerification#of}. */
    static Verification of(
            NetworkConfig config, TokenPruning pruning, Map<String, HostTensor> start, Path file, double tolerance) {
        PruningVerification verification =
                new PruningVerification(config, pruning, start, file, Safetensors.read(file), tolerance);
        Libtorch.load();
        Natives.onThisThreadOnly(() -> {
            try (Scope scope = new Scope()) {
                verification.compute();
            }
            return null;
        });
        return new Verification(verification.lines(), tolerance);
    }

    private void compute() {
        ImageSize size = config.imageSize();
        Tensor images = given("input", -1, 3, size.height(), size.width());
        long batch = images.size(0);
        Tensor targets = given("target", batch, config.numClasses());
        int predictors = pruning.predictors();
        List<Tensor> noise = new ArrayList<>();
        for (int j = 0; j < predictors; j++) {
            noise.add(given("gumbel." + j, batch, pruning.patches(), 2));
        }
        Gumbel gumbel = (stage, choice, tokens) -> noise.get(choice);

        Network.Output<Tensor> taught = last(teacher().forward(images, config.stages(), DropPath.NONE));
        Tensor taughtTokens = taught.tokens().narrow(1, 1, pruning.patches());
        note("teacher.logits", taught.prediction());
        note("teacher.tokens", taughtTokens);
        Objective.Wanted wanted = new Objective.Wanted(targets, taught.prediction(), taughtTokens);

        List<PruningObjective.Parts> parts = new ArrayList<>();
        PruningRecipe recipe = recipe(Distance.MSE);
        PruningObjective objective = new PruningObjective(pruning, recipe);
        gradients(GRADIENT, images, gumbel, (stage, output) -> {
            parts.add(objective.parts(output, wanted));
            noteOutput(stage, output);
            if (stage < config.stages()) {
                return null;
            }
            Objective.Loss loss = objective.of(output, wanted);
            Tensor beside = loss.beside();
            losses("losses", parts.get(stage - 1), recipe, batch);
            PruningRecipe kl = recipe(Distance.KL);
            losses("token_kl_losses", new PruningObjective(pruning, kl).parts(output, wanted), kl, batch);
            Tensor total = beside == null ? loss.total() : loss.total().add(beside);
            return total.div(new Scalar((double) batch));
        });
        float[] labels = new float[parts.size()];
        for (int k = 0; k < labels.length; k++) {
            labels[k] = (float) (value(parts.get(k).labels()) / batch);
        }
        came.put("class_losses", HostTensor.of(labels, labels.length));
        if (recorded.keySet().stream().anyMatch(name -> name.startsWith(RATIO_GRADIENT))) {
            gradients(RATIO_GRADIENT, images, gumbel, (stage, output) -> {
                Tensor ratio = objective.parts(output, wanted).ratio();
                return ratio == null ? null : ratio.div(new Scalar((double) batch));
            });
        }
    }

    private interface Loss {
        @Nullable Tensor of(int stage, Network.Output<Tensor> output);
    }

    private void gradients(String prefix, Tensor images, Gumbel gumbel, Loss loss) {
        Map<String, Tensor> sums = new LinkedHashMap<>();
        for (Parameter parameter : config.parameters().all()) {
            sums.put(
                    parameter.name(),
                    Tensors.floats(new float[Math.toIntExact(parameter.elements())], 0, parameter.shape()));
        }
        NestedWeights replica = NestedWeights.cut(config.network(), natives(start), ScalarType.Float)
                .replica();
        replica.backward(images, config.stages(), loss::of, true, DropPath.NONE, gumbel, false);
        replica.addGradientsTo(sums);
        sums.forEach((name, sum) -> note(prefix + name, sum));
    }

    private NestedWeights teacher() {
        NetworkConfig whole = config.unpruned();
        return NestedWeights.cut(whole.network(), natives(whole.ownOf(start)), ScalarType.Float);
    }

    private static Map<String, Tensor> natives(Map<String, HostTensor> weights) {
        Map<String, Tensor> natives = new LinkedHashMap<>();
        weights.forEach((name, tensor) -> natives.put(name, Tensors.floats(tensor.toFloats(), 0, tensor.shape())));
        return natives;
    }

    private static Network.Output<Tensor> last(List<Network.Output<Tensor>> outputs) {
        return outputs.get(outputs.size() - 1);
    }

    private void noteOutput(int stage, Network.Output<Tensor> output) {
        note(config.stages() == 1 ? "logits" : "stage" + stage + ".logits", output.prediction());
        if (stage < config.stages()) {
            return;
        }
        note("tokens", output.tokens().narrow(1, 1, pruning.patches()));
        for (int j = 0; j < pruning.predictors(); j++) {
            Tensor decision = output.extras().get(TokenPruning.keptTokens(j));
            if (decision != null) {
                note("decision." + j, decision);
                note("mask", decision.unsqueeze(2));
            }
        }
    }

    private void losses(String name, PruningObjective.Parts parts, PruningRecipe recipe, long batch) {
        double labels = value(parts.labels()) / batch;
        double ratio = value(parts.ratio()) / batch;
        double classes = value(parts.classes()) / batch;
        double tokens = value(parts.tokens()) / batch;
        double total = labels
                + recipe.ratioWeight() * ratio / pruning.predictors()
                + recipe.classDistillation() * classes
                + recipe.tokenDistillation() * tokens;
        float[] all = {(float) total, (float) labels, (float) ratio, (float) classes, (float) tokens};
        came.put(name, HostTensor.of(all, all.length));
    }

    private static double value(@Nullable Tensor scalar) {
        return scalar == null ? 0 : scalar.item().toDouble();
    }

    private void note(String name, Tensor tensor) {
        came.put(name, Tensors.toHost(tensor.detach().contiguous()));
    }

    /** The weights that the metadata's words name; the published ones if it has none. */
    private PruningRecipe recipe(Distance distance) {
        String words = metadata.get("total");
        double ratio = 2;
        double classes = 0.5;
        double tokens = 0.5;
        if (words != null) {
            Matcher total = TOTAL.matcher(words);
            if (!total.matches()) {
                throw new CheckpointException(
                        file,
                        "metadata total must read 'class + W * ratio / predictors + W * class distillation + W * token"
                                + " distillation', got '" + words + "'");
            }
            ratio = Double.parseDouble(total.group(1));
            classes = Double.parseDouble(total.group(2));
            tokens = Double.parseDouble(total.group(3));
        }
        return new PruningRecipe(ratio, classes, tokens, distance, 1, 0, true);
    }

    /** @param shape -1 for a first size that is the recording's own matter, at least 1 */
    private Tensor given(String name, long... shape) {
        HostTensor tensor = recorded.get(name);
        long[] size = tensor == null ? new long[0] : tensor.shape();
        boolean fits = tensor != null
                && tensor.dtype().isFloating()
                && size.length == shape.length
                && size[0] >= 1
                && (shape[0] == -1 || size[0] == shape[0])
                && Arrays.equals(size, 1, size.length, shape, 1, shape.length);
        if (!fits || tensor == null) {
            throw new CheckpointException(
                    file,
                    "tensor " + name + " does not fit the model: expected floating point "
                            + Arrays.toString(shape).replace("-1", "at least 1") + ", came "
                            + (tensor == null ? "none" : tensor));
        }
        return Tensors.floats(RecordedTraining.finite(file, name, tensor), 0, size);
    }

    private List<Line> lines() {
        List<Line> lines = new ArrayList<>();
        List<String> unused = Arrays.asList(metadata.getOrDefault("unused", "").split(","));
        recorded.forEach((name, expected) -> {
            HostTensor computed = came.get(name);
            if (List.of("input", "target").contains(name) || name.startsWith("gumbel.")) {
                return;
            }
            if (name.startsWith(GRADIENT) && unused.contains(name.substring(GRADIENT.length()))) {
                lines.add(Line.compare(
                        name,
                        expected,
                        HostTensor.of(new float[(int) expected.elements()], expected.shape()),
                        large -> 0));
            } else if (computed == null) {
                lines.add(Line.failed(name, "left over: nothing of that name is computed"));
            } else if (name.endsWith("losses") && Arrays.equals(expected.shape(), computed.shape())) {
                lines.addAll(eachLoss(name, expected.toFloats(), computed.toFloats()));
            } else {
                lines.add(Line.compare(name, expected, computed, this::allowed));
            }
        });
        List<String> needed = new ArrayList<>(List.of("losses"));
        config.parameterShapes().keySet().forEach(name -> needed.add(GRADIENT + name));
        for (String name : needed) {
            if (!recorded.containsKey(name)) {
                lines.add(Line.failed(name, "is missing"));
            }
        }
        return lines;
    }

    /** A line for each, since a small one matters as well. */
    private List<Line> eachLoss(String name, float[] expected, float[] computed) {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < expected.length; i++) {
            String which = name.equals("class_losses") ? "stage" + (i + 1) : LOSSES.get(i);
            lines.add(Line.compare(
                    name + "." + which,
                    HostTensor.of(new float[] {expected[i]}),
                    HostTensor.of(new float[] {computed[i]}),
                    this::allowed));
        }
        return lines;
    }

    private double allowed(double magnitude) {
        return Math.max(TrainingVerification.FLOOR, tolerance * magnitude);
    }
}
