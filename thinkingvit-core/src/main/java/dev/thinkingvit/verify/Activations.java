package dev.thinkingvit.verify;

import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.MaskScores;
import dev.thinkingvit.model.Readout;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a backbone computes for a batch of images, in the shapes of recorded activations; each thing is computed when it
 * is first asked for.
 *
 * <p>{@code B} images, {@code U} undecided ones, {@code N} tokens, {@code d} width, {@code C} classes. Results are plain
 * Java.
 */
final class Activations {
    /** Images that go through a stage together. */
    private static final int CHUNK = 16;

    private static final String LOGITS = "logits";
    private static final String UNPRUNED = "unpruned_logits";
    /** What recordings call the entropy of a network that names pixels. */
    static final String PIXEL_ENTROPY = "mean_pixel_entropy";

    private final Backbone backbone;
    private final @Nullable Backbone unpruned;
    private final float[] images;
    private final int count;
    private final List<Stage> stages;
    private final List<Stage> wholeStages = new ArrayList<>();
    private final Map<StopPolicy, Routed> routed = new HashMap<>();

    /**
     * @param unpruned the same without leaving tokens out; null if there is none
     * @param input (B, 3, h, w) of any float type, h and w the backbone's
     */
    Activations(Backbone backbone, @Nullable Backbone unpruned, HostTensor input) {
        this.backbone = backbone;
        this.unpruned = unpruned;
        this.images = input.toFloats();
        this.count = Math.toIntExact(input.shape()[0]);
        this.stages = ComputeThread.call(() -> runEveryStage(backbone));
    }

    /**
     * How a policy treats the images.
     *
     * @param prediction (B, …) F32, such as class logits (B, C), of the stage at which each image ended
     * @param stages (B) I64, counted from 1
     */
    record Routed(HostTensor prediction, HostTensor stages) {}

    /** @param said by name, such as {@code logits} and {@code tokens}, and what else the stage says */
    private record Stage(Map<String, HostTensor> said) {}

    int stages() {
        return stages.size();
    }

    /** The measure that a recording names. */
    static Router router(String name) {
        return name.equals(PIXEL_ENTROPY) ? Routers.ENTROPY : Routers.named(name);
    }

    /** Whether the network names the classes of pixels. */
    boolean isOfMasks() {
        HostTensor prediction = logits(1);
        float[] values = prediction.toFloats();
        return backbone.readout().read(values, 0, values.length / count) instanceof MaskScores;
    }

    /** Pixels' logits (B, C, h, w) of a prediction. */
    HostTensor masks(HostTensor prediction) {
        float[] values = prediction.toFloats();
        int length = values.length / count;
        ImageSize size = backbone.imageSize();
        float[] masks = new float[count * backbone.numClasses() * size.pixels()];
        for (int image = 0; image < count; image++) {
            MaskScores scores = (MaskScores) backbone.readout().read(values, image * length, length);
            float[] own = scores.logits();
            System.arraycopy(own, 0, masks, image * own.length, own.length);
        }
        return HostTensor.of(masks, count, backbone.numClasses(), size.height(), size.width());
    }

    /** Whether a stage says something of that name besides its prediction. */
    boolean says(int number, String what) {
        return stages.get(number - 1).said().containsKey(what);
    }

    /**
     * One of {@code logits} (B, C), {@code tokens} (B, N, d), {@code entropy} (B), {@code entropy_top10} (B),
     * {@code mean_pixel_entropy} (B), {@code masks} (B, C, h, w), {@code unpruned_logits} (B, C), or what else the stage says; null if it says nothing of that name.
     */
    @Nullable HostTensor ofStage(int number, String what) {
        Map<String, HostTensor> said = stages.get(number - 1).said();
        return switch (what) {
            case "entropy", "entropy_top10", PIXEL_ENTROPY -> measures(logits(number), router(what));
            case "masks" -> masks(logits(number));
            case UNPRUNED -> unprunedLogits(number);
            default -> said.get(what);
        };
    }

    /** Why {@link #ofStage} has nothing. */
    String why(String what) {
        return what.equals(UNPRUNED)
                ? "not checked: this is no model that leaves tokens out, or one without its weights, such as an export"
                : "not checked: unknown kind of tensor";
    }

    private HostTensor logits(int number) {
        return said(stages, number, LOGITS);
    }

