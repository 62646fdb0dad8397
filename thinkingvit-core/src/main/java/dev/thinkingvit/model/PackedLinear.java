package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer for inference, its weight cut, cast and packed once, in the layout oneDNN multiplies fastest; GELU or
 * the residual addition happen while the product is still in registers. Where libtorch comes without oneDNN (which is
 * to say, not on x86), the same arithmetic runs as separate operations.
 *
 * <p>Owns its tensors; close it. Immutable.
 */
final class PackedLinear implements AutoCloseable {
    /** oneDNN's operators, or null where libtorch has none. */
    private static final @Nullable Kernels KERNELS = Kernels.find();

    private final Tensor weight;
    private final Tensor bias;

    /**
     * @param weight (out, in)
     * @param bias (out)
     * @param precision of the product
     */
    PackedLinear(Tensor weight, Tensor bias, Precision precision) {
        try (Scope scope = new Scope()) {
            Tensor cut = weight.to(precision.type()).contiguous();
            this.weight = Scope.own(KERNELS == null ? cut.clone() : KERNELS.pack(cut));
            this.bias = Scope.own(bias.to(precision.type()).contiguous().clone());
        }
    }

    /** x Wᵀ + b. */
    Tensor apply(Tensor x) {
        return KERNELS == null ? plain(x) : KERNELS.linear(x, weight, bias, "none");
    }

    /** GELU(x Wᵀ + b), with the exact error function. */
    Tensor applyGelu(Tensor x) {
        return KERNELS == null ? torch.gelu(plain(x)) : KERNELS.linear(x, weight, bias, "gelu");
    }

    /** x Wᵀ + b + {@code other}, which has the result's shape. */
    Tensor applyAdd(Tensor x, Tensor other) {
        return KERNELS == null ? plain(x).add_(other) : KERNELS.linearAdd(x, other, weight, bias);
    }

    private Tensor plain(Tensor x) {
        return torch.linear(x, weight, new TensorOptional(bias));
    }

    @Override
    public void close() {
        weight.close();
        bias.close();
    }

    private record Kernels(Operator reorder, Operator pointwise, Operator binary, IValue noScalars) {
        static @Nullable Kernels find() {
            try {
                Operator pointwise = Operator.find("mkldnn::_linear_pointwise", "");
                try (Scope scope = new Scope()) {
                    return new Kernels(
                            Operator.find("mkldnn::_reorder_linear_weight", ""),
                            pointwise,
                            Operator.find("mkldnn::_linear_pointwise", "binary"),
                            Scope.own(pointwise.list(4, java.util.List.of())));
                }
            } catch (dev.thinkingvit.tensor.TensorException e) {
                return null;
            }
        }

        Tensor pack(Tensor weight) {
            return reorder.call(new IValue(weight), new IValue());
        }

        Tensor linear(Tensor x, Tensor weight, Tensor bias, String activation) {
            try (Scope scope = new Scope()) {
                return scope.keep(pointwise.call(
                        new IValue(x),
                        new IValue(weight),
                        new IValue(bias),
                        new IValue(activation),
                        noScalars,
                        new IValue("none")));
            }
        }

        Tensor linearAdd(Tensor x, Tensor other, Tensor weight, Tensor bias) {
            try (Scope scope = new Scope()) {
                return scope.keep(binary.call(
                        new IValue(x), new IValue(other), new IValue(weight), new IValue(bias), new IValue("add")));
            }
        }
    }
}
