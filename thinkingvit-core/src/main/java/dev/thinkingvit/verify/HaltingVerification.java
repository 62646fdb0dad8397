package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.train.HaltingLoss;
import dev.thinkingvit.train.HaltingRecipe;
import dev.thinkingvit.train.HaltingRecipe.HaltedTokens;
import dev.thinkingvit.train.Objective;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.verify.Verification.Line;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Compares the trainer's mathematics of halting tokens with what another implementation recorded of one batch, in one or
 * several settings of the losses. {@code B} images, {@code C} classes.
 *
 * <p>A safetensors file: {@code input} (B, 3, h, w), normalised; {@code target} (B, C); and for each setting, whose names
 * begin with its own and a dot, or with nothing, {@code losses} (4): the total, the soft-target cross entropy, the ponder
 * loss and the prior, both weighed; {@code grad.*} of every parameter; it may have {@code logits} (B, C). Its metadata names the weights,
 * {@code ponder_token_scale} and {@code distr_prior_alpha}: a number, and after semicolons the settings for which it is another one,
 * as in {@code 0.0005 ; strong.* and noprior.* 0.01}. It may name {@code distr_prior_depth}, else the
 * published 8. A setting without a prior is trained twice, the second time with halted
 * tokens removed, of which the same is expected.
 */
final class HaltingVerification {
    private static final String SCALE = "ponder_token_scale";
    private static final String ALPHA = "distr_prior_alpha";
    private static final String LOGITS = "logits";
    private static final List<String> PARTS = List.of("total", "cross_entropy", "ponder", "prior");
    private static final Pattern SETTING = Pattern.compile("(?:(\\w+)\\.)?" + RecordedTraining.LOSSES);
    private static final Pattern EXCEPTION = Pattern.compile("(\\w+)\\.\\*");

    private final Path file;
    private final ModelDirectory.Model start;
    private final Safetensors.Contents contents;
    private final DoubleUnaryOperator allowed;
    private final Set<String> known = new HashSet<>(Set.of(RecordedTraining.INPUT, RecordedTraining.TARGET));
    private final List<Line> lines = new ArrayList<>();

    private HaltingVerification(
            Path file, ModelDirectory.Model start, Safetensors.Contents contents, DoubleUnaryOperator allowed) {
        this.file = file;
        this.start = start;
        this.contents = contents;
        this.allowed = allowed;
    }

    /** Whether a file is of this form, and the model of that kind. */
    static boolean judges(ModelDirectory.Model start, Path file) {
        return start.config().network().halting() != null
                && Safetensors.read(file).metadata().containsKey(SCALE);
    }

    /**
     * Trains as recorded and compares.
     *
     * @param allowed the largest difference that passes, given the largest absolute value that was recorded
     */
    static List<Line> of(ModelDirectory.Model start, Path file, DoubleUnaryOperator allowed) {
        HaltingVerification verification = new HaltingVerification(file, start, Safetensors.read(file), allowed);
        Set<String> settings = new TreeSet<>();
        for (String name : verification.contents.tensors().keySet()) {
            Matcher losses = SETTING.matcher(name);
            if (losses.matches()) {
                settings.add(losses.group(1) == null ? "" : losses.group(1));
            }
        }
        if (settings.isEmpty()) {
            throw new CheckpointException(file, "tensor " + RecordedTraining.LOSSES + " is missing: expected [4]");
        }
        for (String setting : settings) {
            verification.run(setting, HaltedTokens.MASKED);
            if (verification.weight(ALPHA, setting) == 0) {
                verification.run(setting, HaltedTokens.REMOVED);
            }
        }
        verification.leftOver();
        return verification.lines;
    }

