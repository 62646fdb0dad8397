package dev.thinkingvit.train;

import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.Gumbel;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.tensor.Workers;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The passes through the stages and back: each worker takes its share of the batch, micro-batch by micro-batch, on
 * weights that are cut once an update.
 *
 * <p>{@code B} images, {@code h} and {@code w} height and width of the input.
 */
final class GradientPass {
    /** Values of a micro-batch's tokens in the last stage: enough to make calls worth their while, measured. */
    private static final long MICRO_BATCH_VALUES = 64L * 65 * 192;

    private final NestedNetwork model;
    private final Recipe recipe;
    private final Precision precision;
    private final Workers workers;
    private final int microBatch;
    private final @Nullable Teacher teacher;
    private final Objective objective;

    /**
     * @param deviceBatch images that a device with memory of its own takes at once
     * @param teacher asked about every image, by the worker that has it; null for none
     * @param objective what is descended on
     */
    GradientPass(
            NestedNetwork model,
            Recipe recipe,
            Workers workers,
            int deviceBatch,
            @Nullable Teacher teacher,
            Objective objective) {
        this.model = model;
        this.recipe = recipe;
        this.precision = recipe.precision(model.device());
        this.workers = workers;
        this.teacher = teacher;
        this.objective = objective;
        long values = Cost.blockValues(model.network(), model.config().stages());
        this.microBatch = model.device().isCuda() ? deviceBatch : (int) Math.max(1, MICRO_BATCH_VALUES / values);
    }

    /**
     * Leaves the gradients' sums over the images in the workers' buffers, divided by the whole batch's size, with the
     * images and each stage's summed loss, images and teacher's part of the loss among the extras.
     *
     * @param gradients one of each worker; what they held is gone
     * @param weights of each stage's loss; a stage of weight 0 gives none
     */
    void run(List<Trainer.Part> parts, double[] weights, int epoch, List<Gradients> gradients) {
        try (Scope scope = new Scope()) {
            NestedWeights whole = Natives.onThisThreadOnly(() -> model.cut(precision));
            NestedWeights cut = recipe.halting().removes() ? whole.leavingOut() : whole;
            workers.run(worker -> {
                Gradients own = gradients.get(worker);
                own.zero();
                try (Scope share = new Scope()) {
                    NestedWeights replica = cut.replica();
                    double[] extras = new double[Math.toIntExact(own.extras().numel())];
                    for (Trainer.Part part : parts) {
                        int count = part.samples().length;
                        int from = (int) ((long) count * worker / workers.count());
                        int to = (int) ((long) count * (worker + 1) / workers.count());
                        for (int start = from; start < to; start += microBatch) {
                            ProcessExit.requireRunning(); // an update may take long, and an exit waits for it
                            int end = Math.min(to, start + microBatch);
                            microBatch(replica, part, start, end, weights, epoch, extras);
                            replica.addGradientsTo(own.views());
                        }
                    }
                    float[] numbers = new float[extras.length];
                    for (int i = 0; i < numbers.length; i++) {
                        numbers[i] = (float) extras[i];
                    }
                    own.extras().copy_(Tensors.floats(numbers, 0, numbers.length));
                }
            });
        }
    }

    private void microBatch(
            NestedWeights replica, Trainer.Part part, int from, int to, double[] weights, int epoch, double[] extras) {
        ImageSize size = model.config().imageSize();
        int values = part.targets().length / part.samples().length; // of an image's target
        int rows = to - from;
        try (Scope scope = new Scope()) {
            TorchDevice device = model.device();
            Tensor input = device.place(
                    Tensors.floats(part.images(), from * size.values(), rows, 3, size.height(), size.width()));
            Tensor target = device.place(Tensors.floats(part.targets(), from * values, rows, values));
            List<SplittableRandom> generators = new ArrayList<>();
            List<SplittableRandom> choosing = new ArrayList<>();
            for (int i = from; i < to; i++) {
                generators.add(Chance.DROP.generator(recipe, epoch, part.samples()[i]));
                choosing.add(Chance.TOKENS.generator(recipe, epoch, part.samples()[i]));
            }
            DropPath dropPath = DropPath.draw(recipe.loss().dropPath(), model.network(), generators);
            int stages = weights.length;
            Teacher.Answer answer = teacher == null ? null : teacher.answer(input, objective.asksForTokens());
            Objective.Wanted wanted = new Objective.Wanted(
                    target, answer == null ? null : answer.logits(), answer == null ? null : answer.tokens());
            replica.backward(
                    input,
                    lastWeighted(weights),
                    (stage, output) -> {
                        if (weights[stage - 1] == 0) {
                            return null;
                        }
                        Objective.Loss loss = objective.of(output, wanted);
                        if (loss.taught() != null) {
                            extras[2 * stages + stage] += loss.taught().item().toDouble();
                        }
                        Tensor beside = loss.beside();
                        double all = recipe.optimizer().batchSize();
                        extras[stage] += loss.total().item().toDouble()
                                + (beside == null ? 0 : beside.item().toDouble());
                        extras[stages + stage] += rows;
                        Tensor weighed = loss.total().mul(new Scalar(weights[stage - 1] / all));
                        return beside == null ? weighed : weighed.add(beside.div(new Scalar(all)));
                    },
                    dropPath,
                    Gumbel.draw(choosing),
                    recipe.execution().gradCheckpointing());
            extras[0] += rows;
        }
    }

    private static int lastWeighted(double[] weights) {
        int last = weights.length;
        while (weights[last - 1] == 0) {
            last--;
        }
        return last;
    }
}
