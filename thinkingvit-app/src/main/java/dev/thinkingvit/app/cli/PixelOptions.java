package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.eval.PixelRecorder;
import dev.thinkingvit.eval.PixelRecording;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.SegmentationOptions;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.stream.IntStream;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What the commands that record a data set are asked besides if the model is a Segmenter. */
final class PixelOptions {
    private static final String USUAL = "val";

    @Option(
            names = "--part",
            paramLabel = "PART",
            description =
                    "Of labelled pixels: train, val or test. Default: val, or all pictures of a set without parts.")
    private @Nullable String part;

    @Mixin
    final LookOptions look = new LookOptions();

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec command;

    /** Whether a model names pixels; refuses what is asked of a model of the other kind. */
    boolean isFor(ModelConfig config, DataOptions input) {
        boolean pixels = config.network().readout().isOfPixels();
        String kind = config.network().title();
        if (!pixels) {
            String given = part != null ? "--part" : look.given();
            if (given != null) {
                throw usage(given + " is for models that name pixels; " + Words.a(kind) + " names pictures");
            }
            if (SegmentationSet.isOne(input.data)) {
                throw usage("--data " + input.data + " has labelled pixels, of which " + Words.a(kind)
                        + " names none; folders of pictures by class are required");
            }
            return false;
        }
        String given = input.givenForClasses();
        if (given != null) {
            throw usage(given + " is for models that name pictures; " + Words.a(kind) + " names their pixels"
                    + (given.equals("--input-size") ? ", in windows of --window" : ""));
        }
        return true;
    }

    /** The part of the data set that was asked for, whose classes are the model's. */
    SegmentationSet set(ModelConfig config, DataOptions input) throws IOException {
        String name = part != null ? part : SegmentationSet.isUndivided(input.data) ? "" : USUAL;
        SegmentationSet set = SegmentationSet.open(input.data, name);
        List<String> named = config.labels();
        List<String> there = set.classNames();
        if (there.size() != config.network().numClasses()) {
            throw new IOException(input.data + ": has " + there.size() + " classes, the model has "
                    + config.network().numClasses() + ": as many are required");
        }
        for (int c = 0; c < named.size(); c++) {
            if (!named.get(c).equals(there.get(c))) {
                throw new IOException(input.data + ": its class " + c + " is '" + there.get(c) + "', the model's is '"
                        + named.get(c) + "': the same classes in the same order are required");
            }
        }
        return set;
    }

    /** What a Segmenter's classes are called: as the model or, where it names none, the data set calls them. */
    static List<String> names(ModelConfig config, SegmentationSet set) {
        return config.labels().isEmpty()
                ? set.classNames()
                : IntStream.range(0, config.network().numClasses())
                        .mapToObj(config::label)
                        .toList();
    }

    /**
     * Runs every picture through all stages once, with a progress bar; says what was skipped.
     *
     * @param apart thresholds that may differ from boundary to boundary
     */
    PixelRecording record(
            ElasticSegmenter segmenter,
            SegmentationSet set,
            DataOptions input,
            List<List<Double>> apart,
            PrintWriter err)
            throws IOException {
        return record(segmenter, set, input.samples(set.samples()), input, apart, err);
    }

    /** The same of some of the set's pictures. */
    PixelRecording record(
            ElasticSegmenter segmenter,
            SegmentationSet set,
            List<Sample> samples,
            DataOptions input,
            List<List<Double>> apart,
            PrintWriter err)
            throws IOException {
        PixelRecorder.Options options = new PixelRecorder.Options(
                looks(segmenter, input),
                input.router(segmenter.config()),
                apart.stream()
                        .filter(thresholds -> thresholds.stream().distinct().count() > 1)
                        .toList(),
                Math.min(input.batchSize, DataOptions.PIXEL_BATCH),
                input.workers);
        PixelRecording recording;
        try (ProgressBar bar = Progress.of("evaluating", samples.size(), err)) {
            recording = PixelRecorder.record(segmenter, set, samples, options, bar::stepTo);
        }
        tell(recording, samples.size(), err);
        return recording;
    }

    /** How pictures are looked at. */
    SegmentationOptions looks(ElasticSegmenter segmenter, DataOptions input) throws IOException {
        return look.of(segmenter, input.backend.isExported(input.modelDirectory()));
    }

    private static void tell(PixelRecording recording, int samples, PrintWriter err) {
        List<BatchLoader.Failure> skipped = recording.skipped();
        DataOptions.nameSkipped(skipped, err);
        if (!skipped.isEmpty()) {
            err.println("warning: " + skipped.size() + " of " + samples
                    + " pictures could not be scored; what follows is of" + " the other "
                    + recording.pictures().size());
        }
        if (recording.unlabelled() > 0) {
            err.println("note: " + recording.unlabelled() + " of " + samples
                    + " pictures have no labelled pixel; they count in what is spent, not in what is right");
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(command.commandLine(), message);
    }
}
