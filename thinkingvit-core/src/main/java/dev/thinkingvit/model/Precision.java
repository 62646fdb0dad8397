package dev.thinkingvit.model;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Number format of matrix products. Everything is accumulated in F32. */
public enum Precision {
    FP32,
    BF16;

    ScalarType type() {
        return this == FP32 ? ScalarType.Float : ScalarType.BFloat16;
    }

    /** Whether this processor multiplies fast in this format: F32 always, BF16 where it has tiles for it. */
    public boolean isFastHere() {
        return this == FP32 || Dnnl.isFast(DType.BF16);
    }
}
