package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * In which numbers a stage computes.
 *
 * @param type of the operands of products that are not in eight bits, and of tokens: F32 or BF16
 * @param eightBits the ranges of what goes into linear layers, which are then computed in eight bits; null if none is
 * @param watched where the ranges of what goes into linear layers are added to; null if nobody asks
 */
public record Arithmetic(
        DType type,
        @Nullable ActivationRanges eightBits,
        @Nullable ActivationRanges watched) {
    public Arithmetic {
        if (type != DType.F32 && type != DType.BF16) {
            throw new IllegalArgumentException("F32 or BF16 are required, " + type + " came");
        }
    }

    /** All products of one type. */
    public static Arithmetic of(DType type) {
        return new Arithmetic(type, null, null);
    }

    /**
     * Linear layers in eight bits.
     *
     * @param rest of all other products
     */
    public static Arithmetic inEightBits(ActivationRanges ranges, DType rest) {
        return new Arithmetic(rest, ranges, null);
    }

    /** F32, and what goes into linear layers is added to ranges. */
    public static Arithmetic watching(ActivationRanges ranges) {
        return new Arithmetic(DType.F32, null, ranges);
    }
}
