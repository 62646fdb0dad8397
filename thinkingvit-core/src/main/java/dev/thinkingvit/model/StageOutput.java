package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.tensor.NativeTensor;
import java.util.Map;

/**
 * What one stage leaves behind. The tensors belong to the scope in which the stage ran.
 *
 * @param tokens (B, N, d) after the final LayerNorm, class token first, in the backbone's type; what the next
 *     stage recycles
 * @param prediction (B, …), F32, such as class logits (B, C)
 * @param extras (B, …), F32 each: what else the stage says, by name
 */
public record StageOutput(NativeTensor tokens, NativeTensor prediction, Map<String, NativeTensor> extras) {
    /** Of a stage that says nothing else. */
    public StageOutput(NativeTensor tokens, NativeTensor prediction) {
        this(tokens, prediction, Map.of());
    }

    static StageOutput of(Network.Output<NativeTensor> output) {
        return new StageOutput(output.tokens(), output.prediction(), output.extras());
    }
}
