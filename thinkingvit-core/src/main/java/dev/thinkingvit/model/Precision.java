package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
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

    /** Whether this processor has instructions for products in this format, so that it is the faster one. */
    public boolean isFastHere() {
        if (this == FP32) {
            return true;
        }
        try (Scope scope = new Scope()) {
            return Operator.find("mkldnn::_is_mkldnn_bf16_supported", "").test();
        } catch (dev.thinkingvit.tensor.TensorException e) {
            return false;
        }
    }
}
