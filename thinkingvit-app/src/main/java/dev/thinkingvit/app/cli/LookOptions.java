package dev.thinkingvit.app.cli;

import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.SegmentationOptions;
import dev.thinkingvit.inference.SlidingWindow;
import dev.thinkingvit.picture.ImageSize;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How a Segmenter looks at pictures. */
final class LookOptions {
    @Option(
            names = "--window",
            paramLabel = "PX",
            converter = PreprocessCommand.SizeConverter.class,
            description = "Side of a window, or height and width: 192x256. Default: what the model was trained on.")
    private @Nullable ImageSize window;

    @Option(
            names = "--stride",
            paramLabel = "PX",
            description =
                    "Pixels from a window to the next. Default: the window less 32, or three quarters of a small one.")
    private @Nullable Integer stride;

    @Option(names = "--whole", description = "Take each picture whole, without windows.")
    private boolean whole;

    @Option(
            names = "--resize",
            paramLabel = "PX",
            description = "Bring the shorter side to so many pixels first; results have the picture's own size."
                    + " Default: pictures as they are.")
    private @Nullable Integer resize;

    @Option(
            names = "--scales",
            split = ",",
            paramLabel = "S",
            description = "Look at each picture at several scales and average. Default: 1.")
    private @Nullable List<Double> scales;

    @Option(names = "--flip", description = "Look at each scale mirrored, too.")
    private boolean flip;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec command;

    /** Refuses options that contradict each other, before anything is read. */
    void check() {
        if (whole && (window != null || stride != null)) {
            throw usage("--whole takes pictures without windows; leave --window and --stride out");
        }
    }

    /** The first option that was given; null if none was. */
    @Nullable String given() {
        if (window != null) {
            return "--window";
        }
        if (stride != null) {
            return "--stride";
        }
        if (whole) {
            return "--whole";
        }
        if (resize != null) {
            return "--resize";
        }
        return scales != null ? "--scales" : flip ? "--flip" : null;
    }

    /**
     * What was asked for, else what the model was trained on.
     *
     * @param exported whether its graphs take windows of one size alone
     */
    SegmentationOptions of(ElasticSegmenter segmenter, boolean exported) {
        ImageSize own = segmenter.config().network().imageSize();
        if (exported && (whole || (window != null && !window.equals(own)))) {
            throw usage((whole ? "--whole" : "--window") + ": an exported model takes windows of " + own
                    + " pixels alone; the model that it was exported from takes others");
        }
        try {
            ImageSize size = window == null ? own : window;
            if (!whole) {
                segmenter.requireTaken(size);
            }
            SlidingWindow sliding =
                    whole ? null : stride == null ? SlidingWindow.of(size) : new SlidingWindow(size, stride);
            return new SegmentationOptions(sliding, 0, 0, List.of(1.0), false)
                    .resized(resize == null ? 0 : resize)
                    .viewed(scales == null ? List.of(1.0) : scales, flip);
        } catch (IllegalArgumentException e) {
            throw usage(String.valueOf(e.getMessage()));
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(command.commandLine(), message);
    }
}
