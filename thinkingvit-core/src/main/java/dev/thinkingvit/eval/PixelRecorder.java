package dev.thinkingvit.eval;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.Relabelling;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.SegmentationOptions;
import dev.thinkingvit.inference.SegmentationRecord;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.inference.WindowThought;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.LabelledPicture;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PixelLabels;
import dev.thinkingvit.picture.UnfitPictureException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs the windows of every picture of a data set through all stages, once, and keeps what any threshold makes of them. Pictures
 * are decoded, and what was thought of them is scored, on threads of its own beside the network; logits are dropped picture by
 * picture, so that memory does not grow with the data set but by some numbers a window.
 */
public final class PixelRecorder {
    /** Pixels of all views of the pictures that go through the network together, but for one picture that has more. */
    private static final long PIXELS = 1 << 23;

    private final ElasticSegmenter segmenter;
    private final SegmentationSet set;
    private final Options options;
    private final int stages;
    private final int classes;

    private PixelRecorder(ElasticSegmenter segmenter, SegmentationSet set, Options options) {
        this.segmenter = segmenter;
        this.set = set;
        this.options = options;
        this.stages = segmenter.config().network().stages();
        this.classes = segmenter.config().network().numClasses();
    }

    /**
     * How to record.
     *
     * @param looks how pictures are looked at
     * @param router whose measures are recorded
     * @param apart thresholds that differ from boundary to boundary, which have to be known before
     * @param batchSize pictures that go through the network together at most, at least 1
     * @param workers threads that decode pictures and score them, at least 1
     */
    public record Options(
            SegmentationOptions looks, Router router, List<List<Double>> apart, int batchSize, int workers) {
        public Options {
            Objects.requireNonNull(looks, "how pictures are looked at is null");
            Objects.requireNonNull(router, "the router is null");
            apart = List.copyOf(apart);
            if (batchSize < 1 || workers < 1) {
                throw new IllegalArgumentException(
                        "at least 1 picture and 1 worker are needed, got " + batchSize + " and " + workers);
            }
        }
    }

    /** A picture with its labels, or why there is none. */
    private record Read(Sample sample, @Nullable LabelledPicture labelled, BatchLoader.@Nullable Failure failure) {}

    /** What came of a picture. */
    private record Scored(PixelRecord picture, List<PixelTally> byStage, Map<List<Double>, PixelTally> apart) {}

    /**
     * Records pictures. Those that cannot be read, or have no annotation that fits them, are skipped and named in the result.
     *
     * @param segmenter stays the caller's
     * @param samples of the set
     * @param progress told how many pictures are done
     * @throws NoPicturesException if no picture at all can be scored
     * @throws IOException if none of their pixels are labelled
     * @throws IllegalArgumentException if the set's classes are not as many as the model's
     */
    public static PixelRecording record(
            ElasticSegmenter segmenter,
            SegmentationSet set,
            List<Sample> samples,
            Options options,
            IntConsumer progress)
            throws IOException {
        Objects.requireNonNull(segmenter, "the segmenter is null");
        Objects.requireNonNull(set, "the data set is null");
        Objects.requireNonNull(options, "the options are null");
        Objects.requireNonNull(progress, "who is told of the progress is null");
        PixelRecorder recorder = new PixelRecorder(segmenter, set, options);
        if (set.classNames().size() != recorder.classes) {
            throw new IllegalArgumentException(set + " has " + set.classNames().size() + " classes, the model "
                    + recorder.classes + ": as many are required");
        }
        ExecutorService workers = Executors.newFixedThreadPool(options.workers, task -> {
            Thread thread = new Thread(task, "pixel-recorder");
            thread.setDaemon(true);
            return thread;
        });
        try {
            return recorder.record(samples, workers, progress);
        } finally {
            workers.shutdownNow();
        }
    }