    private @Nullable HostTensor unprunedLogits(int number) {
        Backbone whole = unpruned;
        if (whole == null) {
            return null;
        }
        if (wholeStages.isEmpty()) {
            wholeStages.addAll(ComputeThread.call(() -> runEveryStage(whole)));
        }
        return said(wholeStages, number, LOGITS);
    }

    private static HostTensor said(List<Stage> stages, int number, String what) {
        HostTensor tensor = stages.get(number - 1).said().get(what);
        if (tensor == null) {
            throw new IllegalStateException("a stage without " + what);
        }
        return tensor;
    }

    /** Routes the images through the elastic engine. */
    Routed route(StopPolicy policy) {
        return routed.computeIfAbsent(policy, key -> routeAll(key));
    }

    private HostTensor measures(HostTensor prediction, Router router) {
        int rows = Math.toIntExact(prediction.shape()[0]);
        float[] values = prediction.toFloats();
        int length = values.length / rows;
        Readout readout = backbone.readout();
        float[] measures = new float[rows];
        for (int row = 0; row < rows; row++) {
            measures[row] = finite(values, row * length, length)
                    ? (float) readout.read(values, row * length, length).measure(router::measure)
                    : Float.NaN; // measures pass over what is no number, which must not look like certainty here
        }
        return HostTensor.of(measures, rows);
    }

    private static boolean finite(float[] values, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            if (!Float.isFinite(values[i])) {
                return false;
            }
        }
        return true;
    }

    private List<Stage> runEveryStage(Backbone backbone) {
        List<Map<String, List<float[]>>> parts = new ArrayList<>();
        List<Map<String, long[]>> shapes = new ArrayList<>();
        for (int k = 0; k < backbone.stages(); k++) {
            parts.add(new LinkedHashMap<>());
            shapes.add(new LinkedHashMap<>());
        }
        for (int from = 0; from < count; from += CHUNK) {
            int rows = Math.min(CHUNK, count - from);
            try (Scope scope = new Scope()) {
                NativeTensor chunk = chunk(from, rows);
                NativeTensor previous = null;
                for (int k = 1; k <= backbone.stages(); k++) {
                    StageOutput output = backbone.run(k, chunk, previous);
                    previous = output.tokens();
                    Map<String, NativeTensor> said = new LinkedHashMap<>(output.extras());
                    said.put(LOGITS, output.prediction());
                    said.put("tokens", output.tokens());
                    for (Map.Entry<String, NativeTensor> each : said.entrySet()) {
                        parts.get(k - 1)
                                .computeIfAbsent(each.getKey(), name -> new ArrayList<>())
                                .add(each.getValue().toFloats());
                        shapes.get(k - 1).put(each.getKey(), each.getValue().shape());
                    }
                }
            }
        }
        List<Stage> all = new ArrayList<>();
        for (int k = 0; k < backbone.stages(); k++) {
            Map<String, long[]> own = shapes.get(k);
            Map<String, HostTensor> said = new LinkedHashMap<>();
            parts.get(k).forEach((name, values) -> {
                long[] shape = own.getOrDefault(name, new long[1]).clone();
                shape[0] = count;
                said.put(name, HostTensor.of(joined(values), shape));
            });
            all.add(new Stage(said));
        }
        return all;
    }

    private Routed routeAll(StopPolicy policy) {
        HostTensor like = logits(1);
        float[] values = new float[Math.toIntExact(like.elements())];
        int length = values.length / count;
        long[] ends = new long[count];
        try {
            // not closed: the backbone is the caller's
            List<Outcome> outcomes = new ElasticEngine(backbone).run(images, count, policy);
            for (int i = 0; i < count; i++) {
                System.arraycopy(outcomes.get(i).decisive().prediction().values(), 0, values, i * length, length);
                ends[i] = outcomes.get(i).stage();
            }
        } catch (ArithmeticException e) {
            // outputs that are no numbers route nowhere: every comparison fails
            Arrays.fill(values, Float.NaN);
        }
        return new Routed(HostTensor.of(values, like.shape()), HostTensor.of(ends, count));
    }

    private NativeTensor chunk(int from, int rows) {
        ImageSize size = backbone.imageSize();
        return NativeArray.floats(images, from * size.values(), rows, 3, size.height(), size.width());
    }

    private static float[] joined(List<float[]> parts) {
        float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
        int offset = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, offset, part.length);
            offset += part.length;
        }
        return all;
    }
}
