package dev.thinkingvit.model;

import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.network.Executors;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.PackedStage;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.onnx.OnnxRuntime;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.tensor.TorchTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A way to run a network: who executes it, in which precision, exported or not. What the suite knows of backbones it knows
 * through this.
 */
public enum Form {
    OPERATORS(Precision.FP32),
    OPERATORS_BF16(Precision.BF16),
    ONEDNN(Precision.FP32),
    ONEDNN_BF16(Precision.BF16),
    /** Several threads side by side, on one image where there are no more. */
    ONEDNN_TOGETHER(Precision.FP32),
    ONEDNN_TOGETHER_BF16(Precision.BF16),
    ONEDNN_INT8(Precision.INT8),
    ONEDNN_TOGETHER_INT8(Precision.INT8),
    /** One of several sizes. */
    DYNAMIC(Precision.FP32),
    TRAINING_VIEW(Precision.FP32),
    TRAINING_VIEW_BF16(Precision.BF16),
    ONNX_SHARED(Precision.FP32),
    ONNX_FOLDED(Precision.FP32),
    ONNX_EMBEDDED(Precision.FP32),
    ONNX_INT8(Precision.INT8);

    /** Everything that a stage leaves. */
    record Left(Tensor tokens, Tensor prediction, Map<String, Tensor> extras) {
        /** Types of the tokens, and of all the rest. */
        List<DType> types() {
            return Stream.concat(Stream.of(tokens, prediction), extras.values().stream())
                    .map(Tensors::dtype)
                    .toList();
        }

        /** Each of them by its name, F32. */
        Map<String, float[]> values() {
            Map<String, float[]> values = new LinkedHashMap<>();
            values.put("tokens", Tensors.toFloats(tokens));
            values.put("prediction", Tensors.toFloats(prediction));
            extras.forEach((name, extra) -> values.put(name, Tensors.toFloats(extra)));
            return values;
        }
    }

    private static final int THREADS = 3;
    private static final int SEEN = 16;

    final Precision precision;

    Form(Precision precision) {
        this.precision = precision;
    }

    /** Whether this machine can. */
    boolean isHere() {
        return switch (this) {
            case ONEDNN, ONEDNN_BF16, ONEDNN_TOGETHER, ONEDNN_TOGETHER_BF16 -> Dnnl.hasKernel(tokens());
            case ONEDNN_INT8, ONEDNN_TOGETHER_INT8 -> precision.isHere();
            case ONNX_INT8 -> Dnnl.hasKernel(DType.F32); // which shows the ranges
            default -> true;
        };
    }

    /** Type of the tokens that stages leave and take. */
    DType tokens() {
        return this == ONNX_INT8 ? DType.F32 : precision.type();
    }

