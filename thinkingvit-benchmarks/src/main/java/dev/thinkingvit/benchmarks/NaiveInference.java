package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * The yardstick of inference: {@linkplain NaivePort the published code line by line}, fp32, all stages for every image,
 * nobody touching the thread pools.
 */
final class NaiveInference implements Contender {
    private final String name;
    private final ThinkingViTConfig config;
    private final float[] images;
    private final int count;
    private final Map<String, Tensor> parameters = new LinkedHashMap<>();
    private final NaivePort network;

    /** @param images (B, 3, S, S) values */
    NaiveInference(String name, ThinkingViTConfig config, Map<String, HostTensor> weights, float[] images, int count) {
        this.name = name;
        this.config = config;
        this.images = images;
        this.count = count;
        try (Scope scope = new Scope()) {
            weights.forEach((key, host) -> parameters.put(key, Scope.own(Tensors.toNative(host))));
        }
        this.network = new NaivePort(config, parameters);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double unitsPerStep() {
        return count;
    }

    @Override
    public void settle() {
        Threads.DEFAULTS.settle();
    }

    @Override
    public void step() {
        logits();
    }

    /** The logits (B, C) of each stage. */
    List<float[]> logits() {
        try (Scope scope = new Scope();
                NoGradGuard guard = new NoGradGuard()) {
            Tensor input = Tensors.floats(
                    images,
                    0,
                    count,
                    3,
                    config.imageSize().height(),
                    config.imageSize().width());
            List<float[]> logits = new ArrayList<>();
            Tensor tokens = null;
            for (int stage = 1; stage <= config.stages(); stage++) {
                tokens = network.stage(input, tokens, stage); // (B, N, d)
                logits.add(Tensors.toFloats(network.logits(tokens)));
            }
            return logits;
        }
    }

    @Override
    public void close() {
        parameters.values().forEach(Tensor::close);
    }
}
