package dev.thinkingvit.inference;

import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NoNumberException;
import dev.thinkingvit.model.Prediction;
import dev.thinkingvit.model.Readout;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.ComputeClient;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Elastic inference over any {@link Backbone}: stage 1 runs on the whole batch, the router decides, and only the images
 * that are still undecided go on, compacted into a smaller batch. A stage that no image needs is not run.
 *
 * <p>{@code B} images, {@code U} undecided ones, {@code N} tokens, {@code d} width.
 *
 * <p>Threading: safe from any number of threads; their batches take turns on the one
 * {@linkplain ComputeThread compute thread}. Results are plain Java. Closing the engine closes the backbone.
 */
public final class ElasticEngine implements AutoCloseable {
    /** What share of the workers is a few. */
    private static final int FEW = 4;

    /** Multiply-accumulates that a native thread more must bring, or waiting for it takes longer than its help saves. */
    private static final long MACS_A_THREAD = 20_000_000;

    /** Multiply-accumulates that each worker has in a step, after which others have their turn, as far as images allow. */
    private static final long MACS_A_STEP = 32_000_000_000L;

    private static final int FEWEST_A_STEP = 16; // images a worker
    private static final int MOST_A_STEP = 128;

    private final Backbone backbone;
    private final @Nullable ComputeClient client;
    private final int threads;
    private final Map<Work, ThreadChoice> choices = new HashMap<>(); // the compute thread's
    private final AtomicBoolean closed = new AtomicBoolean();

    /** What all cores do together, and how long it takes depends on. */
    private record Work(ImageSize size, int stage, int images) {}

    /** @param backbone owned from now on */
    public ElasticEngine(Backbone backbone) {
        this(backbone, null, Integer.MAX_VALUE);
    }

    /**
     * @param backbone owned from now on
     * @param client in whose name the engine's calls wait; owned too
     * @param threads at most so many are used
     */
    ElasticEngine(Backbone backbone, @Nullable ComputeClient client, int threads) {
        this.backbone = Objects.requireNonNull(backbone, "the backbone is null");
        this.client = client;
        this.threads = threads;
    }

    /** What runs the stages; the engine's, which closes it. */
    public Backbone backbone() {
        return backbone;
    }

    /**
     * 10⁹ multiply-accumulates of an image that ends at {@code stage}, as predicted: those of all stages up to it.
     *
     * @throws IllegalArgumentException if there is no such stage
     */
    public double cumulativeGmacs(int stage) {
        if (stage < 1 || stage > backbone.stages()) {
            throw new IllegalArgumentException(
                    "stage " + stage + " does not exist: the model has stages 1 to " + backbone.stages());
        }
        long macs = 0;
        for (int k = 1; k <= stage; k++) {
            macs += backbone.macs(k);
        }
        return macs / 1e9;
    }

    /**
     * Thinks about a batch.
     *
     * @param images B·3·h·w values, normalised, image by image and channel by channel
     * @param count B, at least 1
     * @return B outcomes, in the order of the images
     * @throws NoNumberException if a stage's output is no finite number
     * @throws IllegalArgumentException if the sizes do not fit, or the thresholds do not fit the number of stages
     */
    public List<Outcome> run(float[] images, int count, StopPolicy policy) {
        if (count < 1) {
            throw new IllegalArgumentException("a batch needs at least 1 image, got " + count);
        }
        Objects.requireNonNull(policy, "the policy is null");
        return run(images, Collections.nCopies(count, policy));
    }

    /**
     * Thinks about a batch in which each image has its own way to stop.
     *
     * @param images B·3·h·w values, normalised, image by image and channel by channel
     * @param policies B of them, at least one
     * @return B outcomes, in the order of the images
     * @throws NoNumberException if a stage's output is no finite number
     * @throws IllegalArgumentException if the sizes do not fit, or some thresholds do not fit the number of stages
     */
    public List<Outcome> run(float[] images, List<StopPolicy> policies) {
        return run(images, backbone.imageSize(), policies);
    }

    /**
     * As {@link #run(float[], List)}, of images of another size than the network's own.
     *
     * @param size of all these images
     * @throws IllegalArgumentException also if the backbone takes no images of that size
     */
    public List<Outcome> run(float[] images, ImageSize size, List<StopPolicy> policies) {
        return run(images, size, policies, true, null);
    }

