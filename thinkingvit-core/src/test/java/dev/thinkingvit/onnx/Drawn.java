package dev.thinkingvit.onnx;

import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.Routing;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A model with random weights, loud enough that logits differ, and random images for it. */
record Drawn(ModelConfig config, Map<String, HostTensor> weights) {
    /** Three stages of a network that is wider than any of them; 25 patches. */
    static final ThinkingViTConfig THREE_STAGES = new ThinkingViTConfig(40, 8, 60, 2, 5, List.of(1, 2, 4), 13, 1e-5);

    static Drawn of(ThinkingViTConfig network) {
        SplittableRandom random = new SplittableRandom(7);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        network.parameterShapes().forEach((name, shape) -> {
            float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
            boolean norm = name.contains("norm") && name.endsWith("weight");
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (0.2 * random.nextGaussian()) + (norm ? 1 : 0);
            }
            weights.put(name, HostTensor.of(values, shape));
        });
        Routing routing = new Routing("entropy", List.of(1.9), null);
        return new Drawn(ModelConfig.of(network).withRouting(routing), weights);
    }

    ExportedModel export(Path folder, OnnxExport.Layout layout) {
        return OnnxExport.write(folder, config, weights, layout, "test");
    }

    /** The network as libtorch runs it. */
    Backbone packed() {
        return PackedBackbone.of(config.network(), weights, Precision.FP32);
    }

    /** @return count·3·S·S values */
    static float[] images(int count, int size) {
        SplittableRandom random = new SplittableRandom(count);
        float[] images = new float[count * 3 * size * size];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        return images;
    }

    /** Logits and tokens of every stage: one array each, in this order. */
    static List<float[]> run(Backbone backbone, int count) {
        int size = backbone.imageSize().side();
        return ComputeThread.call(() -> {
            try (Scope scope = new Scope()) {
                NativeTensor batch = NativeArray.floats(images(count, size), 0, count, 3, size, size);
                List<float[]> outputs = new ArrayList<>();
                NativeTensor tokens = null;
                for (int stage = 1; stage <= backbone.stages(); stage++) {
                    StageOutput output = backbone.run(stage, batch, tokens);
                    tokens = output.tokens();
                    outputs.add(output.prediction().toFloats());
                    outputs.add(tokens.toFloats());
                }
                return outputs;
            }
        });
    }
}
