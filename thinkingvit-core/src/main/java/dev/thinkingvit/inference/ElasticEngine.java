package dev.thinkingvit.inference;

import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Elastic inference over any {@link Backbone}: stage 1 runs on the whole batch, the router decides, and only the images
 * that are still undecided go on, compacted into a smaller batch. A stage that no image needs is not run.
 *
 * <p>{@code B} images, {@code U} undecided ones, {@code N} tokens, {@code d} width, {@code C} classes.
 *
 * <p>Threading: safe from any number of threads; their batches take turns on the one
 * {@linkplain ComputeThread compute thread}. Results are plain Java. Closing the engine closes the backbone.
 */
public final class ElasticEngine implements AutoCloseable {
    private final Backbone backbone;

    /** @param backbone owned from now on */
    public ElasticEngine(Backbone backbone) {
        this.backbone = backbone;
    }

    public Backbone backbone() {
        return backbone;
    }

    /** 10⁹ multiply-accumulates of an image that ends at {@code stage}: those of all stages up to it. */
    public double cumulativeGmacs(int stage) {
        long macs = 0;
        for (int k = 1; k <= stage; k++) {
            macs += backbone.macs(k);
        }
        return macs / 1e9;
    }

    /**
     * Thinks about a batch.
     *
     * @param images B·3·S·S values, normalised, image by image and channel by channel
     * @param count B, at least 1
     * @return B outcomes, in the order of the images
     * @throws ArithmeticException if a stage's output is no finite number
     * @throws IllegalArgumentException if the sizes do not fit, or the thresholds do not fit the number of stages
     */
    public List<Outcome> run(float[] images, int count, StopPolicy policy) {
        int size = backbone.imageSize();
        if (count < 1 || images.length != (long) count * 3 * size * size) {
            throw new IllegalArgumentException(count + " images of 3 x " + size + " x " + size + " take "
                    + (long) count * 3 * size * size + " values, " + images.length + " came");
        }
        policy.check(backbone.stages());
        return ComputeThread.call(() -> {
            try (Scope scope = new Scope()) {
                return think(Tensors.floats(images, 0, count, 3, size, size), count, policy);
            }
        });
    }

    private List<Outcome> think(Tensor images, int count, StopPolicy policy) {
        List<List<StageOutcome>> thoughts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            thoughts.add(new ArrayList<>());
        }
        int[] undecided = new int[count]; // positions in the batch, ascending
        Arrays.setAll(undecided, i -> i);
        Tensor remaining = images; // (U, 3, S, S)
        Tensor tokens = null; // (U, N, d) of the stage before
        for (int stage = 1; undecided.length > 0 && stage <= backbone.stages(); stage++) {
            List<Integer> kept = new ArrayList<>(); // rows that go on
            List<Tensor> keptTokens = new ArrayList<>();
            boolean last = stage == backbone.stages();
            int microBatch = backbone.microBatch(stage);
            for (int from = 0; from < undecided.length; from += microBatch) {
                int rows = Math.min(microBatch, undecided.length - from);
                try (Scope scope = new Scope()) {
                    StageOutput output = runRows(stage, remaining, tokens, from, rows);
                    long[] goOn = decide(output, stage, last, from, undecided, policy, thoughts);
                    for (long row : goOn) {
                        kept.add((int) (from + row));
                    }
                    if (goOn.length > 0) {
                        keptTokens.add(scope.keep(select(output.tokens(), goOn)));
                    }
                }
            }
            if (!kept.isEmpty()) {
                long[] rows = kept.stream().mapToLong(Integer::longValue).toArray();
                remaining = select(remaining, rows);
                tokens = torch.cat(new TensorVector(keptTokens.toArray(new Tensor[0])), 0);
            }
            int[] before = undecided;
            undecided = kept.stream().mapToInt(row -> before[row]).toArray();
        }
        List<Outcome> outcomes = new ArrayList<>();
        for (List<StageOutcome> stages : thoughts) {
            outcomes.add(new Outcome(stages, cumulativeGmacs(stages.size())));
        }
        return outcomes;
    }

    private StageOutput runRows(int stage, Tensor images, @Nullable Tensor tokens, int from, int rows) {
        return backbone.run(stage, images.narrow(0, from, rows), tokens == null ? null : tokens.narrow(0, from, rows));
    }

    /** Records what the stage thought of each row; returns the rows that go on, ascending. */
    private static long[] decide(
            StageOutput output,
            int stage,
            boolean last,
            int from,
            int[] undecided,
            StopPolicy policy,
            List<List<StageOutcome>> thoughts) {
        float[] logits = Tensors.toFloats(output.logits());
        int rows = Math.toIntExact(output.logits().size(0));
        int classes = logits.length / rows;
        long[] goOn = new long[rows];
        int count = 0;
        for (int row = 0; row < rows; row++) {
            requireNumbers(logits, row * classes, classes, stage);
            float[] probabilities = softmax(logits, row * classes, classes);
            double measure = policy.router().measure(probabilities);
            thoughts.get(undecided[from + row])
                    .add(new StageOutcome(
                            stage,
                            Arrays.copyOfRange(logits, row * classes, (row + 1) * classes),
                            probabilities,
                            measure,
                            Routers.entropy(probabilities, 1)));
            if (!last && !policy.stopsAfter(stage, measure)) {
                goOn[count++] = row;
            }
        }
        return Arrays.copyOf(goOn, count);
    }

    /** NaN has no entropy and would pass for certainty. */
    private static void requireNumbers(float[] logits, int offset, int classes, int stage) {
        for (int i = offset; i < offset + classes; i++) {
            if (!Float.isFinite(logits[i])) {
                throw new ArithmeticException("stage " + stage + " gave " + logits[i] + " for class " + (i - offset)
                        + ", a finite number is required; the model's weights or the input are damaged");
            }
        }
    }

    private static Tensor select(Tensor tensor, long[] rows) {
        return rows.length == tensor.size(0)
                ? tensor
                : tensor.index_select(0, TorchDevice.of(tensor).place(Tensors.longs(rows)));
    }

    static float[] softmax(float[] logits, int offset, int classes) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < classes; i++) {
            max = Math.max(max, logits[offset + i]);
        }
        double[] exponentials = new double[classes];
        double sum = 0;
        for (int i = 0; i < classes; i++) {
            exponentials[i] = Math.exp(logits[offset + i] - max);
            sum += exponentials[i];
        }
        float[] probabilities = new float[classes];
        for (int i = 0; i < classes; i++) {
            probabilities[i] = (float) (exponentials[i] / sum);
        }
        return probabilities;
    }

    @Override
    public void close() {
        backbone.close();
    }
}