    /** As if whoever runs it had so many native threads. */
    private static Backbone onThreads(int threads, Backbone backbone) {
        return new WrappedBackbone() {
            @Override
            public Backbone inner() {
                return backbone;
            }

            @Override
            public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
                return Natives.onThreads(threads, () -> backbone.run(stage, images, previousTokens));
            }

            @Override
            public StageOutput predict(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
                return Natives.onThreads(threads, () -> backbone.predict(stage, images, previousTokens));
            }
        };
    }

    /** What a value may be away from libtorch's in F32, as a share of the largest; in INT8 most values, as a share of most. */
    double tolerance() {
        return switch (precision) {
            case FP32 -> 2e-5;
            case BF16 -> 0.1;
            case INT8 -> 0.25;
        };
    }

    /** What a picture's values may change with those that go with it: products of other sizes are summed otherwise. */
    double drift() {
        return precision == Precision.FP32 ? 1e-5 : 0.05;
    }

    /** @param folder for files that it needs; to be closed */
    Backbone open(NetworkConfig config, Map<String, HostTensor> weights, Path folder) {
        return switch (this) {
            case OPERATORS, OPERATORS_BF16 -> packed(config, weights, Executors::operators);
            case ONEDNN, ONEDNN_BF16 -> packed(config, weights, Executors::oneDnn);
            case ONEDNN_TOGETHER, ONEDNN_TOGETHER_BF16 ->
                onThreads(THREADS, packed(config, weights, Executors::oneDnn));
            case ONEDNN_INT8 -> PackedBackbone.of(config, weights, precision, ranges(config, weights));
            case ONEDNN_TOGETHER_INT8 ->
                onThreads(THREADS, PackedBackbone.of(config, weights, precision, ranges(config, weights)));
            case DYNAMIC ->
                DynamicBackbone.of(config, weights, (sized, them) -> PackedBackbone.of(sized, them, precision));
            case TRAINING_VIEW, TRAINING_VIEW_BF16 -> NestedBackbone.of(config, weights, precision, TorchDevice.CPU);
            case ONNX_SHARED -> exported(config, weights, folder, OnnxExport.Layout.SHARED);
            case ONNX_FOLDED -> exported(config, weights, folder, OnnxExport.Layout.FOLDED);
            case ONNX_EMBEDDED -> exported(config, weights, folder, OnnxExport.Layout.EMBEDDED);
            case ONNX_INT8 ->
                OnnxRuntime.open(
                        OnnxExport.write(
                                folder,
                                ModelConfig.of(config),
                                weights,
                                ranges(config, weights),
                                OnnxExport.Layout.SHARED,
                                "test",
                                true),
                        1);
        };
    }

    private interface Packing {
        PackedStage pack(Network network, int stage, Map<String, HostTensor> weights, DType type);
    }

    private Backbone packed(NetworkConfig config, Map<String, HostTensor> weights, Packing how) {
        Libtorch.load();
        return ComputeThread.call(() -> {
            List<PackedStage> stages = new ArrayList<>();
            for (int stage = 1; stage <= config.stages(); stage++) {
                stages.add(how.pack(config.network(), stage, weights, tokens()));
            }
            return new PackedBackbone(config, precision, stages);
        });
    }

    /** Of what goes into linear layers when such images are seen as the suite's. */
    public static ActivationRanges ranges(NetworkConfig config, Map<String, HostTensor> weights) {
        ActivationRanges ranges = new ActivationRanges();
        SplittableRandom random = new SplittableRandom(1);
        float[] pixels = new float[SEEN * config.imageSize().values()];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (float) random.nextGaussian();
        }
        try (ElasticEngine watching = new ElasticEngine(PackedBackbone.watching(config, weights, ranges))) {
            watching.run(pixels, SEEN, StopPolicy.endingAt(config.stages(), config.stages()));
        }
        return ranges;
    }

    private static Backbone exported(
            NetworkConfig config, Map<String, HostTensor> weights, Path folder, OnnxExport.Layout layout) {
        return OnnxRuntime.open(OnnxExport.write(folder, ModelConfig.of(config), weights, layout, "test"), 1);
    }

    /** Does work where native work belongs, with one native thread: on a busy machine several wait for each other. */
    static <T> T compute(Supplier<T> work) {
        return ComputeThread.call(() -> Natives.onThreads(1, work));
    }

    static Left run(Backbone backbone, int stage, Tensor images, Tensor previous) {
        return of(backbone.run(stage, new TorchTensor(images), previous == null ? null : new TorchTensor(previous)));
    }

    static Left predict(Backbone backbone, int stage, Tensor images, Tensor previous) {
        return of(
                backbone.predict(stage, new TorchTensor(images), previous == null ? null : new TorchTensor(previous)));
    }

    private static Left of(StageOutput output) {
        return of(new Network.Output<>(output.tokens(), output.prediction(), output.extras()).map(Tensors::shared));
    }

    static Left of(Network.Output<Tensor> output) {
        return new Left(output.tokens(), output.prediction(), output.extras());
    }
}
