package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import org.bytedeco.pytorch.Tensor;

/**
 * What one stage leaves behind. Both tensors belong to the scope in which the stage ran.
 *
 * @param tokens (B, N, d) after the final LayerNorm, class token first, in the backbone's type; what the next
 *     stage recycles
 * @param logits (B, C), F32
 */
public record StageOutput(Tensor tokens, Tensor logits) {
    static StageOutput of(Network.Output<Tensor> output) {
        return new StageOutput(output.tokens(), output.logits());
    }
}
