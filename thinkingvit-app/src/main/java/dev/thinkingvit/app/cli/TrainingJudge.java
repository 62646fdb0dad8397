package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.eval.NoPicturesException;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.Thresholds;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.report.EvaluationReport;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.RunPictures;
import dev.thinkingvit.run.UnreadablePictures;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Recipe;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Judges what a training makes: its weights after an epoch, and its best model at the end.
 *
 * @param recipe of the training
 * @param config of its models
 * @param pictures all of them, the same in every process
 * @param device that computes
 * @param group the processes that judge together; null for one alone
 * @param err where progress is told
 * @param skips where pictures that cannot be read are named
 */
record TrainingJudge(
        Recipe recipe,
        ModelConfig config,
        RunPictures pictures,
        TorchDevice device,
        @Nullable ProcessGroup group,
        PrintWriter err,
        SkipNotes skips) {
    private static final int PROVEN_ON = 8;

    /** Top-1 and loss of each stage over all validation pictures; with several processes each judges a share. */
    @Nullable Judgement judge(Map<String, HostTensor> weights, BooleanSupplier asked) throws IOException {
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
        return new Judgement(
                means.subList(0, stages),
                means.subList(stages, 2 * stages),
                images,
                pictures.validation().size() - images);
    }

    private Backbone backbone(Map<String, HostTensor> weights) {
        Precision precision = recipe.precision(device);
        return device.isCuda()
                ? NestedBackbone.of(config.network(), weights, precision, device)
                : PackedBackbone.of(config.network(), weights, precision);
    }

    /** A few pictures that are trained on. */
    void prove(Map<String, HostTensor> weights) throws IOException {
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
    boolean report(RunFolder folder, BooleanSupplier asked) throws IOException {
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
                    recipe.precision(device).name().toLowerCase(Locale.ROOT),
                    LocalDate.now(ZoneId.systemDefault()).toString(),
                    Version.text());
            err.println(
                    "wrote " + new EvaluationReport(about, config, recording, rows, List.of()).write(folder.report()));
            return true;
        } catch (CancellationException e) {
            return false;
        }
    }
}