    private void run(String setting, HaltedTokens halted) {
        String prefix = setting.isEmpty() ? "" : setting + ".";
        String how = halted == HaltedTokens.MASKED ? "" : ", halted tokens removed";
        double alpha = weight(ALPHA, setting);
        HaltingRecipe halting = new HaltingRecipe(weight(SCALE, setting), alpha, depth(alpha), halted);
        float[] images = RecordedTraining.floats(
                file,
                contents,
                RecordedTraining.INPUT,
                -1,
                3,
                start.config().network().imageSize().height(),
                start.config().network().imageSize().width());
        int batch = images.length / start.config().network().imageSize().values();
        float[] targets = RecordedTraining.floats(
                file,
                contents,
                RecordedTraining.TARGET,
                batch,
                start.config().network().numClasses());
        // one worker: the prior looks at the mean over all images
        Map<String, Object> changes = new LinkedHashMap<>();
        NetworkConfig network = start.config().network();
        changes.put("architecture", network.architecture().name());
        changes.put("model_kwargs", network.architecture().write(network));
        changes.put("min_lr", 0);
        changes.put("batch_size", batch);
        changes.put("precision", "fp32");
        changes.put("halted_tokens", halted.name().toLowerCase(Locale.ROOT));
        Recipe recipe = RecipeFile.with(Recipe.DEFAULT, changes);
        Watched objective = new Watched(new HaltingLoss(halting, Objective.of(recipe)), Objective.of(recipe));
        try (NestedNetwork model = NestedNetwork.of(start.config().network(), start.weights());
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 1, null, objective)) {
            trainer.update(List.of(new Trainer.Part(images, targets, new int[batch])), 0);
            Map<String, HostTensor> computed = new LinkedHashMap<>();
            for (int i = 0; i < PARTS.size(); i++) {
                double sum = objective.sums[i];
                HostTensor losses = contents.tensors().get(prefix + RecordedTraining.LOSSES);
                String name = prefix + RecordedTraining.LOSSES + "." + PARTS.get(i) + how;
                lines.add(
                        losses == null || losses.elements() != PARTS.size()
                                ? Line.failed(name, "expected [4], came " + losses)
                                : Line.compare(
                                        name,
                                        HostTensor.of(new float[] {losses.toFloats()[i]}, 1),
                                        HostTensor.of(new float[] {(float) (sum / batch)}, 1),
                                        allowed));
            }
            known.add(prefix + RecordedTraining.LOSSES);
            try (Scope scope = new Scope()) {
                trainer.gradients()
                        .forEach((name, tensor) ->
                                computed.put(RecordedTraining.GRADIENT + name, Tensors.toHost(tensor)));
            }
            if (objective.logits != null) {
                computed.put(LOGITS, objective.logits);
            }
            computed.forEach((name, came) -> compare(prefix + name, how, came));
        }
    }

    /** @param how the result came about, where it is not as recorded */
    private void compare(String name, String how, HostTensor came) {
        HostTensor expected = contents.tensors().get(name);
        known.add(name);
        if (expected != null) {
            lines.add(Line.compare(name + how, expected, came, allowed));
        } else if (!name.endsWith(LOGITS)) {
            lines.add(Line.failed(name + how, "is missing: expected " + came));
        }
    }

    private void leftOver() {
        for (String name : contents.tensors().keySet()) {
            if (!known.contains(name)) {
                lines.add(Line.failed(name, "left over: neither losses, logits nor grad.* of a parameter"));
            }
        }
    }

    /** Of the recording's prior; of none, where it weighs nothing, any. */
    private int depth(double alpha) {
        Halting halts = start.config().network().halting();
        if (halts == null || alpha == 0) {
            return 1;
        }
        return HaltingScores.prior(file, contents.metadata(), halts.blocks()).depth();
    }

    /** A weight in a setting, of {@code 0.0005 ; strong.* and noprior.* 0.01}. */
    private double weight(String key, String setting) {
        String said = contents.metadata().getOrDefault(key, "");
        double weight = Double.NaN;
        for (String part : said.split(";", -1)) {
            String[] words = part.strip().split("\\s+", -1);
            boolean plain = words.length == 1;
            boolean meant = plain;
            for (String word : words) {
                Matcher named = EXCEPTION.matcher(word);
                meant |= named.matches() && named.group(1).equals(setting);
            }
            if (meant) {
                try {
                    weight = Double.parseDouble(words[words.length - 1]);
                } catch (NumberFormatException e) {
                    throw new CheckpointException(file, "metadata " + key + " '" + said + "' has no number", e);
                }
            }
        }
        if (!(weight >= 0)) {
            throw new CheckpointException(
                    file,
                    "metadata " + key + " '" + said + "' names no weight for " + setting + RecordedTraining.LOSSES);
        }
        return weight;
    }

    /** The losses, with an eye on their parts. */
    private static final class Watched implements Objective {
        private final HaltingLoss all;
        private final Objective task;
        private final double[] sums = new double[PARTS.size()];
        private @Nullable HostTensor logits;

        Watched(HaltingLoss all, Objective task) {
            this.all = all;
            this.task = task;
        }

        @Override
        public Loss of(Network.Output<Tensor> output, Wanted wanted) {
            Loss loss = all.of(output, wanted);
            sums[0] += loss.total().item().toDouble();
            sums[1] += task.of(output, wanted).total().item().toDouble();
            sums[2] += value(all.ponder(output));
            sums[3] += value(all.prior(output));
            logits = Tensors.toHost(output.prediction());
            return loss;
        }

        private static double value(@Nullable Tensor scalar) {
            return scalar == null ? 0 : scalar.item().toDouble();
        }
    }
}
