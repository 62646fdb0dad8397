package dev.thinkingvit.verify;

import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.Readout;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

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

    private final Backbone backbone;
    private final float[] images;
    private final int count;
    private final List<Stage> stages;
    private final Map<StopPolicy, Routed> routed = new HashMap<>();

    /** @param input (B, 3, h, w) of any float type, h and w the backbone's */
    Activations(Backbone backbone, HostTensor input) {
        this.backbone = backbone;
        this.images = input.toFloats();
        this.count = Math.toIntExact(input.shape()[0]);
        this.stages = ComputeThread.call(this::runEveryStage);
    }

    /**
     * How a policy treats the images.
     *
     * @param prediction (B, …) F32, such as class logits (B, C), of the stage at which each image ended
     * @param stages (B) I64, counted from 1
     */
    record Routed(HostTensor prediction, HostTensor stages) {}

    private record Stage(HostTensor prediction, HostTensor tokens) {}

    int stages() {
        return stages.size();
    }

    /** One of {@code logits} (B, C), {@code tokens} (B, N, d), {@code entropy} (B), {@code entropy_top10} (B). */
    HostTensor ofStage(int number, String what) {
        Stage stage = stages.get(number - 1);
        return switch (what) {
            case "logits" -> stage.prediction();
            case "tokens" -> stage.tokens();
            default -> measures(stage.prediction(), Routers.named(what));
        };
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

    private List<Stage> runEveryStage() {
        List<List<float[]>> predictions = new ArrayList<>();
        List<List<float[]>> tokens = new ArrayList<>();
        List<long[]> shapes = new ArrayList<>();
        List<long[]> tokenShapes = new ArrayList<>();
        for (int k = 0; k < backbone.stages(); k++) {
            predictions.add(new ArrayList<>());
            tokens.add(new ArrayList<>());
        }
        for (int from = 0; from < count; from += CHUNK) {
            int rows = Math.min(CHUNK, count - from);
            try (Scope scope = new Scope()) {
                Tensor chunk = chunk(from, rows);
                Tensor previous = null;
                for (int k = 1; k <= backbone.stages(); k++) {
                    StageOutput output = backbone.run(k, chunk, previous);
                    previous = output.tokens();
                    predictions.get(k - 1).add(Tensors.toFloats(output.prediction()));
                    tokens.get(k - 1).add(Tensors.toFloats(output.tokens()));
                    if (from == 0) {
                        shapes.add(Tensors.shape(output.prediction()));
                        tokenShapes.add(Tensors.shape(output.tokens()));
                    }
                }
            }
        }
        List<Stage> all = new ArrayList<>();
        for (int k = 0; k < backbone.stages(); k++) {
            shapes.get(k)[0] = count;
            tokenShapes.get(k)[0] = count;
            all.add(new Stage(
                    HostTensor.of(joined(predictions.get(k)), shapes.get(k)),
                    HostTensor.of(joined(tokens.get(k)), tokenShapes.get(k))));
        }
        return all;
    }

    private Routed routeAll(StopPolicy policy) {
        HostTensor like = stages.get(0).prediction();
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

    private Tensor chunk(int from, int rows) {
        ImageSize size = backbone.imageSize();
        return Tensors.floats(images, from * size.values(), rows, 3, size.height(), size.width());
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
