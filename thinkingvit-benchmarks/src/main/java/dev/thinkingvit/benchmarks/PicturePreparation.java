package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reading, decoding and preparing pictures with nothing beside it, on as many threads as evaluating has. */
final class PicturePreparation implements Contender {
    /** Batches that a loader had time to prepare while others had their turn, and one more. */
    static final int AHEAD = 3;

    private final int batchSize;
    private final BatchLoader loader;
    private @Nullable Epoch epoch;

    /** @param samples a multiple of the batch size; each must be readable */
    PicturePreparation(Preprocessing preprocessing, List<Sample> samples, int batchSize, int workers) {
        this.batchSize = batchSize;
        this.loader = BatchLoader.of(samples, preprocessing, preprocessing)
                .batchSize(batchSize)
                .workers(workers)
                .open();
    }

    @Override
    public String name() {
        return "pictures from files, no network";
    }

    @Override
    public double unitsPerStep() {
        return batchSize;
    }

    @Override
    public void settle() {
        Threads.OURS.settle();
    }

    @Override
    public int warmUpSteps(int turn) {
        return AHEAD;
    }

    @Override
    public void step() throws IOException {
        next();
    }

    /** The next batch, prepared. */
    Batch next() throws IOException {
        Batch batch = epoch == null ? null : epoch.next();
        if (batch == null) {
            epoch = loader.epoch(0);
            batch = epoch.next();
        }
        if (batch == null) {
            throw new IOException("no picture is left");
        }
        return batch;
    }

    @Override
    public void close() {
        loader.close();
    }
}
