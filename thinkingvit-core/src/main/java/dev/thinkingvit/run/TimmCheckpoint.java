package dev.thinkingvit.run;

import dev.thinkingvit.checkpoint.TorchFileWriter;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.ScheduleRecipe;
import dev.thinkingvit.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A training's weights as timm's {@code CheckpointSaver} writes them, for users of Python: {@code epoch} (the last that is
 * done, from 0, as {@code version} 2 has it), {@code arch}, {@code state_dict}, {@code state_dict_ema} where there is an
 * average, {@code args}, and {@code metric}, the top-1 accuracy of the last stage in percent, where it was judged. The
 * optimizer's moments stay out: who goes on elsewhere begins with new ones.
 *
 * <p>{@code args} is a dictionary, not the {@code argparse.Namespace} that timm pickles: {@code torch.load} takes no class
 * but its own by default, and timm never looks into it. Its keys are timm's; the network's shape is under
 * {@code model_kwargs}, {@code batch_size} is per process.
 */
final class TimmCheckpoint {
    /** Name of the file of the last epoch. */
    static final String LAST = "last.pth.tar";

    /** Name of the file of the best validation. */
    static final String BEST = "model_best.pth.tar";

    private static final int VERSION = 2;

    private TimmCheckpoint() {}

    /** Whether a training's folder has such files. */
    static boolean isIn(Path folder) throws IOException {
        return Presence.of(folder.resolve(LAST));
    }

    /**
     * Replaces the files in {@code folder}.
     *
     * @param epoch the last that is done, from 0
     * @param metric see the class; null where nothing was judged
     * @param best whether it is the best so far
     */
    static void write(
            Path folder, Trainer trainer, ModelConfig config, int epoch, @Nullable Double metric, boolean best) {
        Map<String, @Nullable Object> content = new LinkedHashMap<>();
        content.put("epoch", epoch);
        content.put("arch", trainer.recipe().network().architecture());
        content.put("state_dict", trainer.modelWeights());
        content.put("version", VERSION);
        content.put("args", arguments(trainer, config));
        Map<String, HostTensor> averages = trainer.weights();
        if (trainer.recipe().ema().modelEmaDecay() > 0) {
            content.put("state_dict_ema", averages);
        }
        if (metric != null) {
            content.put("metric", metric);
        }
        if (best) {
            TorchFileWriter.write(folder.resolve(BEST), content);
        }
        TorchFileWriter.write(folder.resolve(LAST), content);
    }

    private static Map<String, @Nullable Object> arguments(Trainer trainer, ModelConfig config) {
        Recipe recipe = trainer.recipe();
        NetworkConfig network = config.network();
        Architecture architecture = network.architecture();
        Preprocessing preprocessing = config.preprocessing();
        Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
        Map<String, @Nullable Object> shape = new LinkedHashMap<>(architecture.write(network));
        Set<String> unsaid = shape.keySet().stream()
                .filter(key -> goesWithoutSaying(key, network))
                .collect(Collectors.toSet());
        shape.keySet().removeAll(unsaid);
        arguments.put("model", recipe.network().architecture());
        arguments.put(architecture.stagesArgument(), shape.remove(architecture.stagesArgument()));
        arguments.put("num_classes", network.numClasses());
        arguments.put("opt", "adamw");
        arguments.putAll(RecipeFile.values(recipe));
        List.of("architecture", "stages", "head_dim", "depth", "patch_size").forEach(arguments::remove);
        arguments.put("img_size", network.imageSize().argument());
        arguments.put("lr", recipe.optimizer().peakLr());
        arguments.put("batch_size", trainer.localBatchSize());
        // what timm reads where we have keys of our own
        if (recipe.schedule().sched() == ScheduleRecipe.Kind.POLY) {
            arguments.put("decay_rate", recipe.schedule().polyPower());
        }
        arguments.put("eval_metric", recipe.validation().metric().isLoss() ? "loss" : "top1");
        arguments.put("model_ema", recipe.ema().modelEmaDecay() > 0);
        arguments.put("mean", floats(preprocessing.mean()));
        arguments.put("std", floats(preprocessing.std()));
        arguments.put("crop_pct", preprocessing.cropPct());
        arguments.put("interpolation", preprocessing.interpolation().name().toLowerCase(Locale.ROOT));
        arguments.put("model_kwargs", shape);
        return arguments;
    }

    /** Whether an argument is what its absence means: what timm's models do not take is then left out, such as an epsilon. */
    private static boolean goesWithoutSaying(String key, NetworkConfig network) {
        Architecture architecture = network.architecture();
        Map<String, @Nullable Object> others = new LinkedHashMap<>(architecture.write(network));
        others.remove(key);
        others.put("num_classes", network.numClasses());
        try {
            return architecture.read(new Arguments(others)).equals(network);
        } catch (IllegalArgumentException e) {
            return false; // it is required
        }
    }

    /** The decimal numbers that the floats were written as, not their nearest doubles. */
    private static List<Double> floats(float[] values) {
        List<Double> numbers = new ArrayList<>();
        for (float value : values) {
            numbers.add(Double.valueOf(Float.toString(value)));
        }
        return numbers;
    }
}
