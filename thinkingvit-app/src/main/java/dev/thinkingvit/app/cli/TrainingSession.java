package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.ModelConfig;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.model.PackedThinkingViT;
import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RunFolder;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainingPictures;
import dev.thinkingvit.train.TrainingRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;

/** One process's part of a training, from where it stands to its end. */
final class TrainingSession {
    private static final long CACHE_BYTES = 512L << 20;

    private final Recipe recipe;
    private final ModelConfig config;
    private final TrainCommand.Pictures pictures;
    private final int workers;
    private final Duration saveEvery;
    private final int history;
    private final PrintWriter err;

    TrainingSession(
            Recipe recipe,
            ModelConfig config,
            TrainCommand.Pictures pictures,
            int workers,
            Duration saveEvery,
            int history,
            PrintWriter err) {
        this.recipe = recipe;
        this.config = config;
        this.pictures = pictures;
        this.workers = workers;
        this.saveEvery = saveEvery;
        this.history = history;
        this.err = err;
    }

    /** @return whether the end was reached */
    boolean run(ThinkingViT model, RunFolder folder) throws IOException {
        CountDownLatch ended = new CountDownLatch(1);
        try (Trainer trainer = new Trainer(model, recipe, Peers.ALONE, Natives.availableCores());
                BatchLoader loader = loader(Peers.ALONE)) {
            folder.state().ifPresent(state -> {
                trainer.restore(state);
                err.printf(
                        "going on at epoch %d, update %d%n",
                        state.position().epoch() + 1, state.position().update());
            });
            TrainingRun run = new TrainingRun(
                    trainer,
                    config,
                    folder,
                    new TrainingRun.Saving(saveEvery, history),
                    pictures.validation().isEmpty() ? null : this::accuracies);
            Runnable stop = () -> {
                run.stop();
                awaitUninterruptibly(ended);
            };
            Scope.beforeShutdown(stop);
            try {
                return run(run, loader);
            } finally {
                Scope.notBeforeShutdown(stop);
                ended.countDown();
            }
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean run(TrainingRun run, BatchLoader loader) throws IOException {
        int epochs = recipe.schedule().totalEpochs();
        try (ProgressBar bar = Progress.of("training", 1, err)) {
            return run.run(loader, new TrainingRun.Listener() {
                private boolean started;

                @Override
                public void onStep(Step step) {
                    if (!started) {
                        started = true;
                        bar.maxHint((long) epochs * step.stepsPerEpoch());
                        bar.stepTo(step.totalSteps() - 1);
                    }
                    bar.setExtraMessage(
                            " epoch " + (step.epoch() + 1) + "/" + epochs + " loss " + losses(step.losses()));
                    bar.stepTo(step.totalSteps());
                }

                @Override
                public void onValidated(Epoch epoch, List<Double> accuracies, boolean best) {
                    String validated = accuracies.isEmpty()
                            ? ""
                            : ", top-1 "
                                    + accuracies.stream()
                                            .map(accuracy -> String.format("%.2f", 100 * accuracy))
                                            .collect(Collectors.joining(" / "))
                                    + (best ? " (best)" : "");
                    err.printf(
                            "epoch %d/%d: loss %s%s, %.0f images/s, %.0f %% waiting for pictures%n",
                            epoch.epoch() + 1,
                            epochs,
                            losses(epoch.losses()),
                            validated,
                            epoch.imagesPerSecond(),
                            100 * epoch.loadingShare());
                }
            });
        }
    }

    private BatchLoader loader(Peers peers) {
        return TrainingPictures.loader(recipe, pictures.training(), config.preprocessing(), peers)
                .workers(workers)
                .cacheBytes(CACHE_BYTES)
                .skipBroken(failure -> err.println("skipped: " + failure.message()))
                .open();
    }

    private List<Double> accuracies(Map<String, HostTensor> weights) throws IOException {
        try (PackedThinkingViT packed = PackedThinkingViT.of(config.network(), weights, recipe.precision())) {
            Recording recording = Recorder.record(
                    new ElasticEngine(packed),
                    config.preprocessing(),
                    pictures.validation(),
                    Recorder.Options.of(Routers.named(config.routing().router())),
                    done -> {});
            List<Double> accuracies = new ArrayList<>();
            for (int stage = 0; stage < config.network().stages(); stage++) {
                int number = stage;
                accuracies.add(recording.images().stream()
                        .mapToInt(image -> image.stages().get(number).inTop1() ? 1 : 0)
                        .average()
                        .orElse(0));
            }
            return accuracies;
        }
    }

    private static String losses(List<Double> losses) {
        return losses.stream().map(loss -> String.format("%.3f", loss)).collect(Collectors.joining(" / "));
    }
}
