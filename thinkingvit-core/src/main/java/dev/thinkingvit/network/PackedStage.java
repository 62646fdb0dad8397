package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** One stage of a network for inference: cut to its width, cast and packed for whatever computes it fastest here. */
public sealed interface PackedStage extends AutoCloseable permits DnnlStage, TorchStage {
    /**
     * Packs what {@code stage} reads of the full-width weights.
     *
     * @param weights all of the network's, of any float type
     * @param type of products, F32 or BF16
     */
    static PackedStage pack(Network network, int stage, Map<String, HostTensor> weights, DType type) {
        return Dnnl.hasKernel(type)
                ? new DnnlStage(network, stage, weights, type)
                : new TorchStage(network, stage, weights, type);
    }

    /**
     * See {@link Network#stage}; outputs belong to the innermost scope.
     *
     * @param images (B, 3, h, w) F32
     * @param previous what the stage before left, of the products' type; null in the first
     */
    Network.Output<Tensor> run(Tensor images, @Nullable Tensor previous);

    /** Bytes of native memory that the weights hold. */
    long weightBytes();

    /**
     * Images that should go through together where every operation runs over all of them before the next begins: as many as
     * have activations of 8 images of 197 tokens at width 384.
     */
    static int microBatch(Network.Ports ports) {
        long values = ports.tokens().stream().reduce(1L, Math::multiplyExact);
        return (int) Math.max(1, 8 * 197 * 384 / values);
    }

    /** Images that should go through together. */
    int microBatch();

    @Override
    void close();
}
