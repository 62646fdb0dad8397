package dev.thinkingvit.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Values in the processor's memory, row-major, outside Java's heap: nothing of libtorch's. Its beginning is aligned for
 * vector instructions.
 */
public final class NativeArray extends NativeTensor {
    private static final long ALIGNMENT = 64;

    private final Pointer owner;
    private final long address;
    private final DType dtype;
    private final long[] shape;

    private NativeArray(Pointer owner, long address, DType dtype, long[] shape) {
        this.owner = owner;
        this.address = address;
        this.dtype = dtype;
        this.shape = shape;
    }

    /**
     * Memory whose values are still to be written.
     *
     * @throws TensorException if there is none left
     */
    public static NativeArray allocate(DType dtype, long... shape) {
        Natives.load();
        long bytes = Math.multiplyExact(elements(shape), (long) dtype.bytes());
        try {
            BytePointer memory = new BytePointer(bytes + ALIGNMENT);
            long address = (memory.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
            return new NativeArray(memory, address, dtype, shape.clone());
        } catch (OutOfMemoryError e) { // of the machine or container, not of Java's heap
            throw new TensorException("memory: " + bytes + " bytes cannot be allocated", e);
        }
    }

    /** A copy of {@code values} from {@code offset} on, F32. */
    public static NativeArray floats(float[] values, int offset, long... shape) {
        NativeArray array = allocate(DType.F32, shape);
        long count = array.elements();
        if (offset < 0 || offset + count > values.length) {
            throw new IllegalArgumentException("an array of shape " + Arrays.toString(shape) + " takes " + count
                    + " values, " + (values.length - offset) + " were given");
        }
        array.pointer().put(values, offset, Math.toIntExact(count));
        return array;
    }

    /** A copy of all of {@code values}, F32. */
    public static NativeArray of(float[] values, long... shape) {
        return floats(values, 0, shape);
    }

    /**
     * Copies of some rows of {@code values}: (rows, …) F32.
     *
     * @param values row after row
     * @param rows which of them, counted from 0
     * @param rowShape of one row
     */
    public static NativeArray floatRows(float[] values, int[] rows, long... rowShape) {
        NativeArray array = allocate(DType.F32, withFirst(rows.length, rowShape));
        int length = Math.toIntExact(elements(rowShape));
        FloatPointer target = array.pointer();
        for (int i = 0; i < rows.length; i++) {
            target.position((long) i * length).put(values, rows[i] * length, length);
        }
        return array;
    }

    /** Zeros. */
    public static NativeArray zeros(DType dtype, long... shape) {
        NativeArray array = allocate(dtype, shape);
        Pointer.memset(new Address(array.address), 0, array.bytes());
        return array;
    }

    /** A copy of a Java tensor, of the same element type. */
    public static NativeArray of(HostTensor host) {
        NativeArray array = allocate(host.dtype(), host.shape());
        if (host.bytes() > 0) {
            host.read(0, array.memory());
        }
        return array;
    }

    /**
     * Memory that somebody else allocated.
     *
     * @param owner what holds it
     * @param address of the first element
     */
    static NativeArray at(Pointer owner, long address, DType dtype, long... shape) {
        return new NativeArray(owner, address, dtype, shape.clone());
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    @Override
    public long size(int dim) {
        return shape[dim];
    }

    @Override
    public TorchDevice device() {
        return TorchDevice.CPU;
    }

    long address() {
        return address;
    }

    /** The same values in another shape, sharing memory. */
    public NativeArray reshape(long... changed) {
        if (elements(changed) != elements()) {
            throw new IllegalArgumentException(this + " is no " + Arrays.toString(changed));
        }
        return new NativeArray(owner, address, dtype, changed.clone());
    }

    @Override
    public NativeArray rows(long from, long count) {
        if (from < 0 || count < 0 || count > shape[0] - from) {
            throw new IllegalArgumentException(count + " rows from " + from + " on are not within " + this);
        }
        long[] part = shape.clone();
        part[0] = count;
        return new NativeArray(owner, address + from * rowBytes(), dtype, part);
    }

    @Override
    public NativeArray select(long[] rows) {
        if (rows.length == shape[0]) {
            return this;
        }
        long[] part = shape.clone();
        part[0] = rows.length;
        NativeArray selected = allocate(dtype, part);
        long length = rowBytes();
        for (int i = 0; i < rows.length; i++) {
            selected.copy(i * length, rows(rows[i], 1));
        }
        return selected;
    }

    static NativeArray joined(List<? extends NativeTensor> tensors) {
        NativeTensor first = tensors.get(0);
        long[] all = first.shape();
        all[0] = 0;
        for (NativeTensor tensor : tensors) {
            all[0] += tensor.size(0);
        }
        NativeArray joined = allocate(tensors.get(0).dtype(), all);
        long offset = 0;
        for (NativeTensor tensor : tensors) {
            NativeArray part = tensor.array();
            joined.copy(offset, part);
            offset += part.bytes();
        }
        return joined;
    }

    private void copy(long offset, NativeArray from) {
        Pointer.memcpy(new Address(address + offset), new Address(from.address), from.bytes());
    }

    private long rowBytes() {
        long bytes = dtype.bytes();
        for (int i = 1; i < shape.length; i++) {
            bytes *= shape[i];
        }
        return bytes;
    }

    @Override
    public float[] toFloats() {
        if (dtype != DType.F32) {
            return new HostTensor(dtype, shape, memory()).toFloats();
        }
        float[] values = new float[Math.toIntExact(elements())];
        pointer().get(values);
        return values;
    }

    @Override
    public NativeArray array() {
        return this;
    }

    /**
     * The memory itself, not a copy: direct, in the processor's byte order, usable as long as the array is there.
     *
     * @throws ArithmeticException if it is of 2 GiB or more
     */
    public ByteBuffer memory() {
        int bytes = Math.toIntExact(bytes());
        return new BytePointer(new Address(address))
                .capacity(bytes)
                .asByteBuffer()
                .order(ByteOrder.nativeOrder());
    }

    private FloatPointer pointer() {
        return new FloatPointer(new Address(address));
    }

    @Override
    Pointer owner() {
        return owner;
    }

    private static long[] withFirst(long first, long[] rest) {
        long[] shape = new long[rest.length + 1];
        shape[0] = first;
        System.arraycopy(rest, 0, shape, 1, rest.length);
        return shape;
    }

    /** A place in memory. Owns nothing. */
    static final class Address extends Pointer {
        Address(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }

    /** A place that changes. Owns nothing. */
    static final class Place extends Pointer {
        Place() {
            super((Pointer) null);
        }

        Place at(long there) {
            address = there;
            return this;
        }
    }
}
