package dev.thinkingvit.train;

import java.util.List;

/** Hears how a training goes; called on the training thread. */
public interface TrainingListener {
    /**
     * One step done.
     *
     * @param epoch from 0
     * @param step within the epoch, from 0
     * @param stepsPerEpoch steps of an epoch
     * @param losses cross entropy of each stage in nats
     * @param learningRate of this step
     */
    record Step(int epoch, int step, int stepsPerEpoch, List<Double> losses, double learningRate) {}

    /**
     * One epoch done.
     *
     * @param epoch from 0
     * @param losses mean cross entropy of each stage in nats
     * @param imagesPerSecond of training, validation not counted
     * @param loadingShare share of the time spent waiting for pictures, 0–1
     */
    record Epoch(int epoch, List<Double> losses, double imagesPerSecond, double loadingShare) {}

    default void onStep(Step step) {}

    default void onEpoch(Epoch epoch) {}
}
