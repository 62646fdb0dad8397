package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Ema;
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
 * A few AdamW steps on one batch that another implementation recorded, without dropout or drop path, on the mean of the
 * stages' soft-target cross entropies. {@code B} images, {@code C} classes, {@code h} and {@code w} height and width of the input, {@code n} steps,
 * {@code K} stages.
 *
 * <p>A safetensors file: {@code input} (B, 3, h, w), normalised; {@code target} (B, C); {@code losses} (n, 1 + K), a row
 * a step, the total first, in nats; for every parameter {@code grad.*}, the gradient of the first step, and
 * {@code after{n}.*}, the weights after the last. It may have their moving averages then: {@code ema{n}.*} with one decay
 * in every update, and {@code ema{n}_published.*}, whose first update copies the weights ({@link Ema.Rule}); and of the same run with gradients clipped to a norm of 5, or
 * another, {@code clip5.losses} (n, 1 + K) and {@code clip5.grad_norm} (n), norms before clipping. Its metadata
 * may name {@code optimizer}, {@code lr}, {@code weight_decay}, {@code betas}, {@code eps} and {@code ema_decay}.
 *
 * @param part the batch of every step
 * @param losses (n, 1 + K), finite
 * @param clipped the same run with gradients clipped, if it was recorded so
 * @param recipe how it was trained, in fp32
 * @param tensors everything in the file, unchecked but for what is above
 */
record RecordedTraining(
        Trainer.Part part,
        List<List<Float>> losses,
        List<Clipped> clipped,
        Recipe recipe,
        Map<String, HostTensor> tensors) {
    static final String INPUT = "input";
    static final String TARGET = "target";
    static final String LOSSES = "losses";
    static final String GRADIENT = "grad.";

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
        float[] targets = floats(file, contents, TARGET, batch, network.numClasses());
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
        return new RecordedTraining(
                new Trainer.Part(images, targets, new int[batch]),
                losses,
                clipped,
                recipe(file, contents.metadata(), batch),
                contents.tensors());
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

    double learningRate() {
        return recipe.optimizer().peakLr();
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
    private static float[] floats(Path file, Safetensors.Contents contents, String name, long... shape) {
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
        if (!optimizer.equals("adamw")) {
            throw new CheckpointException(
                    file, "was trained with optimizer '" + optimizer + "'; adamw is what the trainer has");
        }
        Recipe recipe =
                Recipe.DEFAULT.with("min_lr", 0).with("batch_size", batch).with("precision", "fp32");
        recipe = with(file, recipe, "lr", metadata, "lr", "1e-3");
        recipe = with(file, recipe, "weight_decay", metadata, "weight_decay", "0.05");
        recipe = with(file, recipe, "opt_betas", metadata, "betas", "0.9,0.999");
        recipe = with(file, recipe, "opt_eps", metadata, "eps", "1e-8");
        return with(file, recipe, "model_ema_decay", metadata, "ema_decay", "0.9");
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
