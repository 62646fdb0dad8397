package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.Precision;
import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A large square linear layer on all cores, its weight packed by oneDNN where libtorch has that: the most that products
 * of this precision reach on this machine, and so the limit of any training.
 */
final class GemmRate implements Contender {
    private static final int SIZE = 4096;

    private final Precision precision;
    private final int size;
    private final Tensor x; // (n, n)
    private final Tensor weight; // (n, n), packed if there is an operator
    private final @Nullable Operator packedLinear;

    GemmRate(Precision precision) {
        this(precision, SIZE);
    }

    GemmRate(Precision precision, int size) {
        this.precision = precision;
        this.size = size;
        this.packedLinear = packedLinear();
        try (Scope scope = new Scope();
                NoGradGuard guard = new NoGradGuard()) {
            ScalarType type = precision == Precision.BF16 ? ScalarType.BFloat16 : ScalarType.Float;
            this.x = Scope.own(torch.randn(size, size).to(type));
            Tensor plain = torch.randn(size, size).to(type);
            this.weight = Scope.own(
                    packedLinear == null
                            ? plain
                            : Operator.find("mkldnn::_reorder_linear_weight", "")
                                    .call(new IValue(plain), new IValue()));
        }
    }

    private static @Nullable Operator packedLinear() {
        try {
            return Operator.find("mkldnn::_linear_pointwise", "");
        } catch (TensorException e) {
            return null;
        }
    }

    @Override
    public String name() {
        return "GEMM " + precision;
    }

    /** Floating point operations. */
    @Override
    public double unitsPerStep() {
        return 2.0 * size * size * size;
    }

    @Override
    public void settle() {
        Threads.OURS.settle();
    }

    @Override
    public int warmUpSteps(int turn) {
        return 1;
    }

    @Override
    public void step() {
        try (Scope scope = new Scope();
                NoGradGuard guard = new NoGradGuard()) {
            if (packedLinear == null) {
                torch.linear(x, weight, new TensorOptional());
            } else {
                packedLinear.call(
                        new IValue(x),
                        new IValue(weight),
                        new IValue(),
                        new IValue("none"),
                        packedLinear.list(4, java.util.List.of()),
                        new IValue("none"));
            }
        }
    }

    @Override
    public void close() {
        x.close();
        weight.close();
    }
}
