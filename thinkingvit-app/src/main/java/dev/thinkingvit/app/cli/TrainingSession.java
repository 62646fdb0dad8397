package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.ModelConfig;
import dev.thinkingvit.checkpoint.ModelDirectory;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.eval.EvaluationReport;
import dev.thinkingvit.eval.NoPicturesException;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.Thresholds;
import dev.thinkingvit.eval.TrainingPage;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.PackedThinkingViT;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.RunFolder;
import dev.thinkingvit.train.RunLog;
import dev.thinkingvit.train.RunPictures;
import dev.thinkingvit.train.Teacher;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainerState;
import dev.thinkingvit.train.TrainingListener;
import dev.thinkingvit.train.TrainingPictures;
import dev.thinkingvit.train.TrainingRun;
import dev.thinkingvit.train.UnreadableException;
import dev.thinkingvit.train.UnreadablePictures;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
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
    private static final int PROVEN_ON = 8;

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
    boolean run(ThinkingViT model, @Nullable Teacher teacher, @Nullable OpenRun open) throws IOException {
        Peers peers = group == null ? Peers.ALONE : Peers.of(group);
        RunFolder folder = open == null ? null : open.folder();
        Stop stop = new Stop();
        try (Interruption interruption = new Interruption(stop)) {
            boolean done;
            try (Trainer trainer = new Trainer(model, recipe, peers, settings.threads(), teacher);
                    BatchLoader loader = loader(peers)) {
                trainer.watch(skips.pictures());
                restore(trainer, loader, open);
                TrainingRun run = new TrainingRun(
                        trainer,
                        config,
                        folder,
                        settings.saving(),
                        pictures.validation().isEmpty() ? null : this::judge,
                        this::prove);
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
                    && !pictures.validation().isEmpty()) {
                return report(folder, stop);
            }
            return done;
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
                trainer.restore(state.get());
                err.printf(
                        "going on at epoch %d, update %d%n",
                        state.get().position().epoch() + 1,
                        state.get().position().update() + 1);
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
        public void onValidated(TrainingListener.Epoch epoch, TrainingRun.Judgement judged, boolean best)
                throws IOException {
            log.onValidated(epoch, judged, best);
            write(open, epoch.missed());
            String progress = String.format("epoch %d of %d", epoch.epoch() + 1, epochs);
            err.printf(
                    "%s: loss %s%s%s%n",
                    progress,
                    losses(epoch.losses()),
                    judged.isEmpty()
                            ? ""
                            : ", validation loss " + losses(judged.losses()) + ", top-1 " + percent(judged.accuracies())
                                    + (best ? " (best)" : "") + over(judged) + missed(epoch.missed()),
                    Double.isNaN(epoch.imagesPerSecond())
                            ? ""
                            : String.format(
                                    ", %.0f images/s, %.1f %% waiting for pictures",
                                    epoch.imagesPerSecond(), 100 * epoch.loadingShare()));
            new TrainingPage(config.network().shorthand(), progress, RecipeFile.text(recipe), log.epochs())
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
    private static String over(TrainingRun.Judgement judged) {
        return judged.unreadable() == 0
                ? ""
                : String.format(" of %,d of %,d pictures", judged.pictures(), judged.pictures() + judged.unreadable());
    }

    private BatchLoader loader(Peers peers) {
        return TrainingPictures.loader(recipe, pictures.training(), config.preprocessing(), peers)
                .workers(settings.workers())
                .cacheBytes(CACHE_BYTES)
                .check(pictures.check(UnreadablePictures.Use.TRAINING))
                .skipBroken(failure -> {})
                .open();
    }

    /** Top-1 and loss of each stage over all validation pictures; with several processes each judges a share. */
    private TrainingRun.@Nullable Judgement judge(Map<String, HostTensor> weights, BooleanSupplier asked)
            throws IOException {
        int rank = group == null ? 0 : group.rank();
        int size = group == null ? 1 : group.size();
        List<Sample> share = new ArrayList<>();
        for (int i = rank; i < pictures.validation().size(); i += size) {
            share.add(pictures.validation().get(i));
        }
        int stages = config.network().stages();
        // right answers of each stage, losses of each stage, images, and whether to stop
        double[] counts = new double[2 * stages + 2];
        List<BatchLoader.Failure> failures = List.of();
        if (!share.isEmpty()) {
            try (Backbone backbone = backbone(weights)) {
                Recording recording = record(backbone, share, asked);
                failures = recording.skipped();
                recording.images().forEach(image -> {
                    for (int k = 0; k < stages; k++) {
                        counts[k] += image.stages().get(k).inTop1() ? 1 : 0;
                        counts[stages + k] += image.stages().get(k).crossEntropyNats();
                    }
                });
                counts[2 * stages] = recording.images().size();
            } catch (CancellationException e) {
                counts[2 * stages + 1] = 1;
            } catch (NoPicturesException e) {
                failures = e.failures(); // other processes may have some
            }
        }
        Set<Sample> lost =
                failures.stream().map(BatchLoader.Failure::sample).collect(Collectors.toCollection(HashSet::new));
        skips.judged(
                failures, share.stream().filter(each -> !lost.contains(each)).toList(), group);
        double[] sums = new double[counts.length];
        for (double[] of : group == null ? new double[][] {counts} : group.gather(counts)) {
            for (int k = 0; k < sums.length; k++) {
                sums[k] += of[k];
            }
        }
        if (sums[2 * stages + 1] > 0) {
            return null;
        }
        List<Double> means =
                Arrays.stream(sums).map(sum -> sum / sums[2 * stages]).boxed().toList();
        long images = (long) sums[2 * stages];
        return new TrainingRun.Judgement(
                means.subList(0, stages),
                means.subList(stages, 2 * stages),
                images,
                pictures.validation().size() - images);
    }

    private Backbone backbone(Map<String, HostTensor> weights) {
        Precision precision = recipe.precision(settings.device());
        return settings.device().isCuda()
                ? NestedBackbone.of(config.network(), weights, precision, settings.device())
                : PackedThinkingViT.of(config.network(), weights, precision);
    }

    /** A few pictures that are trained on. */
    private void prove(Map<String, HostTensor> weights) throws IOException {
        List<Sample> samples = Recorder.spread(pictures.training(), PROVEN_ON);
        try (Backbone backbone = backbone(weights)) {
            record(backbone, samples, () -> false);
        } catch (NoPicturesException e) {
            err.println("note: the model is kept unproven, " + e.getMessage());
        }
    }

    /** @throws CancellationException once it is told to stop */
    private Recording record(Backbone backbone, List<Sample> samples, BooleanSupplier asked) throws IOException {
        return Recorder.record(
                new ElasticEngine(backbone),
                config.preprocessing(),
                samples,
                Recorder.Options.of(router()).withCheck(pictures.check(UnreadablePictures.Use.VALIDATION)),
                done -> {
                    if (asked.getAsBoolean()) {
                        throw new CancellationException("told to stop");
                    }
                });
    }

    private Router router() {
        return Routers.named(config.routing().router());
    }

    /**
     * The sweep and the report that {@code evaluate} makes, of the best model.
     *
     * @return false if it was told to stop before
     */
    private boolean report(RunFolder folder, BooleanSupplier asked) throws IOException {
        if (asked.getAsBoolean()) {
            return false;
        }
        folder.requireSame();
        Map<String, HostTensor> weights = ModelDirectory.read(folder.best()).weights();
        try (Backbone backbone = backbone(weights)) {
            Recording recording = record(backbone, pictures.validation(), asked);
            List<SweepRow> rows = new ThresholdSweep(recording)
                    .at(Thresholds.defaults(
                            router(),
                            config.network().numClasses(),
                            config.network().stages()));
            EvaluationReport.About about = new EvaluationReport.About(
                    String.valueOf(folder.path().toAbsolutePath().normalize().getFileName()),
                    "validation",
                    recipe.precision(settings.device()).name().toLowerCase(Locale.ROOT),
                    LocalDate.now(ZoneId.systemDefault()).toString(),
                    Version.text());
            err.println(
                    "wrote " + new EvaluationReport(about, config, recording, rows, List.of()).write(folder.report()));
            return true;
        } catch (CancellationException e) {
            return false;
        }
    }

    private static String losses(List<Double> losses) {
        return losses.stream().map(loss -> String.format("%.3f", loss)).collect(Collectors.joining(" / "));
    }

    private static String percent(List<Double> shares) {
        return shares.stream().map(share -> String.format("%.2f", 100 * share)).collect(Collectors.joining(" / "));
    }
}
