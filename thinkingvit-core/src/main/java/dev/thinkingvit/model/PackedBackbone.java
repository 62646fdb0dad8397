package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.PackedStage;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
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
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     */
    public static PackedBackbone of(NetworkConfig config, Map<String, HostTensor> weights, Precision precision) {
        Natives.load();
        WeightsException.check(config.parameterShapes(), weights);
        return ComputeThread.callToTheEnd(() -> {
            Network network = config.network();
            List<PackedStage> stages = new ArrayList<>();
            try {
                for (int stage = 1; stage <= config.stages(); stage++) {
                    stages.add(PackedStage.pack(network, stage, weights, Tensors.dtype(precision.type())));
                }
            } catch (RuntimeException | Error e) {
                stages.forEach(PackedStage::close);
                throw e;
            }
            return new PackedBackbone(config, precision, stages);
        });
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

    /** Bytes that the weights of one stage take once packed, padding apart. */
    public static long weightBytes(NetworkConfig config, int stage, Precision precision) {
        long bytes = 0;
        for (Parameter parameter : config.parameters().all()) {
            if (parameter.isReadBy(stage)) {
                long elements = Arrays.stream(parameter.shape(stage)).reduce(1, Math::multiplyExact);
                bytes += elements * (parameter.cast() && precision == Precision.BF16 ? 2 : 4);
            }
        }
        return bytes;
    }

    @Override
    public StageOutput run(int stage, Tensor images, @Nullable Tensor previousTokens) {
        if (closed) {
            throw new IllegalStateException("the model is closed");
        }
        DType tokens = Tensors.dtype(precision.type());
        @Nullable Tensor taken = StageInput.check(network(), stage, images, previousTokens, tokens, TorchDevice.CPU);
        return StageOutput.of(stages.get(stage - 1).run(images, taken));
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
