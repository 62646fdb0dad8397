package dev.thinkingvit.run;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.eval.NoPicturesException;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.Score;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Recipe;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Judges what a training makes by the {@link Score} that it is given: its weights after an epoch, and its best model.
 *
 * @param recipe of the training
 * @param config of its models
 * @param pictures all of them, the same in every process
 * @param device that computes
 * @param group the processes that judge together; null for one alone
 * @param score how a stage's prediction fares
 * @param met told what of the validation could be read
 */
public record RunJudge(
        Recipe recipe,
        ModelConfig config,
        RunPictures pictures,
        TorchDevice device,
        @Nullable ProcessGroup group,
        Score score,
        Met met)
        implements TrainingRun.Validation {
    private static final int PROVEN_ON = 8;

    /** Hears of a validation's pictures. */
    @FunctionalInterface
    public interface Met {
        /**
         * What this process met of its share; all processes say it at the same time.
         *
         * @param failures pictures that could not be read
         * @param read the others
         */
        void judged(List<BatchLoader.Failure> failures, List<Sample> read);
    }

    /** Mean score and loss of each stage over all validation pictures; each process judges a share of them. */
    @Override
    public @Nullable Judgement judge(Map<String, HostTensor> weights, BooleanSupplier asked) throws IOException {
        List<Sample> share = pictures.validationShare(group);
        int stages = config.network().stages();
        // scores of each stage, losses of each stage, images, and whether to stop
        double[] counts = new double[2 * stages + 2];
        List<BatchLoader.Failure> failures = List.of();
        if (!share.isEmpty()) {
            try {
                Recording recording = record(weights, share, asked);
                failures = recording.skipped();
                recording.images().forEach(image -> {
                    for (int k = 0; k < stages; k++) {
                        counts[k] += image.stages().get(k).score();
                        counts[stages + k] += image.stages().get(k).loss();
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
        met.judged(failures, share.stream().filter(each -> !lost.contains(each)).toList());
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

    /**
     * Looks whether weights give numbers, on a few pictures that are trained on.
     *
     * @throws ArithmeticException if they do not
     * @throws NoPicturesException if none of these pictures can be read
     */
    public void prove(Map<String, HostTensor> weights) throws IOException {
        record(weights, Recorder.spread(pictures.training(), PROVEN_ON), () -> false);
    }

    /**
     * What a model's stages say of all validation pictures.
     *
     * @throws CancellationException once it is told to stop
     */
    public Recording record(Map<String, HostTensor> weights, BooleanSupplier asked) throws IOException {
        return record(weights, pictures.validation(), asked);
    }

    /** Whose measures a recording has. */
    public Router router() {
        return Routers.named(config.routing().router());
    }

    private Recording record(Map<String, HostTensor> weights, List<Sample> samples, BooleanSupplier asked)
            throws IOException {
        Recorder.Options options = Recorder.Options.of(router())
                .withCheck(pictures.check(UnreadablePictures.Use.VALIDATION))
                .withScore(score);
        try (Backbone backbone = backbone(weights)) {
            return Recorder.record(new ElasticEngine(backbone), config.preprocessing(), samples, options, done -> {
                if (asked.getAsBoolean()) {
                    throw new CancellationException("told to stop");
                }
            });
        }
    }

    private Backbone backbone(Map<String, HostTensor> weights) {
        Precision precision = recipe.precision(device);
        return device.isCuda()
                ? NestedBackbone.of(config.network(), weights, precision, device)
                : PackedBackbone.of(config.network(), weights, precision);
    }
}
