package dev.thinkingvit.eval;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.ContentCheck;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.data.RealLabels;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.ValidLabels;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.StageOutcome;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs every image of a data set through all stages, once, and keeps what evaluation needs of it. Probabilities are
 * dropped batch by batch, so that 50,000 images of 1000 classes take some ten megabytes.
 */
public final class Recorder {
    private final ElasticEngine engine;
    private final Options options;
    private final Router router;
    private final Score score;

    private Recorder(ElasticEngine engine, Options options) {
        this.engine = engine;
        this.options = options;
        this.router = MaskedRouter.of(options.router, options.valid);
        this.score = options.score == null ? Score.ofClasses(options.valid) : options.score;
    }

    /**
     * How to record.
     *
     * @param router whose measures are recorded
     * @param batchSize images that go through the network together, at least 1
     * @param workers threads that decode pictures, at least 1
     * @param valid the classes that may be predicted, or null for all
     * @param real which answers are right, instead of the samples' labels; null for those
     * @param check what else a picture must be than readable; null for nothing
     * @param score how predictions fare; null for {@linkplain Score#ofClasses that of the valid classes}
     */
    public record Options(
            Router router,
            int batchSize,
            int workers,
            @Nullable ValidLabels valid,
            @Nullable RealLabels real,
            @Nullable ContentCheck check,
            @Nullable Score score) {
        public Options(
                Router router, int batchSize, int workers, @Nullable ValidLabels valid, @Nullable RealLabels real) {
            this(router, batchSize, workers, valid, real, null, null);
        }

        /** Batches of 64, a thread per processor, all classes, the samples' own labels. */
        public static Options of(Router router) {
            return new Options(router, 64, Runtime.getRuntime().availableProcessors(), null, null);
        }

        public Options withBatchSize(int changed) {
            return new Options(router, changed, workers, valid, real, check, score);
        }

        public Options withValid(@Nullable ValidLabels changed) {
            return new Options(router, batchSize, workers, changed, real, check, score);
        }

        public Options withReal(@Nullable RealLabels changed) {
            return new Options(router, batchSize, workers, valid, changed, check, score);
        }

        public Options withCheck(ContentCheck changed) {
            return new Options(router, batchSize, workers, valid, real, changed, score);
        }

        public Options withScore(@Nullable Score changed) {
            return new Options(router, batchSize, workers, valid, real, check, changed);
        }
    }

    /**
     * Records samples. Pictures that cannot be read are skipped and named in the result.
     *
     * @param preprocessing the model's
     * @param progress told how many images are done
     * @throws NoPicturesException if no picture at all can be read
     * @throws IOException if the ReaL labels lack an entry
     * @throws IllegalArgumentException if a sample's label may not be predicted, and so could never be right
     */
    public static Recording record(
            ElasticEngine engine,
            Preprocessing preprocessing,
            List<Sample> samples,
            Options options,
            IntConsumer progress)
            throws IOException {
        return new Recorder(engine, options).record(preprocessing, samples, progress, false);
    }

    /**
     * As {@link #record}, but anew with half of the batch, down to 1, when memory ends; with the same result.
     *
     * @param smaller told each new batch size before it is tried
     */
    public static Recording recordHalving(
            ElasticEngine engine,
            Preprocessing preprocessing,
            List<Sample> samples,
            Options options,
            IntConsumer progress,
            IntConsumer smaller)
            throws IOException {
        return MemoryRetry.halving(
                options.batchSize,
                size -> new Recorder(engine, options.withBatchSize(size))
                        .record(preprocessing, samples, progress, size > 1),
                smaller);
    }

