package dev.thinkingvit.tensor;

import java.util.Arrays;

/**
 * A part of a memory that a {@link DnnlProgram} works on, as its steps see it: a shape, and how far apart in memory
 * neighbours along each dimension lie. Immutable; views of one memory are made from each other and copy nothing.
 */
public final class DnnlView {
    private final DnnlProgram.Memory memory;
    private final DType dtype;
    private final long offset; // in elements
    private final long[] shape;
    private final long[] strides; // in elements

    private DnnlView(DnnlProgram.Memory memory, DType dtype, long offset, long[] shape, long[] strides) {
        this.memory = memory;
        this.dtype = dtype;
        this.offset = offset;
        this.shape = shape;
        this.strides = strides;
    }

    /** All of a memory, row-major. */
    static DnnlView of(DnnlProgram.Memory memory, DType dtype, long... shape) {
        return new DnnlView(memory, dtype, 0, shape, rowMajor(shape));
    }

    /** A part of a memory, row-major, from element {@code offset} on. */
    static DnnlView of(DnnlProgram.Memory memory, DType dtype, long offset, long[] shape) {
        return new DnnlView(memory, dtype, offset, shape, rowMajor(shape));
    }

    private static long[] rowMajor(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    DnnlProgram.Memory memory() {
        return memory;
    }

    /** The element type. */
    public DType dtype() {
        return dtype;
    }

    /** Of the first element, once its memory is known. */
    long address() {
        return memory.address() + offsetBytes();
    }

    /** Whether its elements lie one after the other. */
    boolean isRowMajor() {
        return Arrays.equals(strides, rowMajor(shape));
    }

    long offsetBytes() {
        return offset * dtype.bytes();
    }

    /** Its sizes. */
    public long[] shape() {
        return shape.clone();
    }

    long[] strides() {
        return strides.clone();
    }

    /** The size of dimension {@code dim}. */
    public long size(int dim) {
        return shape[dim];
    }

    /** The same elements in another shape; for views without gaps. */
    public DnnlView reshape(long... changed) {
        if (!Arrays.equals(strides, rowMajor(shape)) || product(changed) != product(shape)) {
            throw new IllegalArgumentException(this + " is no " + Arrays.toString(changed));
        }
        return new DnnlView(memory, dtype, offset, changed, rowMajor(changed));
    }

    /** Entry {@code index} along {@code dim}, which goes away. */
    public DnnlView select(int dim, long index) {
        requireWithin(dim, index, 1);
        return new DnnlView(memory, dtype, offset + index * strides[dim], without(shape, dim), without(strides, dim));
    }

    /** {@code count} entries along {@code dim} from {@code from} on. */
    public DnnlView narrow(int dim, long from, long count) {
        requireWithin(dim, from, count);
        long[] narrowed = shape.clone();
        narrowed[dim] = count;
        return new DnnlView(memory, dtype, offset + from * strides[dim], narrowed, strides);
    }

    /** A dimension as {@code parts} of equal size, a dimension of their own before what is in each. */
    public DnnlView split(int dim, long parts) {
        if (parts < 1 || shape[dim] % parts != 0) {
            throw new IllegalArgumentException(
                    "dimension " + dim + " of " + this + " has no " + parts + " equal parts");
        }
        long each = shape[dim] / parts;
        long[] splitShape = with(shape, dim, parts);
        long[] splitStrides = with(strides, dim, each * strides[dim]);
        splitShape[dim + 1] = each;
        return new DnnlView(memory, dtype, offset, splitShape, splitStrides);
    }

    /** The dimensions in another order. */
    public DnnlView permute(int... order) {
        long[] permutedShape = new long[order.length];
        long[] permutedStrides = new long[order.length];
        for (int i = 0; i < order.length; i++) {
            permutedShape[i] = shape[order[i]];
            permutedStrides[i] = strides[order[i]];
        }
        return new DnnlView(memory, dtype, offset, permutedShape, permutedStrides);
    }

    private void requireWithin(int dim, long from, long count) {
        if (from < 0 || count < 1 || from + count > shape[dim]) {
            throw new IllegalArgumentException(
                    count + " from " + from + " on are not within dimension " + dim + " of " + this);
        }
    }

    /** Number of elements. */
    public long elements() {
        return product(shape);
    }

    private static long[] without(long[] values, int index) {
        long[] rest = new long[values.length - 1];
        System.arraycopy(values, 0, rest, 0, index);
        System.arraycopy(values, index + 1, rest, index, rest.length - index);
        return rest;
    }

    private static long[] with(long[] values, int index, long value) {
        long[] more = new long[values.length + 1];
        System.arraycopy(values, 0, more, 0, index);
        more[index] = value;
        System.arraycopy(values, index, more, index + 1, values.length - index);
        return more;
    }

    private static long product(long[] sizes) {
        return Arrays.stream(sizes).reduce(1, (a, b) -> a * b);
    }

    @Override
    public String toString() {
        return dtype + Arrays.toString(shape) + " with strides " + Arrays.toString(strides);
    }
}
