package dev.thinkingvit.eval;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Measures how many images a second really go through the network when each stops where it is sure. Pictures are
 * decoded and prepared before the clock starts: this is network time. Machines change their pace while they are
 * measured, so that the policies take turns.
 */
public final class Throughput {
    private static final long MAX_BYTES = 512L << 20;
    private static final int MAX_IMAGES = 2048;
    private static final long SEED = 1;
    private static final int WARM_UP_SHARE = 4;

    private final ElasticEngine engine;
    private final List<Batch> batches;
    private final List<BatchLoader.Failure> skipped;

    private Throughput(ElasticEngine engine, List<Batch> batches, List<BatchLoader.Failure> skipped) {
        this.engine = engine;
        this.batches = batches;
        this.skipped = List.copyOf(skipped);
    }

    /**
     * Prepares images spread evenly over the samples, at most 2048 and 512 MiB of them, mixed by a fixed seed: folder
     * by folder, easy classes would fill some batches and hard ones others. Pictures that cannot be read are left out,
     * and named in {@link #skipped}.
     *
     * @param preprocessing the model's
     * @param batchSize images that go through the network together, at least 1
     * @param workers threads that decode pictures, at least 1
     * @throws IOException if no picture at all can be read
     */
    public static Throughput prepare(
            ElasticEngine engine, Preprocessing preprocessing, List<Sample> samples, int batchSize, int workers)
            throws IOException {
        long bytesPerImage = (long) preprocessing.floatsPerPicture() * Float.BYTES;
        int limit = (int) Math.max(batchSize, Math.min(MAX_IMAGES, MAX_BYTES / bytesPerImage));
        List<Sample> chosen = Recorder.spread(samples, limit);
        List<Batch> batches = new ArrayList<>();
        List<BatchLoader.Failure> skipped = new ArrayList<>();
        try (BatchLoader loader = BatchLoader.of(chosen, preprocessing, preprocessing)
                        .batchSize(batchSize)
                        .shuffle(SEED)
                        .workers(workers)
                        .skipBroken(skipped::add)
                        .open();
                Epoch epoch = loader.epoch(0)) {
            for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
                batches.add(batch);
            }
        }
        if (batches.isEmpty()) {
            throw new IOException("none of the " + chosen.size() + " pictures to measure with can be read; the first: "
                    + skipped.get(0).message());
        }
        return new Throughput(engine, batches, skipped);
    }

    /** Pictures that could not be read. */
    public List<BatchLoader.Failure> skipped() {
        return skipped;
    }

    /** How many images each run takes. */
    public int images() {
        return batches.stream().mapToInt(Batch::size).sum();
    }

    /**
     * Runs each policy {@code repeats} times over all images. Policies take turns at every batch, and each batch counts
     * with the median of its repeats, so that a machine that changes its pace changes it for all alike.
     *
     * @param onRun called after each of policies × repeats runs
     * @return images a second of each policy, in order
     */
    public List<Double> measure(List<StopPolicy> policies, int repeats, Runnable onRun) {
        if (repeats < 1) {
            throw new IllegalArgumentException("at least 1 repeat is needed, got " + repeats);
        }
        double[][][] nanos = new double[policies.size()][batches.size()][repeats];
        // The first batches of each size pay for the kernels' own preparations.
        for (Batch batch : batches.subList(0, (batches.size() + WARM_UP_SHARE - 1) / WARM_UP_SHARE)) {
            policies.forEach(policy -> nanos(batch, policy));
        }
        for (int repeat = 0; repeat < repeats; repeat++) {
            for (int b = 0; b < batches.size(); b++) {
                for (int p = 0; p < policies.size(); p++) {
                    nanos[p][b][repeat] = nanos(batches.get(b), policies.get(p));
                }
            }
            policies.forEach(policy -> onRun.run());
        }
        List<Double> rates = new ArrayList<>();
        for (double[][] ofPolicy : nanos) {
            double sum = Arrays.stream(ofPolicy).mapToDouble(Throughput::median).sum();
            rates.add(images() * 1e9 / Math.max(1, sum));
        }
        return rates;
    }

    private long nanos(Batch batch, StopPolicy policy) {
        long start = System.nanoTime();
        engine.run(batch.images(), batch.size(), policy);
        return System.nanoTime() - start;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
