package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import java.util.List;

/** The network alone, all stages, on batches that were prepared before. A step is a batch. */
final class PreparedInference implements Contender {
    private final String name;
    private final ElasticEngine engine;
    private final List<Batch> batches;
    private int next;

    /**
     * @param engine stays the caller's
     * @param batches equally large
     */
    PreparedInference(String name, ElasticEngine engine, List<Batch> batches) {
        this.name = name;
        this.engine = engine;
        this.batches = List.copyOf(batches);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double unitsPerStep() {
        return batches.get(0).size();
    }

    @Override
    public void settle() {
        Threads.OURS.settle();
    }

    @Override
    public int warmUpSteps(int turn) {
        return 1;
    }

    @Override
    public void step() {
        Batch batch = batches.get(next);
        next = (next + 1) % batches.size();
        engine.run(batch.images(), batch.size(), StopPolicy.alwaysThink(Routers.ENTROPY_TOP10));
    }

    @Override
    public void close() {
        // the engine is shared by several
    }
}
