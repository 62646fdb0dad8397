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
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

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
            int size = config.imageSize();
            Tensor images = Tensors.floats(batch.images(), 0, batch.size(), 3, size, size);
            Tensor target = Tensors.floats(batch.targets(), 0, batch.size(), config.numClasses());
            optimizer.zero_grad();
            List<Double> losses = new ArrayList<>();
            Tensor total = null;
            Tensor tokens = null;
            for (int stage = 1; stage <= config.stages(); stage++) {
                tokens = stage(images, tokens, stage); // (B, N, d)
                Tensor logits = linear(
                        tokens.select(1, 0),
                        parameter("head.weight").narrow(1, 0, config.width(stage)),
                        parameter("head.bias")); // (B, C)
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

    private Tensor stage(Tensor images, @Nullable Tensor recycled, int stage) {
        int width = config.width(stage);
        Tensor embedded = torch.conv2d(
                        images,
                        parameter("patch_embed.proj.weight").narrow(0, 0, width),
                        new TensorOptional(parameter("patch_embed.proj.bias").narrow(0, 0, width)),
                        new long[] {config.patchSize(), config.patchSize()},
                        new long[] {0, 0},
                        new long[] {1, 1},
                        1)
                .flatten(2, 3)
                .transpose(1, 2); // (B, N-1, d)
        Tensor classToken = parameter("cls_token").narrow(2, 0, width).expand(images.size(0), 1, width);
        Tensor x = torch.cat(new TensorVector(classToken, embedded), 1)
                .add(parameter("pos_embed").narrow(2, 0, width)); // (B, N, d)
        if (recycled != null) {
            String projection = ThinkingViTConfig.projectionName(stage);
            Tensor projected = linear(
                    recycled,
                    parameter(projection + ".weight").narrow(0, 0, width),
                    parameter(projection + ".bias").narrow(0, 0, width));
            x = x.add(projected.mul(parameter(ThinkingViTConfig.alphaName(stage))));
        }
        for (int block = 0; block < config.depth(); block++) {
            x = block(x, "blocks." + block + ".", config.heads(stage));
        }
        return norm(x, "norm");
    }

    private Tensor block(Tensor x, String name, int heads) {
        Tensor attended = x.add(attention(norm(x, name + "norm1"), name + "attn.", heads));
        long width = x.size(-1);
        long hidden = ThinkingViTConfig.mlpWidth((int) width);
        Tensor expanded = torch.gelu(sliced(norm(attended, name + "norm2"), name + "mlp.fc1", hidden)); // (B, N, 4d)
        return attended.add(sliced(expanded, name + "mlp.fc2", width)); // (B, N, d)
    }

    private Tensor attention(Tensor x, String name, int heads) {
        long images = x.size(0);
        long tokens = x.size(1);
        long width = x.size(2);
        long full = config.embedDim();
        Tensor weight = parameter(name + "qkv.weight")
                .view(3, full, full)
                .narrow(1, 0, width)
                .narrow(2, 0, width)
                .reshape(3 * width, width);
        Tensor bias =
                parameter(name + "qkv.bias").view(3, full).narrow(1, 0, width).reshape(3 * width);
        TensorVector qkv = linear(x, weight, bias)
                .reshape(images, tokens, 3, heads, config.headDim())
                .permute(2, 0, 3, 1, 4)
                .unbind(0); // 3 of (B, H, N, hd)
        Tensor mixed = torch.scaled_dot_product_attention(
                qkv.get(0), qkv.get(1), qkv.get(2), new TensorOptional(), 0.0, false, new DoubleOptional(), false);
        return sliced(mixed.transpose(1, 2).reshape(images, tokens, width), name + "proj", width); // (B, N, d)
    }

    /** A linear layer of as many inputs as come and {@code out} outputs. */
    private Tensor sliced(Tensor x, String name, long out) {
        return linear(
                x,
                parameter(name + ".weight").narrow(0, 0, out).narrow(1, 0, x.size(-1)),
                parameter(name + ".bias").narrow(0, 0, out));
    }

    private Tensor norm(Tensor x, String name) {
        long width = x.size(-1);
        return torch.layer_norm(
                x,
                new long[] {width},
                new TensorOptional(parameter(name + ".weight").narrow(0, 0, width)),
                new TensorOptional(parameter(name + ".bias").narrow(0, 0, width)),
                config.normEps(),
                false);
    }

    private static Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        return torch.linear(x, weight, new TensorOptional(bias));
    }

    private Tensor parameter(String key) {
        Tensor parameter = parameters.get(key);
        if (parameter == null) {
            throw new IllegalStateException("no parameter " + key);
        }
        return parameter;
    }

    @Override
    public void close() {
        optimizer.close();
        parameters.values().forEach(Tensor::close);
        averages.values().forEach(Tensor::close);
    }
}
