package dev.thinkingvit.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Cuts tensors on the Java side. A result is a copy of its own; no value changes, whatever its type. */
public final class HostTensors {
    private HostTensors() {}

    /**
     * The leading slice along every axis.
     *
     * @param chunks equal parts of the first axis, each of which is cut by itself: 3 for queries, keys and values that lie
     *     behind one another, else 1
     * @param shape of the result; no size larger than the tensor's, the first one and the tensor's multiples of
     *     {@code chunks}
     * @throws IllegalArgumentException if the tensor has no such slice
     */
    public static HostTensor leading(HostTensor tensor, int chunks, long... shape) {
        long[] from = tensor.shape();
        boolean fits = from.length == shape.length
                && (chunks == 1 || (from.length > 0 && from[0] % chunks == 0 && shape[0] % chunks == 0));
        for (int i = 0; fits && i < shape.length; i++) {
            fits = shape[i] >= 0 && shape[i] <= from[i];
        }
        if (!fits) {
            throw new IllegalArgumentException(
                    tensor + " has no leading slice " + Arrays.toString(shape) + " in " + chunks + " chunks");
        }
        Copy copy = new Copy(tensor, shape);
        long[] part = shape.clone();
        if (chunks > 1) {
            part[0] /= chunks;
        }
        for (int i = 0; i < chunks; i++) {
            copy.slice(i * (tensor.elements() / chunks), strides(from), part, 0);
        }
        return copy.finish(shape);
    }

    private static long[] strides(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    /** Fills a new tensor in row-major order. */
    private static final class Copy {
        private final HostTensor tensor;
        private final ByteBuffer source;
        private final ByteBuffer target;
        private final int width;

        Copy(HostTensor tensor, long[] shape) {
            this.tensor = tensor;
            this.source = tensor.data();
            this.width = tensor.dtype().bytes();
            long elements = Arrays.stream(shape).reduce(1, Math::multiplyExact);
            this.target = ByteBuffer.allocate(Math.toIntExact(elements * width)).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** @param offset, strides counted in elements of the source */
        void slice(long offset, long[] strides, long[] shape, int axis) {
            if (axis == shape.length) {
                run(offset, 1);
            } else if (axis == shape.length - 1) {
                run(offset, shape[axis]);
            } else {
                for (long i = 0; i < shape[axis]; i++) {
                    slice(offset + i * strides[axis], strides, shape, axis + 1);
                }
            }
        }

        private void run(long offset, long elements) {
            target.put(source.slice((int) (offset * width), (int) (elements * width)));
        }

        HostTensor finish(long[] shape) {
            return new HostTensor(tensor.dtype(), shape, target.flip());
        }
    }
}
