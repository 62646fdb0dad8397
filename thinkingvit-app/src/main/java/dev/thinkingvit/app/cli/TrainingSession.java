package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.eval.NoPicturesException;
import dev.thinkingvit.eval.Score;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.report.TrainingPage;
import dev.thinkingvit.run.PixelJudge;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.RunJudge;
import dev.thinkingvit.run.RunLog;
import dev.thinkingvit.run.RunPictures;
import dev.thinkingvit.run.RunPixels;
import dev.thinkingvit.run.TrainingRun;
import dev.thinkingvit.run.UnreadableException;
import dev.thinkingvit.run.UnreadablePictures;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.Teacher;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainerState;
import dev.thinkingvit.train.TrainingException;
import dev.thinkingvit.train.TrainingListener;
import dev.thinkingvit.train.TrainingPictures;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/**
 * One process's part of a training, from where it stands to its end.
 *
 * @param recipe how
 * @param config of the models that are saved
 * @param pictures all of them, the same in every process
 * @param settings of this process
 * @param group the processes that train together; null for one alone
 * @param err where progress is told
 * @param skips where pictures that cannot be read are named
 */
record TrainingSession(
        Recipe recipe,
        ModelConfig config,
        RunPictures pictures,
        Settings settings,
        @Nullable ProcessGroup group,
        PrintWriter err,
        SkipNotes skips) {
    private static final long CACHE_BYTES = 512L << 20;

    /**
     * @param device that computes
     * @param threads that compute, on a processor
     * @param workers threads that decode and augment
     * @param saving when and what to save
     */
    record Settings(TorchDevice device, int threads, int workers, TrainingRun.Saving saving) {}

    /**
     * @param model with its first weights; trained in place
     * @param teacher whom the recipe distils; null for nobody
     * @param open the run, restored and begun here; null in a process that leaves saving to another
     * @return whether the end was reached
     */
    boolean run(NestedNetwork model, @Nullable Teacher teacher, @Nullable OpenRun open) throws IOException {
        Peers peers = group == null ? Peers.ALONE : Peers.of(group);
        RunFolder folder = open == null ? null : open.folder();
        Stop stop = new Stop();
        PixelJudge pixels = pictures.pixels() == null
                ? null
                : new PixelJudge(
                        recipe,
                        config,
                        pictures,
                        settings.device(),
                        group,
                        (failures, read) -> skips.judged(failures, read, group));
        RunJudge judge = new RunJudge(
                recipe,
                config,
                pictures,
                settings.device(),
                group,
                Score.ofClasses(null),
                (failures, read) -> skips.judged(failures, read, group));
        try (Interruption interruption = new Interruption(stop)) {
            boolean done;
            try (Trainer trainer = new Trainer(model, recipe, peers, settings.threads(), teacher);
                    BatchLoader loader = loader(peers)) {
                trainer.watch(skips.pictures().ofTraining());
                restore(trainer, loader, open);
                TrainingRun run = new TrainingRun(
                        trainer,
                        config,
                        folder,
                        settings.saving(),
                        pictures.validation().isEmpty() ? null : pixels != null ? pixels : judge,
                        pixels != null ? pixels::prove : weights -> prove(judge, weights));
                stop.of(run);
                try {
                    done = run(run, loader, trainer, open);
                } catch (UnreadableException e) {
                    together(); // all end so, and process 0 saves first
                    throw e;
                }
                together();
            }
            if (done
                    && recipe.schedule().totalEpochs() > 0
                    && folder != null
                    && pixels == null
                    && !pictures.validation().isEmpty()) {
                return new TrainingReport(judge, err).write(folder, stop);
            }
            return done;
        }
    }

    private void prove(RunJudge judge, Map<String, HostTensor> weights) throws IOException {
        try {
            judge.prove(weights);
        } catch (NoPicturesException e) {
            err.println("note: the model is kept unproven, " + e.getMessage());
        }
    }

    /** What was told to stop: the training, or what comes after it. */
    private static final class Stop implements Runnable, BooleanSupplier {
        private boolean asked; // guarded by this
        private @Nullable TrainingRun run; // guarded by this

        /** Called on another thread. */
        @Override
        public synchronized void run() {
            asked = true;
            if (run != null) {
                run.stop();
            }
        }

        synchronized void of(TrainingRun begun) {
            run = begun;
            if (asked) {
                begun.stop();
            }
        }

        @Override
        public synchronized boolean getAsBoolean() {
            return asked;
        }
    }

    /** Who ends first might have the others ended, while process 0 still saves. */
    private void together() {
        if (group != null) {
            group.barrier();
        }
    }

    /** Says and writes down what could not be read, as far as this training has come. */
    private void sumUp(OpenRun open, Trainer trainer) throws IOException {
        try {
            write(open, trainer.position().missed());
        } finally { // which does not fail
            skips.sum(open.folder().path(), trainer.position().missed());
        }
    }

    private void write(OpenRun open, TrainerState.Missed missed) throws IOException {
        open.folder().requireSame();
        skips.write(open.folder().path(), missed);
        UnreadablePictures list = skips.pictures();
        open.record()
                .with(new RunRecord.Unreadable(
                        list.count(UnreadablePictures.Use.TRAINING),
                        list.count(UnreadablePictures.Use.VALIDATION),
                        missed.totalUpdates()))
                .write(open.folder().path());
    }

    private void restore(Trainer trainer, BatchLoader loader, @Nullable OpenRun open) throws IOException {
        if (open != null) {
            Optional<TrainerState> state = open.state();
            if (state.isPresent()) {
                restore(trainer, state.get(), open.folder());
                TrainerState.Position at = state.get().position();
                err.println(
                        at.epoch() >= recipe.schedule().totalEpochs()
                                ? "going on with the report, all epochs are done"
                                : "going on at epoch " + (at.epoch() + 1) + ", update " + (at.update() + 1));
                Recipe before = open.recipeSoFar();
                if (before != null && trainer.epoch() < recipe.schedule().totalEpochs()) {
                    sayRate(trainer, before, loader.samples().size());
                }
            }
            open.begin(trainer.state());
            write(open, trainer.position().missed());
        }
        if (group != null) {
            trainer.share();
        }
        if (trainer.judgeOn(pictures.judgedOn())) {
            err.println("note: the validation pictures are others than before, so the scores do not compare; the next"
                    + " one is the best so far whatever it is; the best by the old ones moves to earlier-bests/");
        }
    }

    private static void restore(Trainer trainer, TrainerState state, RunFolder folder) {
        try {
            trainer.restore(state);
        } catch (TrainingException e) { // such as of a state that came from elsewhere
            throw new TrainingException(folder.path() + ": " + e.getMessage());
        }
    }

    /** A changed schedule may make the learning rate jump, which nobody shall find out by the loss. */
    private void sayRate(Trainer trainer, Recipe before, int samples) {
        double old = trainer.learningRate(before, samples);
        double now = trainer.learningRate(recipe, samples);
        if (Math.abs(old - now) > 1e-6 * Math.max(old, now)) {
            boolean ended = trainer.epoch() >= before.schedule().totalEpochs();
            err.printf(
                    Locale.ROOT,
                    "note: the learning rate of the next update is %s → %s%s%n",
                    rate(old),
                    rate(now),
                    ended ? "; the schedule so far had come to its end" : "");
        }
    }

    private static String rate(double value) {
        return String.valueOf(new BigDecimal(value).round(new MathContext(3)).doubleValue());
    }

    private boolean run(TrainingRun run, BatchLoader loader, Trainer trainer, @Nullable OpenRun open)
            throws IOException {
        if (open == null || recipe.schedule().totalEpochs() == 0) {
            return run.run(loader, new TrainingRun.Listener() {});
        }
        int stages = config.network().stages();
        // closed last: what fails then comes beside what ended the training and not in its place
        try (Closeable summing = () -> sumUp(open, trainer);
                ProgressBar bar = Progress.of(
                        "training",
                        trainer.position().totalUpdates(),
                        Math.max(1, trainer.position().totalUpdates()),
                        err);
                RunLog log = RunLog.open(
                        open.folder(),
                        recipe,
                        stages,
                        trainer.epoch(),
                        trainer.position().totalUpdates(),
                        this::warn)) {
            return run.run(loader, new Watcher(bar, log, open, trainer));
        }
    }

    private void warn(String line) {
        err.println("warning: " + line);
    }

    /** Tells people how it goes. */
    private final class Watcher implements TrainingRun.Listener {
        private final int epochs = recipe.schedule().totalEpochs();
        private final ProgressBar bar;
        private final RunLog log;
        private final OpenRun open;
        private final Path folder;
        private final Trainer trainer;

        Watcher(ProgressBar bar, RunLog log, OpenRun open, Trainer trainer) {
            this.bar = bar;
            this.log = log;
            this.open = open;
            this.folder = open.folder().path();
            this.trainer = trainer;
        }

        @Override
        public void onPassedOver(int epoch, int step) throws IOException {
            if (trainer.position().missed().updates() == 1) { // the epoch's line has the number of all
                err.printf(
                        "passed over: update %d of epoch %d, none of its pictures can be read%n", step + 1, epoch + 1);
            }
            skips.keepUp(folder, trainer.position().missed());
        }

        @Override
        public void onStep(Step step) throws IOException {
            bar.maxHint((long) epochs * step.stepsPerEpoch());
            bar.setExtraMessage(" epoch " + (step.epoch() + 1) + "/" + epochs + " loss " + losses(step.losses()));
            bar.stepTo(step.totalSteps());
            log.onStep(step);
            skips.keepUp(folder, trainer.position().missed());
        }

        @Override
        public void onTrouble(String line) {
            warn(line);
        }

        @Override
        public void onValidated(TrainingListener.Epoch epoch, Judgement judged, boolean best) throws IOException {
            log.onValidated(epoch, judged, best);
            write(open, epoch.missed());
            String progress = String.format("epoch %d of %d", epoch.epoch() + 1, epochs);
            err.printf(
                    "%s: loss %s%s%s%n",
                    progress,
                    losses(epoch.losses()),
                    judged.isEmpty()
                            ? ""
                            : ", validation loss " + losses(judged.losses())
                                    + (pictures.pixels() == null ? ", top-1 " : ", mIoU ")
                                    + percent(judged.accuracies())
                                    + (best ? " (best)" : "") + over(judged) + missed(epoch.missed()),
                    Double.isNaN(epoch.imagesPerSecond())
                            ? ""
                            : String.format(
                                    ", %.0f images/s, %.1f %% waiting for pictures",
                                    epoch.imagesPerSecond(), 100 * epoch.loadingShare()));
            TrainingPage.Score score = pictures.pixels() == null ? TrainingPage.Score.TOP1 : TrainingPage.Score.MIOU;
            new TrainingPage(config.network().shorthand(), progress, RecipeFile.text(recipe), score, log.epochs())
                    .write(folder.resolve("training.html"));
        }
    }

    private static String missed(TrainerState.Missed missed) {
        return (missed.pictures() == 0 ? "" : counted(missed.pictures(), "picture") + " left out")
                + (missed.updates() == 0 ? "" : counted(missed.updates(), "update") + " passed over");
    }

    private static String counted(long count, String what) {
        return String.format(", %,d %s%s", count, what, count == 1 ? "" : "s");
    }

    /** Of how many pictures a score is, where some could not be read. */
    private static String over(Judgement judged) {
        return judged.unreadable() == 0
                ? ""
                : String.format(" of %,d of %,d pictures", judged.pictures(), judged.pictures() + judged.unreadable());
    }

    private BatchLoader loader(Peers peers) {
        RunPixels pixels = pictures.pixels();
        BatchLoader.Builder builder = pixels == null
                ? TrainingPictures.loader(recipe, pictures.training(), config.preprocessing(), peers)
                : TrainingPictures.pixelLoader(
                        recipe, pixels.training(), pictures.training(), config.preprocessing(), peers);
        return builder.workers(settings.workers())
                .cacheBytes(CACHE_BYTES)
                .check(pictures.check(UnreadablePictures.Use.TRAINING))
                .skipBroken(failure -> {})
                .open();
    }

    private static String losses(List<Double> losses) {
        return losses.stream().map(loss -> String.format("%.3f", loss)).collect(Collectors.joining(" / "));
    }

    private static String percent(List<Double> shares) {
        return shares.stream().map(share -> String.format("%.2f", 100 * share)).collect(Collectors.joining(" / "));
    }
}
