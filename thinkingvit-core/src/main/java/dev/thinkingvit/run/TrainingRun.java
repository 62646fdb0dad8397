package dev.thinkingvit.run;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainerState;
import dev.thinkingvit.train.TrainingException;
import dev.thinkingvit.train.TrainingListener;
import dev.thinkingvit.train.ValidationRecipe;
import java.io.IOException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
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
        /**
         * @param asked whether this process is told to stop, to be looked at often
         * @return null if one of the processes was told to stop before all had judged
         */
        @Nullable Judgement judge(Map<String, HostTensor> weights, BooleanSupplier asked) throws IOException;
    }

    /** Looks whether weights that are about to be kept give numbers, where no validation has shown it. */
    @FunctionalInterface
    public interface Proof {
        /** @throws ArithmeticException if they do not */
        void prove(Map<String, HostTensor> weights) throws IOException;
    }

    /** Hears of validations besides what a trainer tells. */
    public interface Listener extends TrainingListener {
        /**
         * An epoch and its validation done.
         *
         * @param epoch summary
         * @param judged {@link Judgement#NONE} without validation
         * @param best whether it is the best so far
         */
        default void onValidated(Epoch epoch, Judgement judged, boolean best) throws IOException {}

        /** Something in the run's folder is not as it was, and the training goes on all the same; a line. */
        default void onTrouble(String line) {}
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
    private final Proof proof;
    private long savedAt = System.nanoTime();
    private TrainerState.Position saved;
    private boolean bestIsGone;
    private boolean finishing; // an epoch, which is saved already, and whose end is done again if it is not reached

    // A state is kept once the update after it has gone well, or once it is proven. Were it kept at once, that of an
    // update that broke the weights would take the place of the last good one, though only the next loss shows it.
    private @Nullable TrainerState unproven;

    /**
     * @param trainer restored, if there was something to go on from; stays the caller's
     * @param config of the models that are saved
     * @param folder where to save; null in a process that leaves it to another
     * @param validation of the epochs that the recipe says; null for none, the last is the best then
     * @param proof of the weights of other epochs
     */
    public TrainingRun(
            Trainer trainer,
            ModelConfig config,
            @Nullable RunFolder folder,
            Saving saving,
            @Nullable Validation validation,
            Proof proof) {
        this.trainer = trainer;
        this.config = config;
        this.folder = folder;
        this.saving = saving;
        this.validation = validation;
        this.proof = proof;
        this.saved = trainer.position();
    }

    /**
     * Trains to the end of the recipe's schedule. One without epochs ends at once, with the starting model saved as the
     * last one. Whatever ends it, what is in memory is saved first, unless it is no numbers.
     *
     * @return whether the end was reached; if not, the state is saved and the training can go on from there
     * @throws IOException if a picture cannot be read or a file not be written
     * @throws TrainingException if the loss stops being a number; what was saved before stays
     * @throws UnreadableException if too many pictures cannot be read; the state is saved then
     */
    public boolean run(BatchLoader loader, Listener listener) throws IOException {
        try {
            return train(loader, listener);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            requireSameFolder(e);
            if (!(e instanceof TrainingException failed && failed.isOfNumbers())) {
                rescue(e, listener);
            }
            throw e;
        }
    }

    /** Whatever fails in a folder that is another one fails for that. */
    private void requireSameFolder(Throwable end) {
        try {
            if (folder != null) {
                folder.requireSameAfter(end);
            }
        } catch (CheckpointException e) {
            e.addSuppressed(end);
            throw e;
        }
    }

    private void rescue(Throwable end, Listener listener) {
        try {
            if (!finishing) {
                saveProven(listener);
            }
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            end.addSuppressed(e); // the state that was saved before stays
        }
    }

    private boolean train(BatchLoader loader, Listener listener) throws IOException {
        TrainingListener steps = new TrainingListener() {
            @Override
            public void onPassedOver(int epoch, int step) throws IOException {
                listener.onPassedOver(epoch, step);
            }

            @Override
            public void onStep(Step step) throws IOException {
                listener.onStep(step);
                save(listener);
                if (System.nanoTime() - savedAt > saving.every().toNanos()) {
                    remember();
                }
            }

            @Override
            public void onUpdated(int epoch) throws IOException {
                saveProven(listener); // a validation may take long, and what ends it must not cost the epoch
            }
        };
        if (trainer.recipe().schedule().totalEpochs() == 0 && folder != null) {
            check(folder, listener);
            folder.saveLast(config, trainer.weights());
            keep(trainer.state(), listener);
        }
        while (trainer.epoch() < trainer.recipe().schedule().totalEpochs()) {
            TrainingListener.Epoch done = trainer.epoch(loader, steps);
            if (done == null) {
                saveProven(listener);
                return false;
            }
            listener.onEpoch(done);
            finishing = true;
            if (trainer.isStopped() || !finish(done, listener)) {
                return false;
            }
            finishing = false;
        }
        return trainer.epoch() >= trainer.recipe().schedule().totalEpochs();
    }

    private void remember() {
        if (folder != null) {
            unproven = trainer.state();
        }
        savedAt = System.nanoTime();
    }

    private void save(Listener listener) throws IOException {
        if (unproven != null) {
            TrainerState proven = unproven;
            unproven = null;
            keep(proven, listener);
        }
    }

    private void saveProven(Listener listener) throws IOException {
        if (folder != null && !trainer.position().equals(saved)) {
            keep(trainer.proven(), listener);
        }
    }

    private void keep(TrainerState state, Listener listener) throws IOException {
        if (folder != null) {
            check(folder, listener);
            folder.saveState(state);
            saved = state.position();
            savedAt = System.nanoTime();
        }
    }

    private void check(RunFolder open, Listener listener) throws IOException {
        open.check().forEach(listener::onTrouble);
        if (!bests(trainer.scores(), trainer.judgedFrom(), 1).isEmpty() && !open.hasBest() && !bestIsGone) {
            bestIsGone = true;
            listener.onTrouble(open.best()
                    + ": is gone or not whole; the model of the next validation takes its place, however good it is");
        }
    }

    private @Nullable Judgement judge(Map<String, HostTensor> weights, int epoch) throws IOException {
        try {
            Recipe recipe = trainer.recipe();
            if (validation != null
                    && recipe.validation().isDue(epoch, recipe.schedule().totalEpochs())) {
                return validation.judge(weights, trainer::isAsked);
            }
            if (folder != null) {
                proof.prove(weights);
            }
            return Judgement.NONE;
        } catch (ArithmeticException e) {
            throw TrainingException.ofNumbers("the model of epoch " + (epoch + 1) + " gives no numbers: "
                    + e.getMessage() + "; a lower learning rate, a longer warm-up or clip_grad may help");
        }
    }

    /** @return false if it was stopped before its end */
    private boolean finish(TrainingListener.Epoch done, Listener listener) throws IOException {
        ValidationRecipe recipe = trainer.recipe().validation();
        Map<String, HostTensor> weights = trainer.weights();
        Judgement judged = judge(weights, done.epoch());
        if (judged == null) {
            return false;
        }
        if (folder != null) {
            check(folder, listener); // before an epoch is told that could not be kept
        }
        if (validation != null) {
            trainer.validated(judged.isEmpty() ? Double.NaN : recipe.metric().score(judged));
        }
        List<Integer> bests = bests(trainer.scores(), trainer.judgedFrom(), recipe.checkpointHist());
        int here = trainer.scores().size() - 1;
        boolean best = validation == null
                || bests.indexOf(here) == 0
                || (folder != null && !judged.isEmpty() && !folder.hasBest());
        listener.onValidated(done, judged, best);
        if (folder != null) {
            // the state comes later: whatever is interrupted before it is done again
            int from = trainer.judgedFrom();
            if (best
                    && from > 0
                    && trainer.scores().subList(from, here).stream().allMatch(score -> score.isNaN())) {
                folder.setBestAside(from - 1);
            }
            if (best) {
                folder.saveBest(config, weights);
                bestIsGone = false;
            }
            if (recipe.checkpointHist() > 1 && bests.contains(here)) {
                folder.saveBest(done.epoch(), bests, config, weights);
            }
            folder.saveHistory(done.epoch(), saving.history(), config, weights);
            folder.saveLast(config, weights);
            if (saving.pth() || TimmCheckpoint.isIn(folder.path())) {
                List<Double> accuracies = judged.accuracies();
                Double top1 = accuracies.isEmpty() ? null : PERCENT * accuracies.get(accuracies.size() - 1);
                TimmCheckpoint.write(folder.path(), trainer, config, done.epoch(), top1, best);
            }
        }
        keep(trainer.state(), listener);
        return true;
    }

    /** The places of the {@code count} largest scores from one on, the best first; of equal ones the earlier is the better. */
    private static List<Integer> bests(List<Double> scores, int from, int count) {
        return IntStream.range(from, scores.size())
                .filter(i -> !scores.get(i).isNaN())
                .boxed()
                .sorted(Comparator.comparing((Integer i) -> -scores.get(i)))
                .limit(count)
                .toList();
    }

    /** Makes {@link #run} save and return soon, in all processes alike; see {@link Trainer#stop}. */
    public void stop() {
        trainer.stop();
    }
}
