package dev.thinkingvit.model;

import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.network.Arithmetic;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.PackedStage;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A network as inference sees it: each stage's weights cut to its width, packed and cast once, when the model is
 * loaded. Computes what training computes.
 *
 * <p>Owns its weights; close it. Immutable; its work belongs on the {@linkplain ComputeThread compute thread}.
 */
public final class PackedBackbone extends NetworkBackbone {
    private final Precision precision;
    private final List<PackedStage> stages;
    private boolean closed;

    PackedBackbone(NetworkConfig config, Precision precision, List<PackedStage> stages) {
        super(config);
        this.precision = precision;
        this.stages = stages;
    }

    /**
     * Packs weights for inference.
     *
     * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, of any float type
     * @param precision FP32 or BF16; INT8 needs to know more
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     */
    public static PackedBackbone of(NetworkConfig config, Map<String, HostTensor> weights, Precision precision) {
        return of(config, weights, precision, null);
    }

    /**
     * Packs weights for inference in any precision.
     *
     * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, of any float type
     * @param ranges of what goes into linear layers, for INT8, as {@link #watching} finds them; a layer that they do not know is
     *     computed as all other products are. Else not asked, and may be null
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     * @throws dev.thinkingvit.tensor.TensorException if this processor has no instructions for INT8
     */
    public static PackedBackbone of(
            NetworkConfig config,
            Map<String, HostTensor> weights,
            Precision precision,
            @Nullable ActivationRanges ranges) {
        if (precision != Precision.INT8) {
            return pack(config, weights, precision, () -> Arithmetic.of(precision.type()));
        }
        Natives.load();
        precision.requireHere();
        if (ranges == null || ranges.isEmpty()) {
            throw new IllegalArgumentException("int8 needs the ranges of what goes into the network's linear layers");
        }
        return pack(config, weights, precision, () -> Arithmetic.inEightBits(ranges, precision.type()));
    }

    /**
     * A backbone in FP32 that finds out between which values lies what goes into linear layers. Slower than others.
     *
     * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, of any float type
     * @param ranges to which is added what comes by in each run
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     * @throws dev.thinkingvit.tensor.TensorException if oneDNN, which shows the values, has no kernels here
     */
    public static PackedBackbone watching(
            NetworkConfig config, Map<String, HostTensor> weights, ActivationRanges ranges) {
        Objects.requireNonNull(ranges, "the ranges are null");
        return pack(config, weights, Precision.FP32, () -> Arithmetic.watching(ranges));
    }

    private static PackedBackbone pack(
            NetworkConfig config,
            Map<String, HostTensor> weights,
            Precision precision,
            Supplier<Arithmetic> arithmetic) {
        Natives.load();
        WeightsException.check(config.parameterShapes(), weights);
        // on one thread: packing is little work in many steps, after each of which threads would wait for each other
        return ComputeThread.callToTheEnd(() -> Natives.onThisThreadOnly(() -> {
            Network network = config.network();
            Arithmetic how = arithmetic.get();
            List<PackedStage> stages = new ArrayList<>();
            try {
                for (int stage = 1; stage <= config.stages(); stage++) {
                    stages.add(PackedStage.pack(network, stage, weights, how));
                }
            } catch (RuntimeException | Error e) {
                stages.forEach(PackedStage::close);
                throw e;
            }
            return new PackedBackbone(config, precision, stages);
        }));
    }

    public Precision precision() {
        return precision;
    }

    @Override
    public int microBatch(int stage) {
        return stages.get(stage - 1).microBatch();
    }

    @Override
    public boolean runsSideBySide() {
        return true;
    }

    @Override
    public long weightBytes() {
        return stages.stream().mapToLong(PackedStage::weightBytes).sum();
    }

    /**
     * Bytes that the weights of one stage take once packed, padding apart; in INT8 at least, since what begins a residual stream
     * is not in eight bits.
     */
    public static long weightBytes(NetworkConfig config, int stage, Precision precision) {
        long bytes = 0;
        for (Parameter parameter : config.parameters().all()) {
            if (parameter.isReadBy(stage)) {
                long elements = Arrays.stream(parameter.shape(stage)).reduce(1, Math::multiplyExact);
                bytes += elements * bytes(parameter, precision);
            }
        }
        return bytes;
    }

    private static int bytes(Parameter parameter, Precision precision) {
        if (!parameter.cast() || precision == Precision.FP32) {
            return DType.F32.bytes();
        }
        if (precision == Precision.BF16) {
            return DType.BF16.bytes();
        }
        return parameter.shape().length > 1 ? DType.I8.bytes() : DType.F32.bytes();
    }

    @Override
    public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        NativeTensor taken = taken(stage, images, previousTokens, precision.type());
        return StageOutput.of(stages.get(stage - 1).run(images, taken));
    }

    @Override
    public StageOutput predict(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        PackedStage before = stage < 2 || stage > stages.size() ? null : stages.get(stage - 2);
        boolean begun = before != null && before.begins();
        NativeTensor taken = taken(stage, images, previousTokens, begun ? DType.F32 : precision.type());
        if (before == null || taken == null) {
            return StageOutput.of(stages.get(stage - 1).begin(images, taken));
        }
        try (Scope scope = new Scope()) {
            return StageOutput.of(
                    stages.get(stage - 1).begin(images, before.finish(taken)).map(output -> scope.keep(output)));
        }
    }

    private @Nullable NativeTensor taken(
            int stage, NativeTensor images, @Nullable NativeTensor previousTokens, DType type) {
        if (closed) {
            throw new IllegalStateException("the model is closed");
        }
        return StageInput.check(network(), stage, images, previousTokens, type, TorchDevice.CPU);
    }

    @Override
    public void close() {
        ComputeThread.free(() -> {
            if (!closed) {
                closed = true;
                stages.forEach(PackedStage::close);
            }
        });
    }
}
