package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.PictureView;
import dev.thinkingvit.inference.Segmentation;
import dev.thinkingvit.inference.SlidingWindow;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.inference.WindowEngine;
import dev.thinkingvit.inference.WindowEngine.Looks;
import dev.thinkingvit.inference.WindowOutcome;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.verify.Verification.Line;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Holds segmentation by windows to a recording of it: one picture, {@code input} (1, 3, h, w), answered at
 * {@code original_size} (2); its metadata name {@code window_size} and {@code window_stride}. {@code multi.{i}.input} are
 * views of the same picture, {@code multi.flip} says which of them are mirrored.
 *
 * <p>{@code C} classes, {@code H} and {@code W} the original size, {@code M} windows of all views.
 */
final class WindowVerification {
    /** The metadata by which such a recording is known. */
    static final String SIZE = "window_size";

    private static final Pattern ENTROPY = Pattern.compile("windows\\.stage(\\d{1,6})\\.mean_pixel_entropy");
    private static final Pattern STAGE = Pattern.compile("stage(\\d{1,6})\\.(logits|probabilities)");
    private static final Pattern ROUTED = Pattern.compile("(multi\\.)?routed@([^@]+?)"
            + "\\.(windows\\.stage|windows\\.stage(\\d{1,6})_entropy|stage_counts|logits|probabilities|prediction)");
    private static final Pattern GIVEN = Pattern.compile("input|original_size|multi\\.flip|multi\\.\\d{1,6}\\.input");
    private static final Pattern COUNT = Pattern.compile("multi\\.(\\d{1,6})\\.windows");

    private final Path file;
    private final Map<String, HostTensor> tensors;
    private final Map<String, String> metadata;
    private final Backbone backbone;
    private final WindowEngine engine;
    private final SlidingWindow how;
    private final ImageSize original;
    private final Map<String, Seen> seen = new HashMap<>();

    /** What came of one way to look and to stop: logits of the last view, (C, H, W), and probabilities. */
    private record Seen(Segmentation result, HostTensor logits, HostTensor probabilities) {}

    private WindowVerification(Backbone backbone, Path file, Safetensors.Contents contents) {
        this.file = file;
        this.backbone = backbone;
        this.tensors = contents.tensors();
        this.metadata = contents.metadata();
        this.engine = new WindowEngine(new ElasticEngine(backbone)); // not closed: the backbone is the caller's
        this.how = window();
        long[] size = longs("original_size");
        if (size.length != 2) {
            throw new CheckpointException(file, "tensor original_size must be a height and a width");
        }
        this.original = new ImageSize((int) size[0], (int) size[1]);
    }

    static List<Line> of(Backbone backbone, Path file, Safetensors.Contents contents, DoubleUnaryOperator allowed) {
        WindowVerification verification = new WindowVerification(backbone, file, contents);
        List<Line> lines = new ArrayList<>();
        contents.tensors().forEach((name, expected) -> {
            if (!GIVEN.matcher(name).matches()) {
                lines.add(verification.check(name, expected, allowed));
            }
        });
        return lines;
    }

    private SlidingWindow window() {
        try {
            int side = Integer.parseInt(metadata.getOrDefault(SIZE, ""));
            int stride = Integer.parseInt(metadata.getOrDefault("window_stride", ""));
            return new SlidingWindow(ImageSize.square(side), stride);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(
                    file,
                    "its metadata must say " + SIZE + " and window_stride, pixels of a square and from one to the next;"
                            + " it says " + metadata.get(SIZE) + " and " + metadata.get("window_stride"),
                    e);
        }
    }

