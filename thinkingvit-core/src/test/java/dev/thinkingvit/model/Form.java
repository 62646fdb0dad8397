package dev.thinkingvit.model;

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
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * A way to run a network: who executes it, in which precision, exported or not. What the suite knows of backbones it knows
 * through this.
 */
enum Form {
    OPERATORS(Precision.FP32),
    OPERATORS_BF16(Precision.BF16),
    ONEDNN(Precision.FP32),
    ONEDNN_BF16(Precision.BF16),
    /** One of several sizes. */
    DYNAMIC(Precision.FP32),
    TRAINING_VIEW(Precision.FP32),
    TRAINING_VIEW_BF16(Precision.BF16),
    ONNX_SHARED(Precision.FP32),
    ONNX_FOLDED(Precision.FP32),
    ONNX_EMBEDDED(Precision.FP32);

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

    final Precision precision;

    Form(Precision precision) {
        this.precision = precision;
    }

    /** Whether this machine can. */
    boolean isHere() {
        return switch (this) {
            case ONEDNN, ONEDNN_BF16 -> Dnnl.hasKernel(tokens());
            default -> true;
        };
    }

    /** Type of the tokens that stages leave and take. */
    DType tokens() {
        return precision == Precision.BF16 ? DType.BF16 : DType.F32;
    }

    /** What a value may be away from libtorch's in F32, as a share of the largest. */
    double tolerance() {
        return precision == Precision.BF16 ? 0.1 : 2e-5;
    }

    /** What a picture's values may change with those that go with it: products of other sizes are summed otherwise. */
    double drift() {
        return precision == Precision.BF16 ? 0.05 : 1e-5;
    }

    /** @param folder for files that it needs; to be closed */
    Backbone open(NetworkConfig config, Map<String, HostTensor> weights, Path folder) {
        return switch (this) {
            case OPERATORS, OPERATORS_BF16 -> packed(config, weights, Executors::operators);
            case ONEDNN, ONEDNN_BF16 -> packed(config, weights, Executors::oneDnn);
            case DYNAMIC ->
                DynamicBackbone.of(config, weights, (sized, them) -> PackedBackbone.of(sized, them, precision));
            case TRAINING_VIEW, TRAINING_VIEW_BF16 -> NestedBackbone.of(config, weights, precision, TorchDevice.CPU);
            case ONNX_SHARED -> exported(config, weights, folder, OnnxExport.Layout.SHARED);
            case ONNX_FOLDED -> exported(config, weights, folder, OnnxExport.Layout.FOLDED);
            case ONNX_EMBEDDED -> exported(config, weights, folder, OnnxExport.Layout.EMBEDDED);
        };
    }

    private interface Packing {
        PackedStage pack(Network network, int stage, Map<String, HostTensor> weights, DType type);
    }

    private Backbone packed(NetworkConfig config, Map<String, HostTensor> weights, Packing how) {
        Natives.load();
        return ComputeThread.call(() -> {
            List<PackedStage> stages = new ArrayList<>();
            for (int stage = 1; stage <= config.stages(); stage++) {
                stages.add(how.pack(config.network(), stage, weights, tokens()));
            }
            return new PackedBackbone(config, precision, stages);
        });
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
        StageOutput output = backbone.run(stage, images, previous);
        return new Left(output.tokens(), output.prediction(), output.extras());
    }

    static Left of(Network.Output<Tensor> output) {
        return new Left(output.tokens(), output.prediction(), output.extras());
    }
}
