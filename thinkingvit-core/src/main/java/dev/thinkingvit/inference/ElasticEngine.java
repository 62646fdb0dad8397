package dev.thinkingvit.inference;

import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.tensor.Workers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import java.util.stream.Stream;
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
            List<MicroBatch> microBatches = microBatches(stage, undecided.length);
            try {
                runStage(stage, remaining, tokens, microBatches, undecided, policy, thoughts);
                long[] rows = microBatches.stream()
                        .flatMapToLong(MicroBatch::rowsThatGoOn)
                        .toArray();
                if (rows.length > 0) {
                    remaining = select(remaining, rows);
                    tokens = torch.cat(
                            new TensorVector(microBatches.stream()
                                    .flatMap(microBatch -> Stream.ofNullable(microBatch.tokens))
                                    .toArray(Tensor[]::new)),
                            0);
                }
                int[] before = undecided;
                undecided = LongStream.of(rows)
                        .mapToInt(row -> before[Math.toIntExact(row)])
                        .toArray();
            } finally {
                microBatches.forEach(MicroBatch::close);
            }
        }
        List<Outcome> outcomes = new ArrayList<>();
        for (List<StageOutcome> stages : thoughts) {
            outcomes.add(new Outcome(stages, cumulativeGmacs(stages.size())));
        }
        return outcomes;
    }

    /** Images that go through a stage together, by their rows among the undecided. Owns the tokens. */
    private static final class MicroBatch {
        final int from;
        final int rows;
        long[] goOn = {}; // rows of this micro-batch, ascending

        @Nullable Tensor tokens; // of the images that go on; null if none does

        MicroBatch(int from, int rows) {
            this.from = from;
            this.rows = rows;
        }

        LongStream rowsThatGoOn() {
            return LongStream.of(goOn).map(row -> from + row);
        }

        void close() {
            if (tokens != null) {
                tokens.close();
            }
        }
    }

    /** Divides the undecided evenly: in as many micro-batches that workers are busy alike, where they work side by side. */
    private List<MicroBatch> microBatches(int stage, int undecided) {
        int count = ceilDiv(undecided, backbone.microBatch(stage));
        if (worksSideBySide(undecided)) {
            int workers = ComputeThread.workers().count();
            count = ceilDiv(count, workers) * workers;
        }
        List<MicroBatch> microBatches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) undecided * i / count);
            int to = (int) ((long) undecided * (i + 1) / count);
            if (to > from) {
                microBatches.add(new MicroBatch(from, to - from));
            }
        }
        return microBatches;
    }

    private static int ceilDiv(int dividend, int divisor) {
        return (dividend + divisor - 1) / divisor;
    }

    /** With fewer images than cores, operations that spread over all cores are faster. */
    private boolean worksSideBySide(int undecided) {
        return backbone.runsSideBySide()
                && undecided >= ComputeThread.workers().count()
                && !ComputeThread.isWorker(); // a router that asks another engine
    }

    private void runStage(
            int stage,
            Tensor images,
            @Nullable Tensor tokens,
            List<MicroBatch> microBatches,
            int[] undecided,
            StopPolicy policy,
            List<List<StageOutcome>> thoughts) {
        AtomicInteger next = new AtomicInteger();
        Workers.Share share = worker -> {
            for (int i = next.getAndIncrement(); i < microBatches.size(); i = next.getAndIncrement()) {
                MicroBatch batch = microBatches.get(i);
                try (Scope scope = new Scope()) {
                    StageOutput output = backbone.run(
                            stage,
                            images.narrow(0, batch.from, batch.rows),
                            tokens == null ? null : tokens.narrow(0, batch.from, batch.rows));
                    batch.goOn = decide(output, stage, batch.from, undecided, policy, thoughts);
                    if (batch.goOn.length > 0) {
                        batch.tokens = Scope.own(select(output.tokens(), batch.goOn));
                    }
                }
            }
        };
        if (worksSideBySide(undecided.length)) {
            ComputeThread.workers().run(share);
        } else {
            share.compute(0);
        }
    }

    /** Records what the stage thought of each row; returns the rows that go on, ascending. */
    private long[] decide(
            StageOutput output,
            int stage,
            int from,
            int[] undecided,
            StopPolicy policy,
            List<List<StageOutcome>> thoughts) {
        float[] logits = Tensors.toFloats(output.logits());
        int rows = Math.toIntExact(output.logits().size(0));
        int classes = logits.length / rows;
        boolean last = stage == backbone.stages();
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
