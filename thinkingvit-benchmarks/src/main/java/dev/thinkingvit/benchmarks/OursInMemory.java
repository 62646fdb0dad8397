package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Trainer;
import java.util.List;
import java.util.Map;

/** This library's {@link Trainer} on images in memory: forward, backward, optimizer and moving average. */
final class OursInMemory implements Contender {
    private final String name;
    private final NestedNetwork model;
    private final Trainer trainer;
    private final Trainer.Part part;
    private final double learningRate;

    /**
     * @param recipe its batch size must be the batch's
     * @param weights first weights
     */
    OursInMemory(
            String name, Recipe recipe, NetworkConfig config, Map<String, HostTensor> weights, SyntheticBatch batch) {
        this.name = name;
        this.model = NestedNetwork.of(config, weights);
        this.trainer = new Trainer(model, recipe);
        this.part = new Trainer.Part(batch.images(), batch.targets(), new int[batch.size()]);
        this.learningRate = recipe.optimizer().peakLr();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double unitsPerStep() {
        return part.samples().length;
    }

    @Override
    public void settle() {
        Threads.OURS.settle();
    }

    @Override
    public int warmUpSteps(int turn) {
        return turn == 0 ? 2 : 1;
    }

    @Override
    public void step() {
        losses();
    }

    /** A step; the loss of each stage before it, nats. */
    List<Double> losses() {
        return trainer.update(List.of(part), learningRate).losses();
    }

    @Override
    public void close() {
        trainer.close();
        model.close();
    }
}
