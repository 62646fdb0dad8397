package dev.thinkingvit.train;

import java.io.IOException;
import java.util.List;

/** Hears how a training goes; called on the training thread. */
public interface TrainingListener {
    /**
     * One update done.
     *
     * @param epoch from 0
     * @param step the update's number within the epoch, from 0
     * @param stepsPerEpoch updates of an epoch
     * @param totalSteps updates made in all, this one included
     * @param losses of each stage in nats, the teacher's part included; NaN for a stage that was not sampled
     * @param distillations the teacher's part of each, before α; empty where none was asked
     * @param learningRate of this update
     * @param gradientNorm Euclidean norm of all gradients before clipping
     * @param images of this epoch so far
     */
    record Step(
            int epoch,
            int step,
            int stepsPerEpoch,
            long totalSteps,
            List<Double> losses,
            List<Double> distillations,
            double learningRate,
            double gradientNorm,
            long images) {}

    /**
     * One epoch done.
     *
     * @param epoch from 0
     * @param totalSteps updates made in all
     * @param losses mean loss of each stage in nats
     * @param learningRate at the epoch's start
     * @param imagesPerSecond of training since the training started or went on in this epoch, validation not counted
     * @param loadingShare share of that time spent waiting for pictures, 0–1
     * @param nanos that time
     * @param images that were trained on
     * @param missed what could not be read of this epoch, and updates passed over in all
     */
    record Epoch(
            int epoch,
            long totalSteps,
            List<Double> losses,
            double learningRate,
            double imagesPerSecond,
            double loadingShare,
            long nanos,
            long images,
            TrainerState.Missed missed) {}

    /**
     * An update for which not one picture could be read. It was passed over: nothing was learnt, the next one comes.
     *
     * @param epoch from 0
     * @param step the update's number within the epoch, from 0
     */
    default void onPassedOver(int epoch, int step) throws IOException {}

    default void onStep(Step step) throws IOException {}

    default void onEpoch(Epoch epoch) throws IOException {}

    /**
     * All updates of an epoch are made, and it is not counted as done yet: a state of now goes on with its end.
     *
     * @param epoch from 0
     */
    default void onUpdated(int epoch) throws IOException {}
}