    /**
     * {@code limit} samples spread evenly over all of them, the middle one of each of as many equal parts; always the
     * same ones. Data sets come folder by folder, so that the first samples would be of one class.
     *
     * @param limit at least 1; all samples are returned if there are not more
     */
    public static List<Sample> spread(List<Sample> samples, int limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("the limit must be at least 1, got " + limit);
        }
        if (limit >= samples.size()) {
            return List.copyOf(samples);
        }
        List<Sample> chosen = new ArrayList<>();
        for (long i = 0; i < limit; i++) {
            chosen.add(samples.get((int) ((2 * i + 1) * samples.size() / (2L * limit))));
        }
        return List.copyOf(chosen);
    }

    /** @param smallerHelps whether a picture for which memory did not suffice ends it, and is not skipped */
    private Recording record(
            Preprocessing preprocessing, List<Sample> samples, IntConsumer progress, boolean smallerHelps)
            throws IOException {
        if (options.real != null) {
            options.real.requireEntries(samples.stream().map(Sample::path).toList());
        }
        List<Sample> counted = new ArrayList<>();
        List<List<Integer>> labels = new ArrayList<>();
        for (Sample sample : samples) {
            List<Integer> right = rightAnswers(sample);
            if (!right.isEmpty()) {
                counted.add(sample);
                labels.add(right);
            }
        }
        if (counted.isEmpty()) {
            throw new IOException("none of the " + samples.size() + " pictures has a right answer to count");
        }
        List<ImageRecord> images = new ArrayList<>();
        List<BatchLoader.Failure> skipped = new ArrayList<>();
        TokenDepths.Sum depths = new TokenDepths.Sum();
        BatchLoader.Builder settings = BatchLoader.of(counted, preprocessing, preprocessing)
                .batchSize(options.batchSize)
                .workers(options.workers)
                .skipBroken(failure -> {
                    if (smallerHelps && failure.isOfMemory()) {
                        throw new OutOfMemoryError(failure.message());
                    }
                    skipped.add(failure);
                });
        if (options.check != null) {
            settings.check(options.check);
        }
        try (BatchLoader loader = settings.open();
                Epoch epoch = loader.epoch(0)) {
            for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
                List<Outcome> outcomes = engine.run(batch.images(), batch.size(), StopPolicy.alwaysThink(router));
                for (int i = 0; i < batch.size(); i++) {
                    int sample = batch.sampleIndices()[i];
                    images.add(condense(counted.get(sample), labels.get(sample), outcomes.get(i)));
                    for (StageOutcome stage : outcomes.get(i).stages()) {
                        depths.add(counted.get(sample).path(), labels.get(sample), stage);
                    }
                }
                progress.accept(images.size() + skipped.size());
            }
        }
        if (images.isEmpty()) {
            throw new NoPicturesException(skipped);
        }
        List<Double> gmacs = new ArrayList<>();
        for (int stage = 1; stage <= engine.backbone().stages(); stage++) {
            gmacs.add(engine.cumulativeGmacs(stage));
        }
        int classes = engine.backbone().numClasses();
        return new Recording(router, classes, gmacs, images, skipped, samples.size() - counted.size(), depths.done());
    }

    private List<Integer> rightAnswers(Sample sample) throws IOException {
        if (options.real != null) {
            List<Integer> labels = new ArrayList<>();
            for (int label : options.real.labelsOf(sample.path())) {
                labels.add(label);
            }
            return labels;
        }
        if (options.valid != null && !options.valid.contains(sample.label())) {
            throw new IllegalArgumentException(sample.path() + ": its label " + sample.label()
                    + " is not among the valid labels, so that no answer could be right");
        }
        return List.of(sample.label());
    }

    private ImageRecord condense(Sample sample, List<Integer> labels, Outcome outcome) {
        Score.Wanted wanted = new Score.Wanted(sample, labels);
        List<StageRecord> stages = new ArrayList<>();
        long macs = 0;
        for (StageOutcome stage : outcome.stages()) {
            if (!Double.isFinite(stage.measure())) {
                throw new IllegalStateException(
                        sample.path() + ": the network's output at stage " + stage.stage() + " is not a number");
            }
            macs += stage.macs();
            Score.Fared fared = score.of(stage, wanted);
            stages.add(new StageRecord(
                    fared.predicted(),
                    fared.probability(),
                    fared.score(),
                    fared.right(),
                    fared.nearlyRight(),
                    stage.measure(),
                    fared.entropyNats(),
                    fared.loss(),
                    macs));
        }
        return new ImageRecord(sample.path(), labels, stages);
    }
}
