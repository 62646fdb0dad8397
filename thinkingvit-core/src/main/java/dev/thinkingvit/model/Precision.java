package dev.thinkingvit.model;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlProgram;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Number format of matrix products. Everything is accumulated in F32. */
public enum Precision {
    FP32(ScalarType.Float),
    BF16(ScalarType.BFloat16);

    private final ScalarType type;

    Precision(ScalarType type) {
        this.type = type;
    }

    ScalarType type() {
        return type;
    }

    /** Whether this processor multiplies fast in this format: F32 always, BF16 where it has tiles for it. */
    public boolean isFastHere() {
        return this == FP32 || DnnlProgram.isFast(DType.BF16);
    }
}
