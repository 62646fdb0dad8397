package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.TensorException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One stage of a network for inference: cut to its width, cast and packed for whatever computes it fastest here. */
public sealed interface PackedStage extends AutoCloseable permits DnnlStage, DnnlHaltingStage, TorchStage {
    /**
     * Packs what {@code stage} reads of the full-width weights.
     *
     * @param weights all of the network's, of any float type
     * @throws TensorException if linear layers are to be in eight bits or watched, which this processor cannot
     */
    static PackedStage pack(Network network, int stage, Map<String, HostTensor> weights, Arithmetic arithmetic) {
        if (arithmetic.eightBits() != null && !Dnnl.hasKernel(DType.U8)) {
            throw new TensorException("oneDNN has no kernels for eight bits here");
        }
        if (!Dnnl.hasKernel(arithmetic.type())) {
            if (arithmetic.watched() != null) {
                throw new TensorException("ranges for int8 are measured by oneDNN, which has no kernels here");
            }
            return new TorchStage(network, stage, weights, arithmetic.type());
        }
        return network.halts(stage)
                ? new DnnlHaltingStage(network, stage, weights, arithmetic)
                : new DnnlStage(network, stage, weights, arithmetic);
    }

    /**
     * See {@link Network#stage}; outputs belong to the innermost scope.
     *
     * @param images (B, 3, h, w) F32
     * @param previous what the stage before left, of the products' type; null in the first
     */
    Network.Output<NativeTensor> run(NativeTensor images, @Nullable NativeTensor previous);

    /** Whether {@link #begin} leaves anything to {@link #finish}. */
    default boolean begins() {
        return false;
    }

    /**
     * See {@link Network#begin}; outputs belong to the innermost scope.
     *
     * @param images (B, 3, h, w) F32
     * @param previous as in {@link #run}
     * @return tokens in F32, if anything is left to be finished
     */
    default Network.Output<NativeTensor> begin(NativeTensor images, @Nullable NativeTensor previous) {
        return run(images, previous);
    }

    /**
     * See {@link Network#finish}; the tokens belong to the innermost scope.
     *
     * @param begun as {@link #begin} left them
     * @return of the products' type
     */
    default NativeTensor finish(NativeTensor begun) {
        return begun;
    }

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
