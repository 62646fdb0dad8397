package dev.thinkingvit.network;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** What a training descends on. */
@FunctionalInterface
public interface StageLoss {
    /**
     * The loss of one stage, with its weight among the stages.
     *
     * @param stage from 1
     * @param output what it leaves, with gradients
     * @return a scalar that depends on the output; null if the stage has no loss
     */
    @Nullable Tensor of(int stage, Network.Output<Tensor> output);
}
