package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** One stage of a {@link PackedThinkingViT}: cut to its width, cast and packed for whatever computes it fastest here. */
interface PackedStage extends AutoCloseable {
    /** Packs what {@code stage} reads of the full-width weights. */
    static PackedStage pack(ThinkingViTConfig config, Map<String, HostTensor> weights, Precision precision, int stage) {
        try (Scope scope = new Scope()) {
            StageWeights cut = new StageWeights(config, weights, stage);
            return Dnnl.hasKernel(Tensors.dtype(precision.type()))
                    ? new DnnlStage(cut, precision)
                    : new TorchStage(cut, precision);
        }
    }

    /** See {@link Backbone#run}; what comes is checked there. */
    StageOutput run(Tensor images, @Nullable Tensor previousTokens);

    /** Bytes of native memory that the weights hold. */
    long weightBytes();

    /** See {@link Backbone#microBatch}. */
    int microBatch();

    @Override
    void close();
}
