package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.train.Recipe;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/**
 * The yardstick: what porting the published PyTorch code line by line gives. Full-width layers are sliced at each call,
 * autograd goes through the slices to the shared parameters, everything is fp32, attention is libtorch's fused one, the
 * optimizer libtorch's own, and nobody touches the thread pools.
 *
 * <p>{@code B} images, {@code N} tokens, {@code D} full width, {@code d} width of a stage, {@code C} classes. It computes
 * what this library's trainer computes, except that weight decay spares nothing.
 */
final class NaiveTraining implements Contender {
    private final String name;
    private final ThinkingViTConfig config;
    private final SyntheticBatch batch;
    private final Map<String, Tensor> parameters = new LinkedHashMap<>();
    private final Map<String, Tensor> averages = new LinkedHashMap<>();
    private final NaivePort network;
    private final AdamW optimizer;
    private final double emaDecay;

    NaiveTraining(
            String name,
            Recipe recipe,
            ThinkingViTConfig config,
            Map<String, HostTensor> weights,
            SyntheticBatch batch) {
        this.name = name;
        this.config = config;
        this.batch = batch;
        this.network = new NaivePort(config, parameters);
        this.emaDecay = recipe.ema().modelEmaDecay();
        try (Scope scope = new Scope()) {
            weights.forEach((key, host) -> {
                parameters.put(key, Scope.own(Tensors.toNative(host).set_requires_grad(true)));
                averages.put(key, Scope.own(Tensors.toNative(host)));
            });
            AdamWOptions options = new AdamWOptions(recipe.optimizer().peakLr());
            options.weight_decay().put(recipe.optimizer().weightDecay());
            options.eps().put(recipe.optimizer().optEps());
            // Betas stay libtorch's 0.9 and 0.999, the recipes' too: the binding maps a C++ tuple, of no known order.
            this.optimizer =
                    Scope.own(new AdamW(new TensorVector(parameters.values().toArray(Tensor[]::new)), options));
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double unitsPerStep() {
        return batch.size();
    }

    @Override
    public void settle() {
        Threads.DEFAULTS.settle();
    }

    @Override
    public void step() {
        losses();
    }

    /** A step; the loss of each stage before it, nats. */
    List<Double> losses() {
        try (Scope scope = new Scope()) {
            int size = config.imageSize().side();
            Tensor images = Tensors.floats(batch.images(), 0, batch.size(), 3, size, size);
            Tensor target = Tensors.floats(batch.targets(), 0, batch.size(), config.numClasses());
            optimizer.zero_grad();
            List<Double> losses = new ArrayList<>();
            Tensor total = null;
            Tensor tokens = null;
            for (int stage = 1; stage <= config.stages(); stage++) {
                tokens = network.stage(images, tokens, stage); // (B, N, d)
                Tensor logits = network.logits(tokens); // (B, C)
                Tensor loss = target.mul(logits.log_softmax(-1)).sum(-1).neg().mean();
                losses.add(loss.item().toDouble());
                Tensor weighted = loss.div(new Scalar((double) config.stages()));
                total = total == null ? weighted : total.add(weighted);
            }
            if (total != null) {
                total.backward();
            }
            optimizer.step();
            average();
            return losses;
        }
    }

    private void average() {
        try (NoGradGuard guard = new NoGradGuard()) {
            parameters.forEach((key, parameter) -> {
                Tensor average = averages.get(key);
                if (average != null) {
                    average.lerp_(parameter, new Scalar(1 - emaDecay));
                }
            });
        }
    }

    @Override
    public void close() {
        optimizer.close();
        parameters.values().forEach(Tensor::close);
        averages.values().forEach(Tensor::close);
    }
}
