package dev.thinkingvit.train;

import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.Gumbel;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.network.StageLoss;
import dev.thinkingvit.network.TrainingPasses;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.tensor.Workers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
final class GradientPass implements AutoCloseable {
    /** Values of a micro-batch's tokens in the last stage: enough to make calls worth their while, measured. */
    private static final long MICRO_BATCH_VALUES = 64L * 65 * 192;

    /** The same where programs compute it: what they work on stays in the caches, measured. */
    private static final long PROGRAM_VALUES = 32L * 65 * 192;

    private final NestedNetwork model;
    private final Recipe recipe;
    private final Precision precision;
    private final Workers workers;
    private final int microBatch;
    private final @Nullable Teacher teacher;
    private final Objective objective;
    private final List<@Nullable TrainingPasses> programs = new ArrayList<>(); // of each worker, made by it
    private final boolean isProgram;

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
        this.isProgram = !model.device().isCuda()
                && !recipe.execution().gradCheckpointing()
                && TrainingPasses.areFor(model.network(), precision.ofTraining());
        this.microBatch = model.device().isCuda()
                ? deviceBatch
                : (int) Math.max(1, (isProgram ? PROGRAM_VALUES : MICRO_BATCH_VALUES) / values);
        for (int worker = 0; worker < workers.count(); worker++) {
            programs.add(null);
        }
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
                    Passes passes = passes(worker, cut);
                    double[] extras = new double[Math.toIntExact(own.extras().numel())];
                    for (Trainer.Part part : parts) {
                        int count = part.samples().length;
                        int from = (int) ((long) count * worker / workers.count());
                        int to = (int) ((long) count * (worker + 1) / workers.count());
                        int size = isProgram ? evenSize(to - from) : microBatch;
                        for (int start = from; start < to; start += size) {
                            ProcessExit.requireRunning(); // an update may take long, and an exit waits for it
                            int end = Math.min(to, start + size);
                            microBatch(passes, part, start, end, weights, epoch, extras);
                            if (!isProgram) {
                                passes.addGradientsTo(own.views());
                            }
                        }
                    }
                    if (isProgram) {
                        passes.addGradientsTo(own.views());
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

    /** How the weights' gradients are found. */
    private interface Passes {
        void backward(Tensor images, int last, StageLoss loss, DropPath dropPath, List<SplittableRandom> choosing);

        void addGradientsTo(Map<String, Tensor> full);
    }

    /** By programs where the network has them, else by libtorch's operators. */
    private Passes passes(int worker, NestedWeights cut) {
        if (!isProgram) {
            NestedWeights replica = cut.replica();
            return new Passes() {
                @Override
                public void backward(
                        Tensor images, int last, StageLoss loss, DropPath dropPath, List<SplittableRandom> choosing) {
                    boolean recomputes = recipe.execution().gradCheckpointing();
                    replica.backward(
                            images, last, loss, objective.readsTokens(), dropPath, Gumbel.draw(choosing), recomputes);
                }

                @Override
                public void addGradientsTo(Map<String, Tensor> full) {
                    replica.addGradientsTo(full);
                }
            };
        }
        TrainingPasses known = programs.get(worker);
        TrainingPasses own = known == null
                ? new TrainingPasses(
                        model.network(), precision.ofTraining(), recipe.loss().dropPath() > 0)
                : known;
        programs.set(worker, own);
        own.use(cut);
        return new Passes() {
            @Override
            public void backward(
                    Tensor images, int last, StageLoss loss, DropPath dropPath, List<SplittableRandom> choosing) {
                own.backward(images, last, loss, objective.readsTokens(), dropPath);
            }

            @Override
            public void addGradientsTo(Map<String, Tensor> full) {
                own.addGradientsTo(full);
            }
        };
    }

    /** Of micro-batches as even as can be: programs are made for a size. */
    private int evenSize(int images) {
        int parts = Math.max(1, (images + microBatch - 1) / microBatch);
        return Math.max(1, (images + parts - 1) / parts);
    }

    /** When the workers are through. */
    @Override
    public void close() {
        for (TrainingPasses passes : programs) {
            if (passes != null) {
                passes.close();
            }
        }
    }

    private void microBatch(
            Passes passes, Trainer.Part part, int from, int to, double[] weights, int epoch, double[] extras) {
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
            passes.backward(
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
                    choosing);
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
