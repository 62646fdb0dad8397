package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.Precision;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.DnnlMatrix;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchTensor;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A large square linear layer on all cores, its weight packed by oneDNN where that has kernels for this processor: the
 * most that products of this precision reach on this machine, and so the limit of all training and inference.
 */
final class GemmRate implements Contender {
    private static final int SIZE = 4096;

    private final Precision precision;
    private final int size;
    private final Tensor x; // (n, n)
    private final Tensor weight; // (n, n)
    private final @Nullable DnnlMatrix packed;
    private final @Nullable DnnlProgram program; // null where oneDNN has no kernel

    GemmRate(Precision precision) {
        this(precision, SIZE);
    }

    GemmRate(Precision precision, int size) {
        this.precision = precision;
        this.size = size;
        settle(); // a program is written for a number of threads
        DType dtype =
                switch (precision) {
                    case FP32 -> DType.F32;
                    case BF16 -> DType.BF16;
                    case INT8 -> DType.U8;
                };
        try (Scope scope = new Scope();
                NoGradGuard guard = new NoGradGuard()) {
            ScalarType type = Tensors.scalarType(dtype);
            Tensor plain = torch.randn(size, size);
            this.x = Scope.own(torch.randn(size, size).abs().to(type));
            this.weight = Scope.own(plain.to(type));
            if (Dnnl.isFast(dtype)) {
                NativeArray zeros = NativeArray.zeros(DType.F32, size);
                this.packed = dtype == DType.U8
                        ? DnnlMatrix.inEightBits(new TorchTensor(plain.to(ScalarType.Char)).array(), zeros, zeros, size)
                        : new DnnlMatrix(new TorchTensor(plain).array(), zeros, dtype, size);
                this.program = new DnnlProgram();
                program.linear(
                        program.constant(new TorchTensor(x).array()),
                        packed,
                        program.buffer(dtype == DType.U8 ? DType.F32 : dtype, size, size),
                        DnnlProgram.After.NONE);
            } else {
                this.packed = null;
                this.program = null;
            }
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
            if (program != null) {
                program.run();
            } else {
                torch.linear(x, weight, new TensorOptional());
            }
        }
    }

    @Override
    public void close() {
        if (program != null) {
            program.close();
        }
        if (packed != null) {
            packed.close();
        }
        x.close();
        weight.close();
    }
}
