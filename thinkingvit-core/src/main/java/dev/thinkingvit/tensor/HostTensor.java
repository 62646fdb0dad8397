package dev.thinkingvit.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A tensor on the Java side: what checkpoint files hold and what leaves the native world. Values are row-major and
 * little-endian. Nothing native is owned, so nothing has to be closed. Values may still be in a file, which is then read
 * each time that they are asked for, and must not have changed.
 */
public final class HostTensor {
    private final DType dtype;
    private final long[] shape;
    private final Source source;

    /** Where values are. */
    public interface Source {
        /**
         * Bytes from the first element on, little-endian; of a buffer, a view, of a file, a copy.
         *
         * @param offset of the first, ≥ 0
         * @throws RuntimeException if they cannot be read, naming the file
         */
        ByteBuffer read(long offset, int length);

        /**
         * Fills a buffer with bytes; from a file, without another one between.
         *
         * @param offset of the first, ≥ 0
         * @throws RuntimeException if they cannot be read, naming the file
         */
        default void read(long offset, ByteBuffer into) {
            into.put(read(offset, into.remaining()));
        }

        /** The same without its first bytes. */
        default Source from(long start) {
            Source whole = this;
            return new Source() {
                @Override
                public ByteBuffer read(long offset, int length) {
                    return whole.read(start + offset, length);
                }

                @Override
                public void read(long offset, ByteBuffer into) {
                    whole.read(start + offset, into);
                }
            };
        }
    }

    /**
     * @param dtype element type
     * @param shape sizes, each ≥ 0; empty for a scalar
     * @param source asked whenever values are
     * @throws ArithmeticException if it takes more than 2 GiB
     */
    public HostTensor(DType dtype, long[] shape, Source source) {
        Math.toIntExact(Math.multiplyExact(elements(shape), (long) dtype.bytes()));
        this.dtype = dtype;
        this.shape = shape.clone();
        this.source = source;
    }

    /**
     * @param dtype element type
     * @param shape sizes, each ≥ 0; empty for a scalar
     * @param data exactly the elements' bytes between position and limit; not copied
     * @throws IllegalArgumentException if the buffer's size does not fit the shape
     */
    public HostTensor(DType dtype, long[] shape, ByteBuffer data) {
        long required = Math.multiplyExact(elements(shape), (long) dtype.bytes());
        if (required != data.remaining()) {
            throw new IllegalArgumentException("a " + dtype + " tensor of shape " + Arrays.toString(shape) + " takes "
                    + required + " bytes, the buffer holds " + data.remaining());
        }
        this.dtype = dtype;
        this.shape = shape.clone();
        ByteBuffer own = data.slice();
        this.source = (offset, length) -> own.slice(Math.toIntExact(offset), length);
    }

    /** An F32 tensor of a copy of {@code values}. */
    public static HostTensor of(float[] values, long... shape) {
        ByteBuffer buffer = ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        buffer.asFloatBuffer().put(values);
        return new HostTensor(DType.F32, shape, buffer);
    }

    /** An I64 tensor of a copy of {@code values}. */
    public static HostTensor of(long[] values, long... shape) {
        ByteBuffer buffer = ByteBuffer.allocate(Math.multiplyExact(values.length, Long.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        buffer.asLongBuffer().put(values);
        return new HostTensor(DType.I64, shape, buffer);
    }

    /** A U8 tensor over {@code values}, which are not copied. */
    public static HostTensor of(byte[] values, long... shape) {
        return new HostTensor(DType.U8, shape, ByteBuffer.wrap(values));
    }

    public DType dtype() {
        return dtype;
    }

    /** A copy of the sizes. */
    public long[] shape() {
        return shape.clone();
    }

    /**
     * The elements' bytes, read-only and little-endian from the first element on. Where they are in a file it is read now:
     * keep the buffer rather than ask again.
     */
    public ByteBuffer data() {
        return source.read(0, bytes()).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Fills a buffer with the elements' bytes, little-endian; from a file without another one between.
     *
     * @param offset of the first, in bytes
     * @param into from its position to its limit
     * @throws IllegalArgumentException if there are fewer
     */
    public void read(long offset, ByteBuffer into) {
        if (offset < 0 || into.remaining() > bytes() - offset) {
            throw new IllegalArgumentException(into.remaining() + " bytes at " + offset + " are not within " + this);
        }
        source.read(offset, into);
    }

    /** How many bytes the elements take. */
    public int bytes() {
        return Math.toIntExact(elements() * dtype.bytes());
    }

    /**
     * Elements that follow one another, as a tensor of their own; nothing is copied or read.
     *
     * @param offset of the first, in bytes
     * @throws IllegalArgumentException if they reach beyond this tensor
     */
    public HostTensor part(DType type, long offset, long... sizes) {
        long length = Math.multiplyExact(elements(sizes), (long) type.bytes());
        if (offset < 0 || length > bytes() - offset) {
            throw new IllegalArgumentException(length + " bytes at " + offset + " are not within " + this);
        }
        return new HostTensor(type, sizes, source.from(offset));
    }

    /** Number of elements. */
    public long elements() {
        return elements(shape);
    }

    /**
     * A copy of the values as floats, whatever the element type.
     *
     * @throws ArithmeticException if there are more than 2³¹−1 of them
     */
    public float[] toFloats() {
        int count = Math.toIntExact(elements());
        float[] values = new float[count];
        ByteBuffer source = data();
        switch (dtype) {
            case F32 -> source.asFloatBuffer().get(values);
            case F64 -> fill(values, i -> (float) source.getDouble(i * 8));
            case F16 -> fill(values, i -> halfToFloat(source.getShort(i * 2)));
            case BF16 -> fill(values, i -> Float.intBitsToFloat(source.getShort(i * 2) << 16));
            case I64 -> fill(values, i -> source.getLong(i * 8));
            case I32 -> fill(values, i -> source.getInt(i * 4));
            case I16 -> fill(values, i -> source.getShort(i * 2));
            case I8 -> fill(values, i -> source.get(i));
            case U8 -> fill(values, i -> source.get(i) & 0xFF);
            case BOOL -> fill(values, i -> source.get(i) == 0 ? 0 : 1);
        }
        return values;
    }

    /** {@code "F32 [3, 4]"}: for messages. */
    @Override
    public String toString() {
        return dtype + " " + Arrays.toString(shape);
    }

    private interface FloatAt {
        float get(int index);
    }

    private static void fill(float[] values, FloatAt source) {
        for (int i = 0; i < values.length; i++) {
            values[i] = source.get(i);
        }
    }

    private static float halfToFloat(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = (half >> 10) & 0x1F;
        int mantissa = half & 0x3FF;
        if (exponent == 0) {
            float magnitude = mantissa * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        int bits = exponent == 0x1F ? 0x7F800000 : (exponent + 112) << 23;
        return Float.intBitsToFloat(sign | bits | mantissa << 13);
    }

    private static long elements(long[] shape) {
        long count = 1;
        for (long size : shape) {
            if (size < 0) {
                throw new IllegalArgumentException("negative size in shape " + Arrays.toString(shape));
            }
            count = Math.multiplyExact(count, size);
        }
        return count;
    }
}