    /**
     * As {@link #run(float[], ImageSize, List)}; also collects what each image's last stage made of it.
     *
     * @param first whether a call begins with this batch, and may be refused
     */
    List<Outcome> run(
            float[] images, ImageSize size, List<StopPolicy> policies, boolean first, @Nullable Features features) {
        int count =
                Objects.requireNonNull(policies, "the list of policies is null").size();
        Objects.requireNonNull(images, "the images' values are null");
        for (int i = 0; i < count; i++) {
            Objects.requireNonNull(
                    policies.get(i), count == 1 ? "the policy is null" : "policy " + (i + 1) + " is null");
        }
        if (count < 1) {
            throw new IllegalArgumentException("a batch needs at least 1 image, got none");
        }
        Objects.requireNonNull(size, "the images' size is null");
        Backbone sized = size.equals(backbone.imageSize()) ? backbone : backbone.at(size);
        if (images.length != (long) count * size.values()) {
            throw new IllegalArgumentException(count + " images of 3 x " + size.height() + " x " + size.width()
                    + " take " + (long) count * size.values() + " values, " + images.length + " came");
        }
        policies.forEach(policy -> policy.check(backbone.stages()));
        Call call = new Call(sized, images, policies, features);
        List<Outcome> outcomes = new ArrayList<>();
        int steps = ceilDiv(count, step(sized));
        for (int i = 0; i < steps; i++) { // each queues up anew, behind whoever came meanwhile
            int from = (int) ((long) count * i / steps);
            int to = (int) ((long) count * (i + 1) / steps);
            outcomes.addAll(ComputeThread.call(client, to - from, first && i == 0, () -> {
                requireOpen(); // else a close would wait for all that waited before it
                try (Scope scope = new Scope()) {
                    return think(call, from, to);
                }
            }));
        }
        return outcomes;
    }

    /** @throws CancellationException if the calling thread, which prepares a batch, is interrupted */
    void requireNotInterrupted() {
        ComputeThread.requireNotInterrupted(client);
    }

    /**
     * What is thought about.
     *
     * @param network as it takes images of their size
     * @param images image by image
     * @param policies of each image
     * @param features collects what each image's last stage made of it; null if nobody asks
     */
    @SuppressWarnings("ArrayRecordComponent") // as it came
    private record Call(
            Backbone network,
            float[] images,
            List<StopPolicy> policies,
            @Nullable Features features) {}

    private void requireOpen() {
        if (closed.get()) {
            throw new IllegalStateException("the model is closed");
        }
    }

    /** Images that are thought about before somebody else has a turn: enough for each worker to be busy for a while. */
    private int step(Backbone network) {
        long macs = 0;
        for (int stage = 1; stage <= network.stages(); stage++) {
            macs += network.macs(stage);
        }
        long each = Math.max(FEWEST_A_STEP, Math.min(MOST_A_STEP, MACS_A_STEP / Math.max(1, macs)));
        return Math.toIntExact(each * workers());
    }

    private int workers() {
        return Math.min(threads, ComputeThread.workers().count());
    }

    private List<Outcome> think(Call call, int from, int to) {
        List<List<StageOutcome>> thoughts = new ArrayList<>(); // by position in the batch
        for (int i = 0; i < to; i++) {
            thoughts.add(i < from ? List.of() : new ArrayList<>());
        }
        int[] undecided = new int[to - from]; // positions in the batch, ascending
        Arrays.setAll(undecided, i -> from + i);
        NativeTensor tokens = null; // (U, N, d) of the stage before
        for (int stage = 1; undecided.length > 0 && stage <= backbone.stages(); stage++) {
            List<MicroBatch> microBatches = microBatches(call.network, stage, undecided);
            try {
                runStage(call, stage, tokens, microBatches, thoughts);
                undecided = microBatches.stream()
                        .flatMapToInt(MicroBatch::imagesThatGoOn)
                        .toArray();
                if (undecided.length > 0) {
                    tokens = NativeTensor.concat(microBatches.stream()
                            .flatMap(microBatch -> Stream.ofNullable(microBatch.tokens))
                            .toList());
                }
            } finally {
                microBatches.forEach(MicroBatch::close);
            }
        }
        List<Outcome> outcomes = new ArrayList<>();
        for (List<StageOutcome> stages : thoughts.subList(from, to)) {
            outcomes.add(new Outcome(stages));
        }
        return outcomes;
    }

