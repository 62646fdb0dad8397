package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How far a computation agrees with what another implementation recorded of the same weights: one line a tensor.
 * {@link #of} compares a model's activations; other comparisons build lines of their own.
 *
 * <p>A recording is a safetensors file: {@code input} (B, 3, h, w), normalised; for stage k from 1 {@code stage{k}.logits}
 * (B, C), {@code stage{k}.tokens} (B, N, d_k) after the final norm, {@code stage{k}.entropy} (B) in nats and
 * {@code stage{k}.entropy_top10} (B), what else the stage says by its name, and of one that leaves tokens out
 * {@code stage{k}.unpruned_logits}; of a model of one stage {@code stage{k}.} may be missing; for a threshold τ {@code routed@{τ}.logits} (B, C) and {@code routed@{τ}.stage} (B),
 * the stage from 1 at which each image ended. Its metadata names the {@code certainty} measure that routed and the heads
 * of the {@code thinking_stages}. Of a network that names pixels there are {@code masks} (B, C, h, w) in place of
 * {@code logits}, and {@code mean_pixel_entropy} (B), the mean over the pixels of the filled-up image. Any number of stages and thresholds, all or some of these tensors. Of a trainer's file,
 * {@code raw.} stands before what the model's own weights gave, all else being of their moving average.
 *
 * <p>A check that silently skips is no check: a tensor of another name is a failing line.
 *
 * @param lines one for everything that was compared, or should have been
 * @param tolerance what was asked for, from which every line's {@code allowed} follows; for activations the largest
 *     difference, ten times that for a tensor with a value beyond ±10
 */
public record Verification(List<Line> lines, double tolerance) {
    /** What fp32 implementations agree within. */
    public static final double DEFAULT_TOLERANCE = 1e-4;

    private static final double LARGE = 10;
    private static final int LARGEST = 1 << 16;
    private static final String RAW = "raw.";
    private static final Pattern STAGE = Pattern.compile("(?:stage(\\d{1,6})\\.)?([a-z][a-z0-9_]*(?:\\.\\d{1,6})?)");
    private static final Pattern ROUTED = Pattern.compile("routed@([^@]+)\\.(logits|masks|stage)");

    public Verification {
        lines = List.copyOf(lines);
    }

    /**
     * The verdict on one tensor.
     *
     * @param name in the recording
     * @param largestDifference absolute; NaN where nothing could be compared or a value is not finite
     * @param allowed the largest difference that passes
     * @param ok whether it passes
     * @param note why it does not, where the difference does not say, or what a reader should know; else empty
     */
    public record Line(String name, double largestDifference, double allowed, boolean ok, String note) {
        /** Nothing could be compared. */
        public static Line failed(String name, String note) {
            return new Line(name, Double.NaN, 0, false, note);
        }

        /**
         * Judges a tensor value by value; another shape, or a value that is not finite on either side, fails. Tokens may be
         * recorded as their grid, (B, h, w, d), which are the same values in the same order as (B, h·w, d).
         *
         * @param expected as recorded
         * @param came as computed
         * @param allowed the largest difference that passes, given the largest absolute value that was recorded
         */
        public static Line compare(String name, HostTensor expected, HostTensor came, DoubleUnaryOperator allowed) {
            if (!Arrays.equals(withoutGrid(expected.shape()), withoutGrid(came.shape()))) {
                return shapes(name, expected, came);
            }
            float[] a = expected.toFloats();
            float[] b = came.toFloats();
            double magnitude = 0;
            double largest = 0;
            for (int i = 0; i < a.length; i++) {
                if (!Float.isFinite(a[i]) || !Float.isFinite(b[i])) {
                    String side = Float.isFinite(a[i]) ? "the model gives " + b[i] : "the recording has " + a[i];
                    return failed(name, side + " at element " + i);
                }
                magnitude = Math.max(magnitude, Math.abs(a[i]));
                largest = Math.max(largest, Math.abs((double) a[i] - b[i]));
            }
            double limit = allowed.applyAsDouble(magnitude);
            return new Line(name, largest, limit, largest <= limit, "");
        }

        /** Judges a tensor of which every value must be the same; {@code differently} words those that are not. */
        static Line exactly(String name, HostTensor expected, HostTensor came, String differently) {
            if (!Arrays.equals(expected.shape(), came.shape())) {
                return shapes(name, expected, came);
            }
            float[] a = expected.toFloats();
            float[] b = came.toFloats();
            double largest = 0;
            int differing = 0;
            for (int i = 0; i < a.length; i++) {
                double difference = Math.abs((double) a[i] - b[i]);
                if (!(difference == 0)) {
                    differing++;
                    largest = Double.isNaN(difference) ? difference : Math.max(largest, difference);
                }
            }
            String note = differing == 0 ? "" : differing + " of " + a.length + " " + differently;
            return new Line(name, largest, 0, differing == 0, note);
        }

        private static long[] withoutGrid(long... shape) {
            return shape.length == 4 ? new long[] {shape[0], shape[1] * shape[2], shape[3]} : shape;
        }

        /** The same verdict, with another note after the present one. */
        public Line withNote(String more) {
            return new Line(name, largestDifference, allowed, ok, note.isEmpty() ? more : note + "; " + more);
        }
    }

    /** Whether every tensor agrees. */
    public boolean passed() {
        return lines.stream().allMatch(Line::ok);
    }

    /** How many tensors do not. */
    public int failures() {
        return (int) lines.stream().filter(line -> !line.ok()).count();
    }

    /**
     * Runs a model on the recording's input and compares.
     *
     * @param backbone stays the caller's
     * @param recording the file
     * @param tolerance above 0
     * @throws CheckpointException if the file cannot be read, has no usable {@code input}, or nothing to compare
     */
    public static Verification of(Backbone backbone, Path recording, double tolerance) {
        return of(backbone, recording, tolerance, false);
    }

    /**
     * As {@link #of(Backbone, Path, double)}, saying which weights of a trainer's file these are.
     *
     * @param own whether they are the model's own, of which {@code raw.*} was recorded, and not their moving average
     */
    public static Verification of(Backbone backbone, Path recording, double tolerance, boolean own) {
        return of(backbone, null, recording, tolerance, own, null);
    }

    /**
     * As {@link #of(Backbone, Path, double, boolean)}, of a model that leaves tokens out, or whose training sees more.
     *
     * @param model whose backbone it is, for what only a training computes; null if there is none, as of an exported one
     * @param unpruned the same weights without leaving any out, by which {@code unpruned_logits} are judged; null if
     *     there is none. Stays the caller's
     */
    public static Verification of(
            Backbone backbone,
            ModelDirectory.@Nullable Model model,
            Path recording,
            double tolerance,
            boolean own,
            @Nullable Backbone unpruned) {
        requireTolerance(tolerance);
        Safetensors.Contents contents = Safetensors.read(recording);
        HostTensor input = input(recording, contents.tensors());
        if (contents.metadata().containsKey(WindowVerification.SIZE)) {
            List<Line> lines = new ArrayList<>();
            stages(contents.metadata(), backbone.stages()).forEach(lines::add);
            lines.addAll(WindowVerification.of(
                    backbone, recording, contents, magnitude -> magnitude > LARGE ? 10 * tolerance : tolerance));
            return new Verification(lines, tolerance);
        }
        Backbone sized = at(recording, backbone, input);
        if (contents.tensors().size() < 2) {
            throw new CheckpointException(recording, "has nothing to compare beside input");
        }
        Activations activations = new Activations(sized, unpruned, input);
        List<Line> lines = new ArrayList<>();
        stages(contents.metadata(), backbone.stages()).forEach(lines::add);
        boolean both = contents.tensors().keySet().stream().anyMatch(name -> name.startsWith(RAW));
        contents.tensors().forEach((name, expected) -> {
            boolean raw = name.startsWith(RAW);
            if (both && !name.equals("input") && raw != own) {
                String others = raw ? "the model's own weights" : "the moving average";
                lines.add(new Line(name, Double.NaN, 0, true, "not compared: of " + others));
            } else if (HaltingScores.has(name)) {
                boolean halts = activations.says(backbone.stages(), Halting.TOKEN_DEPTH);
                lines.add(
                        halts
                                ? halting(name, expected, model, input, recording, contents, tolerance)
                                : Line.failed(name, "not checked: no tokens halt in this model"));
            } else if (!name.equals("input")) {
                String plain = raw ? name.substring(RAW.length()) : name;
                lines.add(check(name, plain, expected, activations, contents.metadata(), tolerance));
            }
        });
        return new Verification(lines, tolerance);
    }

    /**
     * A check that forgives everything or nothing is none.
     *
     * @throws IllegalArgumentException if it is not a number above 0
     */
    public static void requireTolerance(double tolerance) {
        if (!(tolerance > 0) || Double.isInfinite(tolerance)) {
            throw new IllegalArgumentException("the tolerance must be a number above 0, got " + tolerance);
        }
    }

    private static HostTensor input(Path recording, Map<String, HostTensor> tensors) {
        HostTensor input = tensors.get("input");
        if (input == null) {
            throw new CheckpointException(recording, "tensor input is missing: the images to run are expected in it");
        }
        return input;
    }

    /** The network as it takes the recording's images. */
    private static Backbone at(Path recording, Backbone backbone, HostTensor input) {
        long[] shape = input.shape();
        boolean isImages = input.dtype().isFloating()
                && shape.length == 4
                && shape[1] == 3
                && LongStream.of(shape).allMatch(size -> size > 0 && size <= LARGEST);
        ImageSize size = backbone.imageSize();
        String misfit = "tensor input does not fit the model: expected floating point [B, 3, " + size.height() + ", "
                + size.width() + "], came " + input;
        if (!isImages) {
            throw new CheckpointException(recording, misfit);
        }
        try {
            return backbone.at(new ImageSize((int) shape[2], (int) shape[3]));
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(recording, misfit, e);
        }
    }

    /** A recording of a model with other stages is a recording of another model. */
    private static Stream<Line> stages(Map<String, String> metadata, int stages) {
        String recorded = metadata.get("thinking_stages");
        if (recorded == null || recorded.split(",", -1).length == stages) {
            return Stream.empty();
        }
        return Stream.of(Line.failed(
                "thinking_stages", "the recording is of stages " + recorded + ", the model has " + stages + " stages"));
    }

    /** What only a training computes, of halted tokens. */
    private static Line halting(
            String name,
            HostTensor expected,
            ModelDirectory.@Nullable Model model,
            HostTensor input,
            Path recording,
            Safetensors.Contents contents,
            double tolerance) {
        if (model == null) {
            return new Line(
                    name, Double.NaN, 0, true, "not compared: an exported model computes nothing of halted tokens");
        }
        HostTensor came = HaltingScores.of(model, input, recording, contents).get(name);
        return came == null
                ? Line.failed(name, "not checked")
                : Line.compare(name, expected, came, magnitude -> tolerance);
    }

    private static Line check(
            String name,
            String plain,
            HostTensor expected,
            Activations activations,
            Map<String, String> metadata,
            double tolerance) {
        DoubleUnaryOperator allowed = magnitude -> magnitude > LARGE ? 10 * tolerance : tolerance;
        Matcher stage = STAGE.matcher(plain);
        if (stage.matches()) {
            int number = stage.group(1) == null ? activations.stages() : Integer.parseInt(stage.group(1));
            if (number < 1 || number > activations.stages()) {
                return Line.failed(name, "the model has stages 1 to " + activations.stages());
            }
            if (needsMasks(stage.group(2)) && !activations.isOfMasks()) {
                return Line.failed(name, "the model names no pixels");
            }
            HostTensor came = activations.ofStage(number, stage.group(2));
            if (came != null && stage.group(2).equals(Halting.TOKEN_DEPTH)) {
                return Line.exactly(name, expected, came, "tokens halt elsewhere");
            }
            return came == null
                    ? Line.failed(name, activations.why(stage.group(2)))
                    : Line.compare(name, expected, came, allowed);
        }
        Matcher routed = ROUTED.matcher(plain);
        if (!routed.matches()) {
            return Line.failed(name, "not checked: unknown kind of tensor");
        }
        if (needsMasks(routed.group(2)) && !activations.isOfMasks()) {
            return Line.failed(name, "the model names no pixels");
        }
        StopPolicy policy;
        try {
            policy = policy(metadata.get("certainty"), routed.group(1), activations.stages());
        } catch (IllegalArgumentException e) {
            return Line.failed(name, "not checked: " + e.getMessage());
        }
        Activations.Routed outcome = activations.route(policy);
        return routed.group(2).equals("stage")
                ? Line.exactly(name, expected, outcome.stages(), "images end at another stage")
                : Line.compare(
                        name,
                        expected,
                        needsMasks(routed.group(2)) ? activations.masks(outcome.prediction()) : outcome.prediction(),
                        allowed);
    }

    private static boolean needsMasks(String what) {
        return what.equals("masks") || what.equals(Activations.PIXEL_ENTROPY);
    }

    /** @param thresholds a number, or one for every boundary between stages, separated by commas */
    static StopPolicy policy(@Nullable String certainty, String thresholds, int stages) {
        if (certainty == null) {
            throw new IllegalArgumentException("the metadata names no certainty measure");
        }
        double[] numbers;
        try {
            numbers = Stream.of(thresholds.split(",", -1))
                    .mapToDouble(Double::parseDouble)
                    .toArray();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + thresholds + "' is no threshold", e);
        }
        StopPolicy policy = StopPolicy.of(Activations.router(certainty), numbers);
        policy.check(stages);
        return policy;
    }

    private static Line shapes(String name, HostTensor expected, HostTensor came) {
        return Line.failed(
                name,
                "expected shape " + Arrays.toString(expected.shape()) + ", came " + Arrays.toString(came.shape()));
    }
}
