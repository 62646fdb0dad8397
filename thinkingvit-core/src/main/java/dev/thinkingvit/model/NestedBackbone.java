package dev.thinkingvit.model;

import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.tensor.TorchTensor;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A network for inference on any device, computed as training computes it: for judging a model where it is trained.
 * On a processor {@link PackedBackbone} is the faster one.
 *
 * <p>Owns its weights; close it. Its work belongs on the {@linkplain ComputeThread compute thread}.
 */
public final class NestedBackbone extends NetworkBackbone {
    /** Images that go together: a CUDA device wants many. */
    private static final int MICRO_BATCH = 256;

    private final TorchDevice device;
    private final NestedWeights weights;
    private final DType tokens; // type of those that stages leave and take
    private boolean closed;

    private NestedBackbone(NetworkConfig config, TorchDevice device, NestedWeights weights, DType tokens) {
        super(config);
        this.device = device;
        this.weights = weights;
        this.tokens = tokens;
    }

    /**
     * Puts weights on a device.
     *
     * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, of any float type
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     */
    public static NestedBackbone of(
            NetworkConfig config, Map<String, HostTensor> weights, Precision precision, TorchDevice device) {
        WeightsException.check(config.parameterShapes(), weights);
        device.require();
        return ComputeThread.callToTheEnd(() -> {
            try (Scope scope = new Scope()) {
                Map<String, Tensor> placed = new LinkedHashMap<>();
                weights.forEach((name, tensor) ->
                        placed.put(name, device.place(Tensors.toNative(tensor).to(ScalarType.Float))));
                NestedWeights cut =
                        NestedWeights.cut(config.network(), placed, Tensors.scalarType(precision.ofTraining()));
                cut.tensors().forEach(Scope::own);
                return new NestedBackbone(config, device, cut, precision.ofTraining());
            }
        });
    }

    @Override
    public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        if (closed) {
            throw new IllegalStateException("the model is closed");
        }
        @Nullable NativeTensor taken = StageInput.check(network(), stage, images, previousTokens, tokens, device);
        Libtorch.load(); // this thread's number of threads is told to it
        try (NoGradGuard guard = new NoGradGuard()) {
            return StageOutput.of(weights.stage(
                            stage, device.place(Tensors.shared(images)), taken == null ? null : Tensors.shared(taken))
                    .map(TorchTensor::new));
        }
    }

    @Override
    public int microBatch(int stage) {
        return MICRO_BATCH;
    }

    @Override
    public long weightBytes() {
        return weights.tensors().mapToLong(Tensor::nbytes).sum();
    }

    @Override
    public void close() {
        ComputeThread.free(() -> {
            if (!closed) {
                closed = true;
                weights.tensors().forEach(Tensor::close);
            }
        });
    }
}