    /** Images that go through a stage together. Owns the tokens. */
    private static final class MicroBatch {
        final int from; // among the undecided
        final int[] images; // positions in the batch
        final boolean onWorker; // else all cores take it together
        long[] goOn = {}; // rows of this micro-batch, ascending

        @Nullable NativeTensor tokens; // of the images that go on; null if none does

        MicroBatch(int[] undecided, int from, int to, boolean onWorker) {
            this.onWorker = onWorker;
            this.from = from;
            this.images = Arrays.copyOfRange(undecided, from, to);
        }

        IntStream imagesThatGoOn() {
            return LongStream.of(goOn).mapToInt(row -> images[Math.toIntExact(row)]);
        }

        /** Rows of this micro-batch that do not go on, ascending. */
        long[] ending() {
            return LongStream.range(0, images.length)
                    .filter(row -> Arrays.binarySearch(goOn, row) < 0)
                    .toArray();
        }

        void close() {
            if (tokens != null) {
                tokens.close();
            }
        }
    }

    /**
     * Divides the undecided: where workers work side by side, evenly among them, so that all are done at the same time,
     * and in a last micro-batch those few that cannot be shared out.
     */
    private List<MicroBatch> microBatches(Backbone network, int stage, int[] undecided) {
        int together = sideBySide(network, undecided.length);
        List<MicroBatch> microBatches = new ArrayList<>();
        int most = network.microBatch(stage);
        if (together > 0) {
            int workers = workers();
            int count = Math.min(together, ceilDiv(ceilDiv(together, most), workers) * workers);
            divide(undecided, 0, together, count, true, microBatches);
        }
        if (together < undecided.length) {
            int count = ceilDiv(undecided.length - together, most);
            divide(undecided, together, undecided.length, count, false, microBatches);
        }
        return microBatches;
    }

    private static void divide(
            int[] undecided, int start, int end, int count, boolean onWorker, List<MicroBatch> microBatches) {
        int images = end - start;
        for (int i = 0; i < count; i++) {
            int from = start + (int) ((long) images * i / count);
            int to = start + (int) ((long) images * (i + 1) / count);
            microBatches.add(new MicroBatch(undecided, from, to, onWorker));
        }
    }

    private static int ceilDiv(int dividend, int divisor) {
        return (dividend + divisor - 1) / divisor;
    }

    /**
     * How many of the images the workers take, one each at least. All cores together take the rest, which is faster than
     * letting most workers wait for a few, and all images if there are fewer than workers.
     */
    private int sideBySide(Backbone network, int undecided) {
        if (!network.runsSideBySide() || ComputeThread.isWorker()) { // a worker: a router that asks another engine
            return 0;
        }
        int workers = workers();
        int rest = undecided % workers;
        boolean few = rest == 1 || rest <= workers / FEW;
        return undecided < workers ? 0 : few ? undecided - rest : undecided;
    }

    private void runStage(
            Call call,
            int stage,
            @Nullable NativeTensor tokens,
            List<MicroBatch> microBatches,
            List<List<StageOutcome>> thoughts) {
        int shared = (int) microBatches.stream().filter(batch -> batch.onWorker).count();
        if (shared > 0) {
            AtomicInteger next = new AtomicInteger();
            int helping = workers();
            ComputeThread.workers().run(worker -> {
                if (worker >= helping) {
                    return;
                }
                for (int i = next.getAndIncrement(); i < shared; i = next.getAndIncrement()) {
                    run(call, stage, tokens, microBatches.get(i), thoughts);
                }
            });
        }
        for (MicroBatch batch : microBatches.subList(shared, microBatches.size())) {
            onFastestThreads(call.network, stage, batch.images.length, () -> run(call, stage, tokens, batch, thoughts));
        }
    }

    private void onFastestThreads(Backbone network, int stage, int images, Runnable work) {
        int paying = nativeThreads(network, stage, images);
        if (paying == 1) {
            Natives.onThreads(1, work);
            return;
        }
        ThreadChoice choice =
                choices.computeIfAbsent(new Work(network.imageSize(), stage, images), size -> new ThreadChoice());
        long start = System.nanoTime();
        Natives.onThreads(choice.isOne() ? 1 : paying, work);
        choice.took(System.nanoTime() - start);
    }

    /** For a micro-batch that all cores would take together: those of its threads that pay. */
    private int nativeThreads(Backbone network, int stage, int images) {
        if (ComputeThread.isWorker()) {
            return Natives.threads(); // one
        }
        long paying = Math.max(1, network.macs(stage) * images / MACS_A_THREAD);
        return (int) Math.min(paying, workers());
    }

