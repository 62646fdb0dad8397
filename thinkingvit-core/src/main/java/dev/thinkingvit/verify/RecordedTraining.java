package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Ema;
import dev.thinkingvit.train.LearningRates;
import dev.thinkingvit.train.OptimizerRecipe;
import dev.thinkingvit.train.PixelTargets;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A few AdamW or SGD steps on one batch that another implementation recorded, without dropout or drop path, on the mean of
 * the stages' soft-target cross entropies, or of those of their pixels. {@code B} images, {@code C} classes, {@code h} and {@code w} height and width of the input, {@code n} steps,
 * {@code K} stages.
 *
 * <p>A safetensors file: {@code input} (B, 3, h, w), normalised; {@code target} (B, C), of a network
 * that names pixels their labels (B, h, w), 255 for none; {@code losses} (n, 1 + K), a row
 * a step, the total first, in nats; for every parameter {@code grad.*}, the gradient of the first step, and
 * {@code after{n}.*}, the weights after the last. It may have their moving averages then: {@code ema{n}.*} with one decay
 * in every update, and {@code ema{n}_published.*}, whose first update copies the weights ({@link Ema.Rule}); and of the same run with gradients clipped to a norm of 5, or
 * another, {@code clip5.losses} (n, 1 + K) and {@code clip5.grad_norm} (n), norms before clipping. Its metadata
 * may name {@code optimizer}, {@code lr}, {@code weight_decay}, {@code betas}, {@code eps} and {@code ema_decay};
 * of {@code sgd} also {@code momentum}, {@code nesterov}, and of a polynomial schedule {@code poly_power}, {@code min_lr} and
 * {@code iter_max}, whose rates {@code learning_rates} (n) may record.
 *
 * @param part the batch of every step
 * @param learningRates of each step
 * @param losses (n, 1 + K), finite
 * @param clipped the same run with gradients clipped, if it was recorded so
 * @param recipe how it was trained, in fp32
 * @param tensors everything in the file, unchecked but for what is above
 */
