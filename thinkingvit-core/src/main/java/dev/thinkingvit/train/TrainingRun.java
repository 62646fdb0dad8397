package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.ModelConfig;
import dev.thinkingvit.checkpoint.ModelDirectory;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A training from where it stands to its end: epochs, validations, and saving along the way.
 *
 * <p>With several processes each has a run of its own over the same number of batches; only the one with a folder
 * saves. {@link #stop} may be called from any thread.
 */
public final class TrainingRun {
    /** Judges weights. With several processes each judges its share, and all come to the same result. */
    @FunctionalInterface
    public interface Validation {
        /** @return the top-1 accuracy of each stage, 0–1 */
        List<Double> accuracies(Map<String, HostTensor> weights) throws IOException;
    }

    /** Hears of validations besides what a trainer tells. */
    public interface Listener extends TrainingListener {
        /**
         * An epoch and its validation done.
         *
         * @param epoch summary
         * @param accuracies of each stage, 0–1; empty without validation
         * @param best whether they are the best so far
         */
        default void onValidated(Epoch epoch, List<Double> accuracies, boolean best) throws IOException {}
    }

    /**
     * @param every how often to save what is needed to go on, besides after every epoch; an update later than due, since
     *     its loss shows whether the state is good
     * @param history how many epochs' models to keep
     * @param pth whether to write {@code last.pth.tar} and {@code model_best.pth.tar} as timm does, too; a training that
     *     has them goes on writing them, lest they fall behind
     */
    public record Saving(Duration every, int history, boolean pth) {}

    private static final double PERCENT = 100;

    private final Trainer trainer;
    private final ModelConfig config;
    private final @Nullable RunFolder folder;
    private final Saving saving;
    private final @Nullable Validation validation;
    private long savedAt = System.nanoTime();

    // A state is kept once the update after it has gone well. Were it kept at once, that of an update that broke the
    // weights would take the place of the last good one, though only the next loss shows it.
    private @Nullable TrainerState unproven;

    /**
     * @param trainer restored, if there was something to go on from; stays the caller's
     * @param config of the models that are saved
     * @param folder where to save; null in a process that leaves it to another
     * @param validation after each epoch; null for none, the last is the best then
     */
    public TrainingRun(
            Trainer trainer,
            ModelConfig config,
            @Nullable RunFolder folder,
            Saving saving,
            @Nullable Validation validation) {
        this.trainer = trainer;
        this.config = config;
        this.folder = folder;
        this.saving = saving;
        this.validation = validation;
    }

    /**
     * Trains to the end of the recipe's schedule.
     *
     * @return whether the end was reached; if not, the state is saved and the training can go on from there
     * @throws IOException if a picture cannot be read or a file not be written; what was saved before stays
     * @throws TrainingException if the loss stops being a number; what was saved before stays
     */
    public boolean run(BatchLoader loader, Listener listener) throws IOException {
        TrainingListener steps = new TrainingListener() {
            @Override
            public void onStep(Step step) throws IOException {
                listener.onStep(step);
                save();
                if (System.nanoTime() - savedAt > saving.every().toNanos()) {
                    remember();
                }
            }
        };
        while (trainer.epoch() < trainer.recipe().schedule().totalEpochs()) {
            TrainingListener.Epoch done = trainer.epoch(loader, steps);
            if (done == null) {
                remember();
                save();
                return false;
            }
            listener.onEpoch(done);
            finish(done, listener);
            if (trainer.isStopped()) {
                break;
            }
        }
        save();
        return trainer.epoch() >= trainer.recipe().schedule().totalEpochs();
    }

    private void remember() {
        if (folder != null) {
            unproven = trainer.state();
        }
        savedAt = System.nanoTime();
    }

    private void save() {
        if (folder != null && unproven != null) {
            folder.saveState(unproven);
            unproven = null;
        }
    }

    /** The last update's loss was good, but nothing has been computed with what it left yet. */
    private static void requireNumbers(Map<String, HostTensor> weights, int epoch) {
        weights.forEach((name, tensor) -> {
            for (float value : tensor.toFloats()) {
                if (!Float.isFinite(value)) {
                    throw new TrainingException("the weight " + name + " became " + value + " in epoch " + (epoch + 1)
                            + "; a lower learning rate, a longer warm-up or clip_grad may help");
                }
            }
        });
    }

    private List<Double> accuracies(Map<String, HostTensor> weights, int epoch) throws IOException {
        try {
            return validation == null ? List.of() : validation.accuracies(weights);
        } catch (ArithmeticException e) {
            throw new TrainingException("the validation of epoch " + (epoch + 1) + " found no numbers: "
                    + e.getMessage() + "; a lower learning rate, a longer warm-up or clip_grad may help");
        }
    }

    private void finish(TrainingListener.Epoch done, Listener listener) throws IOException {
        Map<String, HostTensor> weights = trainer.weights();
        requireNumbers(weights, done.epoch());
        List<Double> accuracies = accuracies(weights, done.epoch());
        boolean best = true;
        if (!accuracies.isEmpty()) {
            double accuracy = accuracies.get(accuracies.size() - 1);
            best = trainer.accuracies().stream().allMatch(before -> accuracy > before);
            trainer.validated(accuracy);
        }
        listener.onValidated(done, accuracies, best);
        if (folder != null) {
            // the state comes later: whatever is interrupted before it is done again
            if (best) {
                ModelDirectory.write(folder.best(), config, weights);
            }
            folder.saveHistory(done.epoch(), saving.history(), config, weights);
            ModelDirectory.write(folder.last(), config, weights);
            if (saving.pth() || TimmCheckpoint.isIn(folder.path())) {
                Double top1 = accuracies.isEmpty() ? null : PERCENT * accuracies.get(accuracies.size() - 1);
                TimmCheckpoint.write(folder.path(), trainer, config, done.epoch(), top1, best);
            }
        }
        remember();
    }

    /** Makes {@link #run} save and return soon, in all processes alike; see {@link Trainer#stop}. */
    public void stop() {
        trainer.stop();
    }
}