    private void run(
            Call call, int stage, @Nullable NativeTensor tokens, MicroBatch batch, List<List<StageOutcome>> thoughts) {
        ProcessExit.requireRunning();
        try (Scope scope = new Scope()) {
            ImageSize size = call.network.imageSize();
            NativeTensor images = NativeArray.floatRows(call.images, batch.images, 3, size.height(), size.width());
            NativeTensor previous = tokens == null ? null : tokens.rows(batch.from, batch.images.length);
            Features features = call.features;
            StageOutput output = features == null
                    ? call.network.predict(stage, images, previous)
                    : call.network.run(stage, images, previous);
            batch.goOn = decide(call, output, stage, batch, thoughts);
            if (features != null && batch.goOn.length < batch.images.length) {
                long[] ending = batch.ending();
                features.put(stage, batch.images, ending, output.tokens().select(ending));
            }
            if (batch.goOn.length > 0) {
                batch.tokens = Scope.own(output.tokens().select(batch.goOn));
            }
        }
    }

    /** Records what the stage thought of each row; returns the rows that go on, ascending. */
    private long[] decide(
            Call call, StageOutput output, int stage, MicroBatch batch, List<List<StageOutcome>> thoughts) {
        Backbone network = call.network;
        Readout readout = network.readout();
        float[] values = output.prediction().toFloats();
        int rows = Math.toIntExact(output.prediction().size(0));
        int length = values.length / rows;
        List<Map<String, float[]>> extras = extras(output, rows);
        long predicted = network.macs(stage);
        boolean last = stage == network.stages();
        long[] goOn = new long[rows];
        int count = 0;
        for (int row = 0; row < rows; row++) {
            readout.requireNumbers(stage, values, row * length, length);
            Prediction prediction = readout.read(values, row * length, length);
            StopPolicy policy = call.policies.get(batch.images[row]);
            double entropy = prediction.entropyNats();
            double measure = policy.router() == Routers.ENTROPY ? entropy : measure(policy.router(), prediction, stage);
            Map<String, float[]> own = extras.isEmpty() ? Map.of() : extras.get(row);
            requireNumbers(own, stage);
            long macs = own.isEmpty() ? predicted : network.macs(stage, own);
            thoughts.get(batch.images[row]).add(new StageOutcome(stage, prediction, measure, entropy, macs, own));
            if (!last && !policy.stopsAfter(stage, measure)) {
                goOn[count++] = row;
            }
        }
        return Arrays.copyOf(goOn, count);
    }

    /** NaN is on neither side of a threshold: all would go on, and nobody would know why. */
    private static double measure(Router router, Prediction prediction, int stage) {
        double measure = prediction.measure(router::measure);
        if (Double.isNaN(measure)) {
            throw new NoNumberException(
                    "the router " + router.id() + " measured NaN after stage " + stage + ", a number is required");
        }
        return measure;
    }

    /**
     * Who is chosen by a score that is no number, is chosen by chance, and the prediction does not tell.
     *
     * @param said of one image, besides its prediction
     */
    private static void requireNumbers(Map<String, float[]> said, int stage) {
        said.forEach((name, values) -> {
            for (int i = 0; i < values.length; i++) {
                if (!Float.isFinite(values[i])) {
                    throw new NoNumberException("stage " + stage + " gave " + values[i] + " for " + name + "[" + i
                            + "], a finite number is required; the model's weights or the input are damaged");
                }
            }
        });
    }

    /** What a stage says besides, row by row; empty if it says nothing else. */
    private static List<Map<String, float[]>> extras(StageOutput output, int rows) {
        if (output.extras().isEmpty()) {
            return List.of();
        }
        List<Map<String, float[]>> extras = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            extras.add(new LinkedHashMap<>());
        }
        output.extras().forEach((name, tensor) -> {
            float[] values = tensor.toFloats();
            int length = values.length / rows;
            for (int row = 0; row < rows; row++) {
                extras.get(row).put(name, Arrays.copyOfRange(values, row * length, (row + 1) * length));
            }
        });
        return extras;
    }

    /** Frees the weights, behind the work under way; calls that wait are refused. Nothing happens when it is closed again. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        backbone.close();
        if (client != null) {
            client.close(); // the last: with it the threads end
        }
    }
}