    private PixelRecording record(List<Sample> samples, ExecutorService workers, IntConsumer progress)
            throws IOException {
        List<PixelRecord> pictures = new ArrayList<>();
        List<PixelTally> byStage = new ArrayList<>();
        for (int stage = 1; stage <= stages; stage++) {
            byStage.add(new PixelTally(classes, stages));
        }
        Map<List<Double>, PixelTally> apart = new LinkedHashMap<>();
        options.apart.forEach(thresholds -> apart.put(thresholds, new PixelTally(classes, stages)));
        List<BatchLoader.Failure> skipped = new ArrayList<>();
        Deque<Future<Read>> reading = new ArrayDeque<>();
        List<Future<Scored>> scoring = new ArrayList<>(); // of the batch before
        int next = 0;
        int done = 0;
        while (done < samples.size() || !scoring.isEmpty()) {
            for (; next < samples.size() && reading.size() < 2 * options.batchSize; next++) {
                Sample sample = samples.get(next);
                reading.add(workers.submit(() -> read(sample)));
            }
            List<LabelledPicture> some = new ArrayList<>();
            List<Sample> names = new ArrayList<>();
            for (long pixels = 0; !reading.isEmpty() && some.size() < options.batchSize && pixels < PIXELS; ) {
                Read read = get(reading.remove());
                done++;
                if (read.failure != null) {
                    skipped.add(read.failure);
                } else if (read.labelled != null) {
                    some.add(read.labelled);
                    names.add(read.sample);
                    pixels += pixels(read.labelled.picture());
                }
            }
            List<Picture> seen = some.stream().map(LabelledPicture::picture).toList();
            List<SegmentationRecord> records =
                    seen.isEmpty() ? List.of() : segmenter.record(seen, options.looks, options.router);
            for (Future<Scored> each : scoring) {
                Scored scored = get(each);
                pictures.add(scored.picture);
                for (int stage = 0; stage < stages; stage++) {
                    byStage.get(stage).add(scored.byStage.get(stage));
                }
                scored.apart.forEach((thresholds, tally) ->
                        Objects.requireNonNull(apart.get(thresholds)).add(tally));
            }
            scoring.clear();
            for (int i = 0; i < records.size(); i++) {
                Sample sample = names.get(i);
                PixelLabels labels = some.get(i).labels();
                SegmentationRecord record = records.get(i);
                scoring.add(workers.submit(() -> score(sample, labels, record)));
            }
            progress.accept(done);
        }
        if (pictures.isEmpty()) {
            throw new NoPicturesException(skipped);
        }
        if (byStage.get(0).pixels() == 0) {
            throw new IOException(set + ": none of its pixels are labelled: its " + pictures.size()
                    + " annotations leave out all of them");
        }
        return new PixelRecording(options.router, classes, pictures, byStage, apart, skipped);
    }

    private long pixels(Picture picture) {
        double scaled = options.looks.scales().stream()
                .mapToDouble(scale -> scale * scale)
                .sum();
        return (long) (picture.width() * (double) picture.height() * scaled * (options.looks.flip() ? 2 : 1));
    }

    private Read read(Sample sample) {
        try {
            Picture picture = PictureDecoder.decode(sample.path());
            segmenter.requireFit(options.looks, new ImageSize(picture.height(), picture.width()));
            return new Read(sample, new LabelledPicture(picture, set.labels(sample.path())), null);
        } catch (UnfitPictureException e) {
            return new Read(
                    sample,
                    null,
                    new BatchLoader.Failure(sample, sample.path() + ": does not fit: " + e.getMessage(), true));
        } catch (IOException e) {
            return new Read(sample, null, new BatchLoader.Failure(sample, Reasons.line(e), false));
        }
    }

