package dev.thinkingvit.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.tensor.TorchDevice;

/**
 * How it is computed. Keys are timm's; see {@link Recipe}.
 *
 * @param precision of the matrix products
 * @param gradCheckpointing compute each block again on the way back instead of keeping what is inside
 * @param seed of weights, order, augmentation and mixing
 * @param maxUnreadable share of the training pictures, and of the validation pictures, without which a training goes on
 */
public record ExecutionRecipe(Numbers precision, boolean gradCheckpointing, long seed, Share maxUnreadable) {
    /** See {@link Recipe#DEFAULT}. */
    static final ExecutionRecipe DEFAULT = new ExecutionRecipe(Numbers.AUTO, false, 1, Share.of("5%"));

    /** Number format of matrix products; parameters, gradients and the optimizer stay F32. */
    public enum Numbers {
        /** bf16 where the device has it, else fp32. */
        @JsonProperty("auto")
        AUTO,
        @JsonProperty("fp32")
        FP32,
        @JsonProperty("bf16")
        BF16
    }

    /** The precision to compute in on a device of this machine. */
    public Precision precision(TorchDevice device) {
        return switch (precision) {
            case FP32 -> Precision.FP32;
            case BF16 -> Precision.BF16;
            case AUTO -> device.isCuda() || Precision.BF16.isFastHere() ? Precision.BF16 : Precision.FP32;
        };
    }
}
