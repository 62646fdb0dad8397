package dev.thinkingvit.benchmarks;

import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import java.util.List;

/** The elastic engine on a batch of which a given share needs more than the first stage. */
final class ElasticInference implements Contender {
    private static final Routers ROUTER = Routers.ENTROPY;

    private final String name;
    private final ElasticEngine engine;
    private final float[] images;
    private final int count;
    private final StopPolicy policy;

    /**
     * @param engine stays the caller's
     * @param images (B, 3, S, S) values
     * @param goOn how many of the images go on, those that the first stage is least sure of
     */
    ElasticInference(String name, ElasticEngine engine, float[] images, int count, int goOn) {
        this.name = name;
        this.engine = engine;
        this.images = images;
        this.count = count;
        this.policy = StopPolicy.of(ROUTER, threshold(goOn));
    }

    /** Between the measures of the last image that goes on and the first that does not. */
    private double threshold(int goOn) {
        double[] measures = engine.run(images, count, StopPolicy.alwaysThink(ROUTER)).stream()
                .mapToDouble(outcome -> outcome.stages().get(0).measure())
                .sorted()
                .toArray();
        if (goOn == count) {
            return -1; // an entropy is never below it
        }
        double sure = measures[count - goOn - 1];
        return goOn == 0 ? sure + 1 : (sure + measures[count - goOn]) / 2;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double unitsPerStep() {
        return count;
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
        outcomes();
    }

    /** 10⁹ multiply-accumulates that an image took, on average. */
    double gmacs() {
        return outcomes().stream().mapToDouble(Outcome::gmacs).average().orElseThrow();
    }

    /** A step. */
    List<Outcome> outcomes() {
        return engine.run(images, count, policy);
    }

    @Override
    public void close() {
        // the engine is shared by several
    }
}