    private HostTensor tensor(String name) {
        HostTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(file, "tensor " + name + " is missing");
        }
        return tensor;
    }

    private long[] longs(String name) {
        float[] values = tensor(name).toFloats(); // sizes and flags, which floats hold exactly
        long[] longs = new long[values.length];
        for (int i = 0; i < values.length; i++) {
            longs[i] = (long) values[i];
        }
        return longs;
    }

    private PictureView view(String name, boolean mirrored) {
        HostTensor input = tensor(name);
        long[] shape = input.shape();
        if (shape.length != 4 || shape[0] != 1 || shape[1] != 3) {
            throw new CheckpointException(file, "tensor " + name + " must be [1, 3, height, width], came " + input);
        }
        return new PictureView(input.toFloats(), new ImageSize((int) shape[2], (int) shape[3]), mirrored);
    }

    private List<PictureView> views(boolean multi) {
        if (!multi) {
            return List.of(view("input", false));
        }
        List<PictureView> views = new ArrayList<>();
        long[] mirrored = longs("multi.flip");
        for (int i = 0; i < mirrored.length; i++) {
            views.add(view("multi." + i + ".input", mirrored[i] != 0));
        }
        return views;
    }

    private Seen look(boolean multi, String policy) {
        String key = multi + policy;
        Seen known = seen.get(key);
        if (known != null) {
            return known;
        }
        int classes = backbone.numClasses();
        int pixels = original.pixels();
        float[] logits = new float[classes * pixels];
        float[] probabilities = new float[classes * pixels];
        List<Segmentation> results = engine.run(
                List.of(new Looks(views(multi), original)), how, policy(policy), (picture, y, row, shares) -> {
                    for (int c = 0; c < classes; c++) {
                        int at = c * pixels + y * original.width();
                        System.arraycopy(row[c], 0, logits, at, original.width());
                        System.arraycopy(shares[c], 0, probabilities, at, original.width());
                    }
                });
        long[] shape = {classes, original.height(), original.width()};
        Seen came = new Seen(results.get(0), HostTensor.of(logits, shape), HostTensor.of(probabilities, shape));
        seen.put(key, came);
        return came;
    }

    /** @param policy "stage k" for all that end there, else thresholds */
    private StopPolicy policy(String policy) {
        return policy.startsWith("stage ")
                ? StopPolicy.endingAt(Integer.parseInt(policy.substring("stage ".length())), backbone.stages())
                : Verification.policy(metadata.get("certainty"), policy, backbone.stages());
    }

    private Line check(String name, HostTensor expected, DoubleUnaryOperator allowed) {
        Matcher stage = STAGE.matcher(name);
        Matcher entropy = ENTROPY.matcher(name);
        Matcher routed = ROUTED.matcher(name);
        Matcher count = COUNT.matcher(name);
        if (name.equals("windows.anchor")) {
            return Line.exactly(name, expected, anchors(), "coordinates differ");
        }
        if (count.matches()) {
            int view = Integer.parseInt(count.group(1));
            List<WindowOutcome> windows = look(true, "stage 1").result.windows();
            long own = windows.stream().filter(window -> window.view() == view).count();
            return Line.exactly(name, expected, HostTensor.of(new long[] {own}, 1), "counts differ");
        }
        if (stage.matches() || entropy.matches()) {
            int number = Integer.parseInt(stage.matches() ? stage.group(1) : entropy.group(1));
            if (number < 1 || number > backbone.stages()) {
                return Line.failed(name, "the model has stages 1 to " + backbone.stages());
            }
            Seen all = look(false, "stage " + number);
            HostTensor came = entropy.matches()
                    ? measures(all.result, number)
                    : stage.group(2).equals("logits") ? all.logits : all.probabilities;
            return Line.compare(name, expected, came, allowed);
        }
        if (!routed.matches()) {
            return Line.failed(name, "not checked: unknown kind of tensor");
        }
        try {
            return routed(name, expected, routed, allowed);
        } catch (IllegalArgumentException e) {
            return Line.failed(name, "not checked: " + e.getMessage());
        }
    }

    private Line routed(String name, HostTensor expected, Matcher routed, DoubleUnaryOperator allowed) {
        Seen came = look(routed.group(1) != null, routed.group(2));
        Segmentation result = came.result;
        String number = routed.group(4);
        if (number != null) {
            return Line.compare(name, expected, measures(result, Integer.parseInt(number)), allowed);
        }
        return switch (routed.group(3)) {
            case "windows.stage" ->
                Line.exactly(name, expected, longs(result, WindowOutcome::stage), "windows end at another stage");
            case "stage_counts" -> Line.exactly(name, expected, counts(result), "counts differ");
            case "prediction" -> Line.exactly(name, expected, labels(result), "pixels are of another class");
            case "logits" -> Line.compare(name, expected, came.logits, allowed);
            default -> Line.compare(name, expected, came.probabilities, allowed);
        };
    }

    private HostTensor anchors() {
        List<WindowOutcome> windows = look(false, "stage 1").result.windows();
        long[] places = new long[2 * windows.size()];
        for (int i = 0; i < windows.size(); i++) {
            places[2 * i] = windows.get(i).top();
            places[2 * i + 1] = windows.get(i).left();
        }
        return HostTensor.of(places, windows.size(), 2);
    }

    private static HostTensor measures(Segmentation result, int stage) {
        float[] measures = new float[result.windows().size()];
        for (int i = 0; i < measures.length; i++) {
            List<Double> own = result.windows().get(i).measures();
            measures[i] = own.size() < stage ? Float.NaN : own.get(stage - 1).floatValue();
        }
        return HostTensor.of(measures, measures.length);
    }

    private static HostTensor longs(Segmentation result, ToLongFunction<WindowOutcome> of) {
        return HostTensor.of(
                result.windows().stream().mapToLong(of).toArray(),
                result.windows().size());
    }

    private HostTensor counts(Segmentation result) {
        int[] counts = result.windowsByStage(backbone.stages());
        long[] longs = new long[counts.length];
        for (int i = 0; i < longs.length; i++) {
            longs[i] = counts[i];
        }
        return HostTensor.of(longs, longs.length);
    }

    private static HostTensor labels(Segmentation result) {
        long[] labels = new long[result.labels().length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = result.labels()[i];
        }
        return HostTensor.of(labels, result.size().height(), result.size().width());
    }
}
