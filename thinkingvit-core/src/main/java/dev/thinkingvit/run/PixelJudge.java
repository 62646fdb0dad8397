package dev.thinkingvit.run;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.eval.PixelCounts;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.SegmentationOptions;
import dev.thinkingvit.inference.SegmentationRecord;
import dev.thinkingvit.inference.WindowEngine;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.LabelledPicture;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PixelLabels;
import dev.thinkingvit.picture.UnfitPictureException;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Recipe;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Judges what a training of a Segmenter makes: mean intersection over union of each stage over all validation pictures, by
 * windows of the crop's size, pictures fitted into the recipe's box or as large as they are.
 *
 * @param recipe of the training
 * @param config of its models
 * @param pictures with their pixels; the same in every process
 * @param device that computes
 * @param group the processes that judge together; null for one alone
 * @param met told what of the validation could be read
 */
public record PixelJudge(
        Recipe recipe,
        ModelConfig config,
        RunPictures pictures,
        TorchDevice device,
        @Nullable ProcessGroup group,
        RunJudge.Met met)
        implements TrainingRun.Validation {
    private static final int TOGETHER = 8; // pictures whose windows go through the network together
    private static final int PROVEN_ON = 2;

    /** What was counted of a stage. */
    private static final class Tally {
        final PixelCounts counts;
        double loss;

        Tally(int classes) {
            this.counts = new PixelCounts(classes);
        }
    }

    @Override
    public @Nullable Judgement judge(Map<String, HostTensor> weights, BooleanSupplier asked) throws IOException {
        List<Sample> share = pictures.validationShare(group);
        int stages = config.network().stages();
        int classes = config.network().numClasses();
        List<Tally> tallies = new ArrayList<>();
        for (int stage = 0; stage < stages; stage++) {
            tallies.add(new Tally(classes));
        }
        List<BatchLoader.Failure> failures = new ArrayList<>();
        List<Sample> read = new ArrayList<>();
        boolean stopped = !count(weights, share, tallies, failures, read, asked);
        met.judged(failures, read);
        double[] numbers = new double[stages * (classes * classes + 1) + 2];
        write(tallies, classes, numbers);
        numbers[numbers.length - 2] = read.size();
        numbers[numbers.length - 1] = stopped ? 1 : 0;
        double[] sums = new double[numbers.length];
        for (double[] of : group == null ? new double[][] {numbers} : group.gather(numbers)) {
            for (int i = 0; i < sums.length; i++) {
                sums[i] += of[i];
            }
        }
        return sums[sums.length - 1] > 0 ? null : judgement(sums, stages, classes);
    }

    private static void write(List<Tally> tallies, int classes, double[] numbers) {
        int at = 0;
        for (Tally tally : tallies) {
            for (int label = 0; label < classes; label++) {
                for (int predicted = 0; predicted < classes; predicted++) {
                    numbers[at++] = tally.counts.of(label, predicted);
                }
            }
            numbers[at++] = tally.loss;
        }
    }

    private Judgement judgement(double[] sums, int stages, int classes) {
        List<Double> ious = new ArrayList<>();
        List<Double> losses = new ArrayList<>();
        int each = classes * classes;
        for (int stage = 0; stage < stages; stage++) {
            int first = stage * (each + 1);
            long[] counts = new long[each];
            for (int i = 0; i < each; i++) {
                counts[i] = (long) sums[first + i];
            }
            PixelCounts all = PixelCounts.of(classes, counts);
            ious.add(all.meanIou());
            losses.add(sums[first + each] / all.pixels());
        }
        long judged = (long) sums[sums.length - 2];
        return new Judgement(ious, losses, judged, pictures.validation().size() - judged);
    }

    /** Looks whether weights give numbers, on a few pictures that are trained on. */
    public void prove(Map<String, HostTensor> weights) throws IOException {
        List<Sample> few = pictures.training()
                .subList(0, Math.min(PROVEN_ON, pictures.training().size()));
        List<Tally> tallies = new ArrayList<>();
        for (int stage = 0; stage < config.network().stages(); stage++) {
            tallies.add(new Tally(config.network().numClasses()));
        }
        count(weights, few, tallies, new ArrayList<>(), new ArrayList<>(), () -> false);
    }

    /** @return false if it was told to stop */
    private boolean count(
            Map<String, HostTensor> weights,
            List<Sample> samples,
            List<Tally> tallies,
            List<BatchLoader.Failure> failures,
            List<Sample> read,
            BooleanSupplier asked)
            throws IOException {
        SegmentationOptions options = SegmentationOptions.windows(
                        config.network().imageSize())
                .fitted(
                        recipe.augmentation().shorterSide(),
                        recipe.augmentation().longerSide());
        try (Backbone backbone = backbone(weights)) {
            WindowEngine engine = new WindowEngine(new ElasticEngine(backbone)); // closed with the backbone
            for (int from = 0; from < samples.size(); from += TOGETHER) {
                if (asked.getAsBoolean()) {
                    return false;
                }
                List<LabelledPicture> some = new ArrayList<>();
                for (Sample sample : samples.subList(from, Math.min(samples.size(), from + TOGETHER))) {
                    try {
                        Picture picture = PictureDecoder.decode(sample.path());
                        options.requireFit(new ImageSize(picture.height(), picture.width()));
                        some.add(new LabelledPicture(picture, labels(sample)));
                        read.add(sample);
                    } catch (IOException e) {
                        failures.add(new BatchLoader.Failure(sample, Reasons.line(e), false));
                    } catch (UnfitPictureException e) {
                        String message = sample.path() + ": does not fit: " + e.getMessage();
                        failures.add(new BatchLoader.Failure(sample, message, true));
                    }
                }
                count(engine, options, some, tallies);
            }
        }
        return true;
    }

    private PixelLabels labels(Sample sample) throws IOException {
        RunPixels pixels = pictures.pixels();
        if (pixels == null) {
            throw new IllegalStateException("pictures without labelled pixels are judged by their classes");
        }
        boolean judged = pictures.validation().contains(sample);
        return (judged ? pixels.validation() : pixels.training()).labels(sample.path());
    }

    private void count(
            WindowEngine engine, SegmentationOptions options, List<LabelledPicture> some, List<Tally> tallies) {
        List<SegmentationRecord> records = engine.record(
                some.stream()
                        .map(each -> ElasticSegmenter.looks(each.picture(), options, config.preprocessing()))
                        .toList(),
                options.window(),
                Routers.ENTROPY);
        for (int i = 0; i < some.size(); i++) {
            PixelLabels labels = some.get(i).labels();
            for (int stage = 1; stage <= tallies.size(); stage++) {
                Tally tally = tallies.get(stage - 1);
                tally.counts.add(
                        records.get(i)
                                .endingAt(stage, (picture, y, logits, probabilities) -> {
                                    for (int x = 0; x < labels.width(); x++) {
                                        int label = labels.label(x, y);
                                        if (label != PixelLabels.IGNORED) {
                                            double share = probabilities[label][x];
                                            tally.loss -= Math.log(Math.max(share, Float.MIN_NORMAL));
                                        }
                                    }
                                })
                                .labels(),
                        labels);
            }
        }
    }

    private Backbone backbone(Map<String, HostTensor> weights) {
        Precision precision = recipe.precision(device);
        return device.isCuda()
                ? NestedBackbone.of(config.network(), weights, precision, device)
                : PackedBackbone.of(config.network(), weights, precision);
    }
}
