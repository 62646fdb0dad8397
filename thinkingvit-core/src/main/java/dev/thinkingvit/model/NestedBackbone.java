package dev.thinkingvit.model;

import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A ThinkingViT for inference on any device, computed as training computes it: for judging a model where it is trained.
 * On a processor {@link PackedThinkingViT} is the faster one.
 *
 * <p>Owns its weights; close it. Its work belongs on the {@linkplain ComputeThread compute thread}.
 */
public final class NestedBackbone extends ThinkingViTBackbone {
    /** Images that go together: a CUDA device wants many. */
    private static final int MICRO_BATCH = 256;

    private final TorchDevice device;
    private final NestedWeights weights;

    private NestedBackbone(ThinkingViTConfig config, TorchDevice device, NestedWeights weights) {
        super(config);
        this.device = device;
        this.weights = weights;
    }

    /**
     * Puts weights on a device.
     *
     * @param weights exactly the parameters of {@link ThinkingViTConfig#parameterShapes()}, of any float type
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     */
    public static NestedBackbone of(
            ThinkingViTConfig config, Map<String, HostTensor> weights, Precision precision, TorchDevice device) {
        return ComputeThread.callToTheEnd(() -> {
            try (Scope scope = new Scope();
                    ThinkingViT host = ThinkingViT.of(config, weights);
                    ThinkingViT placed = host.on(device)) {
                NestedWeights cut = placed.cut(precision);
                cut.tensors().forEach(Scope::own);
                return new NestedBackbone(config, device, cut);
            }
        });
    }

    @Override
    public StageOutput run(int stage, Tensor images, @Nullable Tensor previousTokens) {
        return StageOutput.of(weights.stage(stage, device.place(images), previousTokens));
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
        weights.tensors().forEach(Tensor::close);
    }
}
