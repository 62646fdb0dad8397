package dev.thinkingvit.train;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.model.DropPath;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import dev.thinkingvit.tensor.Tensors;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Trains a {@link ThinkingViT}: every step runs all stages and descends on the weighted sum of their soft-target cross
 * entropies (paper, section 3.4), so that one set of weights serves each of them.
 *
 * <p>{@code B} images, {@code C} classes, {@code S} input size. The order of a run is:
 *
 * <ol>
 *   <li>{@link #epoch} for each epoch: load, mix, forward, loss, backward, AdamW, moving average;
 *   <li>{@link #weights} whenever the model is to be judged or saved.
 * </ol>
 *
 * <p>What chance decides in an epoch follows from the recipe's seed and the epoch's number alone. A trainer belongs to
 * the thread that uses it; close it, then the model.
 */
public final class Trainer implements AutoCloseable {
    private final ThinkingViT model;
    private final Recipe recipe;
    private final double[] stageWeights;
    private final Mixing mixing;
    private final AdamW optimizer;
    private final @Nullable Ema ema;

    /** @param model trained in place; stays the caller's */
    public Trainer(ThinkingViT model, Recipe recipe) {
        this(model, recipe, true);
    }

    Trainer(ThinkingViT model, Recipe recipe, boolean emaWarmup) {
        this.model = model;
        this.recipe = recipe;
        this.stageWeights = recipe.weights(model.config().stages());
        this.mixing = new Mixing(
                recipe.mixing(), recipe.labelSmoothing(), model.config().numClasses());
        this.optimizer = new AdamW(model.parameters(), recipe.optimizer());
        this.ema = recipe.emaDecay() > 0 ? new Ema(model.parameters(), recipe.emaDecay(), emaWarmup) : null;
    }

    /**
     * One pass over the training set.
     *
     * @param number of the epoch, from 0
     * @throws IOException if a picture cannot be read and the loader does not skip it
     * @throws TrainingException if the loss stops being a number; the weights are then of no use
     */
    public TrainingListener.Epoch epoch(int number, BatchLoader loader, TrainingListener listener) throws IOException {
        // F32 products of training are OpenBLAS's, on one thread of its own pool: two pools would fight over the cores
        Natives.setThreads(Natives.availableCores(), 1);
        SplittableRandom random = new SplittableRandom(recipe.seed() * 1_000_003 + number);
        double[] sums = new double[stageWeights.length];
        int step = 0;
        long images = 0;
        long start = System.nanoTime();
        long waiting;
        try (Epoch epoch = loader.epoch(number)) {
            int steps = epoch.batches();
            for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
                double learningRate =
                        recipe.learningRateAt(recipe.scheduleOnUpdates() ? number + (double) step / steps : number);
                double[] losses = step(batch, learningRate, random);
                List<Double> reported = new ArrayList<>();
                for (int k = 0; k < losses.length; k++) {
                    if (!Double.isFinite(losses[k])) {
                        throw new TrainingException("the loss of stage " + (k + 1) + " became " + losses[k]
                                + " at epoch " + number + ", step " + step + "; a lower learning rate than "
                                + learningRate + " may help");
                    }
                    sums[k] += losses[k];
                    reported.add(losses[k]);
                }
                listener.onStep(new TrainingListener.Step(number, step, steps, reported, learningRate));
                images += batch.size();
                step++;
            }
            waiting = epoch.waitNanos();
        }
        if (step == 0) {
            throw new TrainingException(
                    "epoch " + number + " had no step: no batch of the training set could be filled");
        }
        List<Double> means = new ArrayList<>();
        for (double sum : sums) {
            means.add(sum / step);
        }
        double nanos = System.nanoTime() - start;
        TrainingListener.Epoch done = new TrainingListener.Epoch(number, means, images / nanos * 1e9, waiting / nanos);
        listener.onEpoch(done);
        return done;
    }

    private double[] step(Batch batch, double learningRate, SplittableRandom random) {
        int size = model.config().imageSize();
        float[] targets = mixing.apply(batch.images(), batch.labels(), size, random);
        try (Scope scope = new Scope()) {
            Tensor images = Tensors.floats(batch.images(), 0, batch.size(), 3, size, size);
            Tensor target =
                    Tensors.floats(targets, 0, batch.size(), model.config().numClasses());
            return step(images, target, learningRate, DropPath.of(recipe.dropPath(), random.split()));
        } catch (RuntimeException e) {
            throw TensorException.translate("training step", e);
        }
    }

    /** One update; see {@link #backward} for the arguments. The gradients stay until the next one. */
    double[] step(Tensor images, Tensor target, double learningRate, DropPath dropPath) {
        optimizer.zeroGradients();
        double[] losses = backward(images, target, dropPath);
        optimizer.step(learningRate);
        if (ema != null) {
            ema.update();
        }
        return losses;
    }

    /**
     * Forward and backward pass of all stages; adds to the parameters' gradients.
     *
     * @param images (B, 3, S, S) F32
     * @param target (B, C) F32, rows sum to 1
     * @return the cross entropy of each stage in nats
     */
    private double[] backward(Tensor images, Tensor target, DropPath dropPath) {
        List<StageOutput> outputs = model.forward(images, recipe.precision(), dropPath);
        double[] losses = new double[outputs.size()];
        Tensor total = null;
        List<Tensor> stageLosses = new ArrayList<>();
        for (int k = 0; k < losses.length; k++) {
            Tensor loss = softTargetCrossEntropy(outputs.get(k).logits(), target);
            stageLosses.add(loss);
            Tensor weighted = loss.mul(new org.bytedeco.pytorch.Scalar(stageWeights[k]));
            total = total == null ? weighted : total.add(weighted);
        }
        if (total != null) {
            total.backward();
        }
        for (int k = 0; k < losses.length; k++) {
            losses[k] = stageLosses.get(k).item().toDouble();
        }
        return losses;
    }

    private static Tensor softTargetCrossEntropy(Tensor logits, Tensor target) {
        return logits.log_softmax(-1).mul(target).sum(-1).mean().neg();
    }

    /** The weights to judge and to save: the moving average where there is one, else the model's. */
    public Map<String, HostTensor> weights() {
        return ema == null ? model.stateDict() : ema.stateDict();
    }

    @Override
    public void close() {
        optimizer.close();
        if (ema != null) {
            ema.close();
        }
    }
}