    private Scored score(Sample sample, PixelLabels labels, SegmentationRecord record) {
        List<WindowThought> windows = record.windows();
        Relabelling relabelling = record.relabelling();
        int[] ended = new int[windows.size()];
        Arrays.fill(ended, stages);
        PixelTally[] byStage = new PixelTally[stages];
        byStage[stages - 1] = tally(relabelling.labels(), labels, windows, ended);
        List<PixelRecord.Step> steps = steps(labels, windows, relabelling, ended);
        for (int stage = 1; stage < stages; stage++) {
            int[] there = new int[windows.size()];
            Arrays.fill(there, stage);
            // at the end of the path all windows end at stage 1
            int[] predictions =
                    stage == 1 ? relabelling.labels() : record.endingAt(stage).labels();
            byStage[stage - 1] = tally(predictions, labels, windows, there);
        }
        Map<List<Double>, PixelTally> apart = new LinkedHashMap<>();
        for (List<Double> thresholds : options.apart) {
            StopPolicy policy = new StopPolicy(options.router, thresholds);
            int[] there = windows.stream()
                    .mapToInt(window -> policy.stageOf(window.measures()))
                    .toArray();
            apart.put(thresholds, tally(record.under(policy).labels(), labels, windows, there));
        }
        PixelTally always = byStage[stages - 1];
        return new Scored(
                new PixelRecord(sample.path(), windows, always.pixels(), always.right(), steps),
                List.of(byStage),
                apart);
    }

    private PixelTally tally(int[] predictions, PixelLabels labels, List<WindowThought> windows, int[] ended) {
        PixelTally tally = new PixelTally(classes, stages);
        tally.add(predictions, labels, windows, ended);
        return tally;
    }

    /** A window's end at a stage, to be. */
    private record Ending(int window, int stage, double measure) {}

    /** Lets the windows end at earlier and earlier stages, the surest first, and writes down what that changes. */
    private List<PixelRecord.Step> steps(
            PixelLabels labels, List<WindowThought> windows, Relabelling relabelling, int[] ended) {
        List<Ending> endings = new ArrayList<>();
        for (int window = 0; window < windows.size(); window++) {
            for (int stage = 1; stage < stages; stage++) {
                endings.add(
                        new Ending(window, stage, windows.get(window).measures().get(stage - 1)));
            }
        }
        Comparator<Ending> surestFirst = Comparator.comparingDouble(Ending::measure);
        endings.sort(options.router.isSure(0, 1) ? surestFirst : surestFirst.reversed());
        List<PixelRecord.Step> steps = new ArrayList<>();
        int[] predicted = new int[classes];
        int[] right = new int[classes];
        for (Ending ending : endings) {
            int from = ended[ending.window];
            if (ending.stage >= from) {
                continue;
            }
            ended[ending.window] = ending.stage;
            Arrays.fill(predicted, 0);
            Arrays.fill(right, 0);
            relabelling.end(ending.window, ending.stage, (pixel, before, after) -> {
                int label = labels.classes()[pixel] & 0xff;
                if (label != PixelLabels.IGNORED) {
                    predicted[before]--;
                    predicted[after]++;
                    right[label] += (label == after ? 1 : 0) - (label == before ? 1 : 0);
                }
            });
            List<Long> macs = windows.get(ending.window).macs();
            steps.add(step(ending, from, macs.get(from - 1) - macs.get(ending.stage - 1), predicted, right));
        }
        return steps;
    }

    private static PixelRecord.Step step(Ending ending, int from, long saved, int[] predicted, int[] right) {
        int[] touched = new int[predicted.length];
        int count = 0;
        for (int c = 0; c < predicted.length; c++) {
            if (predicted[c] != 0 || right[c] != 0) {
                touched[count++] = c;
            }
        }
        int[] classes = Arrays.copyOf(touched, count);
        return new PixelRecord.Step(
                from,
                ending.stage,
                ending.measure,
                saved,
                classes,
                Arrays.stream(classes).map(c -> predicted[c]).toArray(),
                Arrays.stream(classes).map(c -> right[c]).toArray());
    }

    private static <T> T get(Future<T> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            CancellationException cancelled = new CancellationException("interrupted while pictures were scored");
            cancelled.initCause(e);
            throw cancelled;
        }
    }
}
