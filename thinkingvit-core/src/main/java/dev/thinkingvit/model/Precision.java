package dev.thinkingvit.model;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.TensorException;

/** Number format of matrix products. Everything is accumulated in F32, and in INT8 in whole numbers. */
public enum Precision {
    FP32,
    BF16,
    /**
     * Linear layers in eight bits, all other products in BF16 where that is fast, else in F32. Needs to know the ranges of what
     * goes into the layers, and a processor with AVX-512 VNNI, AVX-VNNI or AMX.
     */
    INT8;

    /** Of tokens, and of products that are not in eight bits. */
    DType type() {
        return switch (this) {
            case FP32 -> DType.F32;
            case BF16 -> DType.BF16;
            case INT8 -> Dnnl.isFast(DType.BF16) ? DType.BF16 : DType.F32;
        };
    }

    /**
     * Of a training's products.
     *
     * @throws IllegalArgumentException if nobody trains in this format
     */
    public DType ofTraining() {
        if (this == INT8) {
            throw new IllegalArgumentException("training computes in fp32 or bf16, int8 was asked for");
        }
        return type();
    }

    private DType rows() {
        return switch (this) {
            case FP32 -> DType.F32;
            case BF16 -> DType.BF16;
            case INT8 -> DType.U8;
        };
    }

    /** Whether this processor multiplies fast in this format: F32 always, others where it gains by them. */
    public boolean isFastHere() {
        return this == FP32 || Dnnl.isFast(rows());
    }

    /** Whether this processor can compute in this format at all: INT8 needs instructions for it. */
    public boolean isHere() {
        return this != INT8 || Dnnl.hasKernel(DType.U8);
    }

    /** Whether oneDNN computes in this format here, be it slowly: BF16 is emulated where there are but wider instructions. */
    public boolean hasKernelHere() {
        return Dnnl.hasKernel(rows());
    }

    /** @throws TensorException if this processor cannot compute in this format */
    public void requireHere() {
        if (!isHere()) {
            throw new TensorException("int8 needs a processor with AVX-512 VNNI, AVX-VNNI or AMX, and oneDNN;"
                    + " this one computes in fp32");
        }
    }

    /** How many times as fast as in F32 a linear layer's product is here; timed once a process. */
    public double gainHere() {
        return Dnnl.gain(rows());
    }

    /** Whether this processor multiplies tiles (AMX), in BF16 and in eight bits. */
    public static boolean hasTilesHere() {
        return Dnnl.hasTiles();
    }
}