record RecordedTraining(
        Trainer.Part part,
        List<Double> learningRates,
        List<List<Float>> losses,
        List<Clipped> clipped,
        Recipe recipe,
        Map<String, HostTensor> tensors) {
    static final String INPUT = "input";
    static final String TARGET = "target";
    static final String LOSSES = "losses";
    static final String GRADIENT = "grad.";
    static final String RATES = "learning_rates";

    private static final String ITERATIONS = "iter_max";

    private static final Pattern CLIPPED = Pattern.compile("(clip(\\d{1,6}(?:\\.\\d{1,6})?))\\.losses");

    /**
     * The same run with gradients clipped to a norm.
     *
     * @param prefix what begins the names of what it recorded
     * @param norm all gradients' together
     * @param losses (n, 1 + K)
     * @param norms of the gradients of each step, before clipping
     */
    record Clipped(String prefix, double norm, List<List<Float>> losses, List<Float> norms) {}

    /**
     * Reads a file.
     *
     * @param network what was trained
     * @throws CheckpointException naming the tensor or the entry of the metadata that is missing or does not do
     */
    static RecordedTraining read(Path file, NetworkConfig network) {
        Safetensors.Contents contents = Safetensors.read(file);
        ImageSize size = network.imageSize();
        float[] images = floats(file, contents, INPUT, -1, 3, size.height(), size.width());
        int batch = images.length / size.values();
        float[] targets = network.readout().isOfPixels()
                ? pixels(file, contents, batch, network)
                : floats(file, contents, TARGET, batch, network.numClasses());
        List<List<Float>> losses = losses(file, contents, LOSSES, -1, network);
        List<Clipped> clipped = new ArrayList<>();
        for (String name : contents.tensors().keySet()) {
            Matcher clip = CLIPPED.matcher(name);
            if (clip.matches()) {
                List<Float> norms = new ArrayList<>();
                for (float norm : floats(file, contents, clip.group(1) + ".grad_norm", losses.size())) {
                    norms.add(norm);
                }
                clipped.add(new Clipped(
                        clip.group(1) + ".",
                        Double.parseDouble(clip.group(2)),
                        losses(file, contents, name, losses.size(), network),
                        norms));
            }
        }
        Recipe recipe = recipe(file, contents.metadata(), batch);
        return new RecordedTraining(
                new Trainer.Part(images, targets, new int[batch]),
                learningRates(file, contents.metadata(), recipe, losses.size()),
                losses,
                clipped,
                recipe,
                contents.tensors());
    }

    /** Labels of pixels, as the trainer takes them. */
    private static float[] pixels(Path file, Safetensors.Contents contents, int batch, NetworkConfig network) {
        ImageSize size = network.imageSize();
        long[] shape = {batch, size.height(), size.width()};
        HostTensor tensor = contents.tensors().get(TARGET);
        if (tensor == null || tensor.dtype().isFloating() || !Arrays.equals(tensor.shape(), shape)) {
            throw new CheckpointException(
                    file,
                    "tensor " + TARGET + " does not fit the model: expected whole numbers " + Arrays.toString(shape)
                            + ", came " + tensor);
        }
        float[] values = tensor.toFloats();
        int[] labels = new int[values.length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = (int) values[i];
        }
        try {
            return PixelTargets.of(labels, batch, network.numClasses());
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, "tensor " + TARGET + ": " + e.getMessage(), e);
        }
    }

    /** One rate in all steps, or those of a schedule that falls with every update. */
    private static List<Double> learningRates(Path file, Map<String, String> metadata, Recipe recipe, int steps) {
        List<Double> rates = new ArrayList<>();
        LearningRates schedule = new LearningRates(recipe);
        String updates = metadata.get(ITERATIONS);
        for (int step = 0; step < steps; step++) {
            double done = updates == null ? 0 : step / number(file, ITERATIONS, updates);
            rates.add(
                    updates == null
                            ? recipe.optimizer().peakLr()
                            : schedule.at((int) done, done - (int) done, List.of()));
        }
        return rates;
    }

    private static double number(Path file, String name, String text) {
        try {
            double number = Double.parseDouble(text);
            if (number > 0 && Double.isFinite(number)) {
                return number;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new CheckpointException(file, "metadata " + name + " must be a number above 0, got '" + text + "'");
    }

    /** @param steps -1 for the recording's own matter */
    private static List<List<Float>> losses(
            Path file, Safetensors.Contents contents, String name, int steps, NetworkConfig network) {
        int columns = 1 + network.stages();
        float[] losses = floats(file, contents, name, steps, columns);
        List<List<Float>> rows = new ArrayList<>();
        for (int start = 0; start < losses.length; start += columns) {
            List<Float> row = new ArrayList<>();
            for (int i = start; i < start + columns; i++) {
                row.add(losses[i]);
            }
            rows.add(row);
        }
        return rows;
    }

    int steps() {
        return losses.size();
    }

    /** The largest of all steps. */
    double learningRate() {
        return recipe.optimizer().peakLr();
    }

    /** Whether its steps are AdamW's. */
    boolean isAdamW() {
        return recipe.optimizer().opt() == OptimizerRecipe.Opt.ADAMW;
    }

    /** What begins the names of the weights after the last step. */
    String weightsPrefix() {
        return "after" + steps() + ".";
    }

    /** What begins the names of the moving average after the last step that had the set decay in every update. */
    String averagesPrefix() {
        return "ema" + steps() + ".";
    }

    /** What begins the names of the moving average after the last step as the published trainer keeps it. */
    String publishedAveragesPrefix() {
        return "ema" + steps() + "_published.";
    }

    /** Whether anything is recorded whose name begins so. */
    boolean has(String prefix) {
        return tensors.keySet().stream().anyMatch(name -> name.startsWith(prefix));
    }

    /** @param shape -1 for a first size that is the recording's own matter, at least 1 */
    static float[] floats(Path file, Safetensors.Contents contents, String name, long... shape) {
        String required = "floating point " + Arrays.toString(shape).replace("-1", "at least 1");
        HostTensor tensor = contents.tensors().get(name);
        if (tensor == null) {
            throw new CheckpointException(file, "tensor " + name + " is missing: expected " + required);
        }
        long[] came = tensor.shape();
        boolean fits = tensor.dtype().isFloating()
                && came.length == shape.length
                && came[0] >= 1
                && (shape[0] == -1 || came[0] == shape[0])
                && Arrays.equals(came, 1, came.length, shape, 1, shape.length);
        if (!fits) {
            throw new CheckpointException(
                    file, "tensor " + name + " does not fit the model: expected " + required + ", came " + tensor);
        }
        return finite(file, name, tensor);
    }

    /**
     * A tensor's values.
     *
     * @throws CheckpointException if one is not finite
     */
    static float[] finite(Path file, String name, HostTensor tensor) {
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new CheckpointException(file, "tensor " + name + " has " + values[i] + " at element " + i);
            }
        }
        return values;
    }

    /** What the metadata leaves open is as in the published recipe, and as the recordings are made. */
    private static Recipe recipe(Path file, Map<String, String> metadata, int batch) {
        String optimizer = metadata.getOrDefault("optimizer", "adamw");
        if (!optimizer.equals("adamw") && !optimizer.equals("sgd")) {
            throw new CheckpointException(
                    file, "was trained with optimizer '" + optimizer + "'; adamw and sgd are what the trainer has");
        }
        Recipe recipe =
                Recipe.DEFAULT.with("min_lr", 0).with("batch_size", batch).with("precision", "fp32");
        recipe = with(file, recipe, "lr", metadata, "lr", "1e-3");
        if (optimizer.equals("sgd")) {
            return sgd(file, metadata, recipe);
        }
        recipe = with(file, recipe, "weight_decay", metadata, "weight_decay", "0.05");
        recipe = with(file, recipe, "opt_betas", metadata, "betas", "0.9,0.999");
        recipe = with(file, recipe, "opt_eps", metadata, "eps", "1e-8");
        return with(file, recipe, "model_ema_decay", metadata, "ema_decay", "0.9");
    }

    private static Recipe sgd(Path file, Map<String, String> metadata, Recipe start) {
        boolean nesterov = Boolean.parseBoolean(metadata.getOrDefault("nesterov", "false"));
        Recipe recipe = start.with("opt", nesterov ? "sgd" : "momentum");
        recipe = with(file, recipe, "weight_decay", metadata, "weight_decay", "0");
        recipe = with(file, recipe, "momentum", metadata, "momentum", "0.9");
        recipe = with(file, recipe, "model_ema_decay", metadata, "ema_decay", "0.9");
        if (!metadata.containsKey(ITERATIONS)) {
            return recipe;
        }
        recipe = recipe.with("sched", "poly").with("sched_on_updates", true).with("epochs", 1);
        recipe = with(file, recipe, "min_lr", metadata, "min_lr", "0");
        return with(file, recipe, "poly_power", metadata, "poly_power", "0.9");
    }

    private static Recipe with(
            Path file, Recipe recipe, String key, Map<String, String> metadata, String name, String usual) {
        String text = metadata.getOrDefault(name, usual);
        try {
            List<Double> numbers =
                    Stream.of(text.split(",", -1)).map(Double::valueOf).toList();
            return recipe.with(key, numbers.size() == 1 ? numbers.get(0) : numbers);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(
                    file, "metadata " + name + " '" + text + "' does not do: " + Reasons.of(e), e);
        }
    }
}
