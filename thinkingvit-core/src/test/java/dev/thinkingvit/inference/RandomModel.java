package dev.thinkingvit.inference;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.ClassScores;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/** A model of four stages, of a shape that nobody published, with weights that make it think. */
public record RandomModel(ThinkingViTConfig config, Map<String, HostTensor> weights) {

    public static RandomModel draw(long seed) {
        // the last stage leaves a head of the network unused
        ThinkingViTConfig config = new ThinkingViTConfig(40, 8, 60, 2, 5, List.of(1, 2, 3, 4), 13, 1e-5);
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        config.parameterShapes().forEach((name, shape) -> {
            float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
            boolean norm = name.contains("norm") && name.endsWith("weight");
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (0.2 * random.nextGaussian()) + (norm ? 1 : 0);
            }
            weights.put(name, HostTensor.of(values, shape));
        });
        return new RandomModel(config, weights);
    }

    private static HostTensor host(NativeTensor tensor) {
        return HostTensor.of(tensor.toFloats(), tensor.shape());
    }

    /** Records what the training view computes of random images, in the form of the reference recordings. */
    public Path record(Path file, int count, String certainty) {
        SplittableRandom random = new SplittableRandom(count);
        int size = config.imageSize().side();
        float[] images = new float[count * 3 * size * size];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("input", HostTensor.of(images, count, 3, size, size));
        ModelDirectory.Model model = new ModelDirectory.Model(file, ModelConfig.of(config), weights);
        try (Backbone view = TrainingView.of(model)) {
            ComputeThread.call(() -> {
                try (Scope scope = new Scope()) {
                    NativeArray batch = NativeArray.floats(images, 0, count, 3, size, size);
                    for (int stage = 1; stage <= config.stages(); stage++) {
                        StageOutput output = view.run(stage, batch, null);
                        String name = "stage" + stage + ".";
                        tensors.put(name + "tokens", host(output.tokens()));
                        tensors.put(name + "logits", host(output.prediction()));
                        for (Routers router : List.of(Routers.ENTROPY, Routers.ENTROPY_TOP10)) {
                            tensors.put(name + router.id(), HostTensor.of(measures(tensors, stage, router), count));
                        }
                    }
                }
                return null;
            });
        }
        Routers router = Routers.valueOf(certainty.toUpperCase(Locale.ROOT));
        for (double threshold : thresholds(measures(tensors, 1, router))) {
            route(tensors, router, threshold, count);
        }
        Safetensors.write(file, tensors, Map.of("certainty", certainty, "thinking_stages", "1,2,3,4"));
        return file;
    }

    /** Nobody stops, everybody stops, and half of the images stop at stage 1: halfway between two images. */
    private static double[] thresholds(float[] measures) {
        float[] sorted = measures.clone();
        Arrays.sort(sorted);
        return new double[] {0, (sorted[sorted.length / 2] + sorted[sorted.length / 2 - 1]) / 2.0, 100};
    }

    private void route(Map<String, HostTensor> tensors, Routers router, double threshold, int count) {
        long[] ends = new long[count];
        float[] logits = new float[count * config.numClasses()];
        for (int stage = 1; stage <= config.stages(); stage++) {
            float[] measures = measures(tensors, stage, router);
            float[] thought = logits(tensors, stage);
            for (int i = 0; i < count; i++) {
                if (ends[i] == 0 && (stage == config.stages() || measures[i] < threshold)) {
                    ends[i] = stage;
                    System.arraycopy(
                            thought, i * config.numClasses(), logits, i * config.numClasses(), config.numClasses());
                }
            }
        }
        tensors.put("routed@" + threshold + ".logits", HostTensor.of(logits, count, config.numClasses()));
        tensors.put("routed@" + threshold + ".stage", HostTensor.of(ends, count));
    }

    private float[] measures(Map<String, HostTensor> tensors, int stage, Routers router) {
        float[] logits = logits(tensors, stage);
        float[] measures = new float[logits.length / config.numClasses()];
        for (int i = 0; i < measures.length; i++) {
            measures[i] =
                    (float) router.measure(ClassScores.softmax(logits, i * config.numClasses(), config.numClasses()));
        }
        return measures;
    }

    private static float[] logits(Map<String, HostTensor> tensors, int stage) {
        HostTensor logits = tensors.get("stage" + stage + ".logits");
        if (logits == null) {
            throw new IllegalStateException("stage " + stage + " was not recorded");
        }
        return logits.toFloats();
    }
}
