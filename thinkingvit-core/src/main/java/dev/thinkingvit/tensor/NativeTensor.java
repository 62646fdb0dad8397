package dev.thinkingvit.tensor;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;

/**
 * A tensor outside Java's heap: what goes into a stage, comes out of it, and is recycled by the next. In the processor's
 * memory it is a {@link NativeArray}; only what libtorch computed is a {@link TorchTensor}, which may be on another device.
 *
 * <p>Its memory belongs to the innermost {@link Scope} of the thread that made it, or, where there was none or it was
 * {@linkplain Scope#keep kept} or {@linkplain Scope#own owned}, to whoever closes it. {@link #rows} shares memory, which is
 * then there as long as what it was taken from.
 */
public abstract sealed class NativeTensor implements AutoCloseable permits NativeArray, TorchTensor {
    /** The element type. */
    public abstract DType dtype();

    /** A copy of the sizes. */
    public abstract long[] shape();

    /** The size of dimension {@code dim}, counted from 0. */
    public abstract long size(int dim);

    /** Where it is. */
    public abstract TorchDevice device();

    /** Number of elements. */
    public long elements() {
        return elements(shape());
    }

    /** Bytes that the elements take. */
    public long bytes() {
        return elements() * dtype().bytes();
    }

    /**
     * Entries along the first dimension, sharing memory.
     *
     * @throws IllegalArgumentException if they are not all there
     */
    public abstract NativeTensor rows(long from, long count);

    /**
     * A copy of some entries along the first dimension, in that order; the tensor itself if it is all of them.
     *
     * @param rows counted from 0, ascending
     */
    public abstract NativeTensor select(long[] rows);

    /** A Java copy of the values as floats, row-major. */
    public abstract float[] toFloats();

    /** The values, row-major in the processor's memory: this tensor's own memory where they lie so, else a copy. */
    public abstract NativeArray array();

    /** Whether types and sizes agree, but for the first dimension's. */
    private boolean isAlike(NativeTensor other) {
        long[] own = shape();
        long[] others = other.shape();
        return dtype() == other.dtype()
                && own.length == others.length
                && own.length > 0
                && Arrays.equals(own, 1, own.length, others, 1, others.length);
    }

    /**
     * A copy of tensors one after the other along their first dimension.
     *
     * @param tensors at least one
     * @throws IllegalArgumentException if they differ in anything else
     */
    public static NativeTensor concat(List<? extends NativeTensor> tensors) {
        NativeTensor first = tensors.get(0);
        for (NativeTensor tensor : tensors) {
            if (!first.isAlike(tensor)) {
                throw new IllegalArgumentException(
                        "tensors that are joined must be alike but for their first dimension, " + first + " and "
                                + tensor + " came");
            }
        }
        return first instanceof TorchTensor ? TorchTensor.joined(tensors) : NativeArray.joined(tensors);
    }

    /** What holds the memory, counted by scopes. */
    abstract Pointer owner();

    /** Gives the memory up. For owners; what belongs to a scope goes with it. */
    @Override
    public void close() {
        owner().close();
    }

    static long elements(long[] shape) {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    /** {@code "F32 [3, 4]"}: for messages. */
    @Override
    public String toString() {
        return dtype() + " " + Arrays.toString(shape());
    }
}
