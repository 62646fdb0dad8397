package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Strided views of flat storages as row-major tensors. Views that are row-major already share the storage's bytes;
 * others are copied.
 */
public final class StridedViews {
    private final Path file;
    private final MemoryBudget budget;

    StridedViews(Path file, MemoryBudget budget) {
        this.file = file;
        this.budget = budget;
    }

    /**
     * A view of {@code storage}, all numbers counted in elements.
     *
     * @return null if it would have to be copied and is out of all proportion to the file
     * @throws CheckpointException if the view reaches beyond the storage or is absurd
     */
    @Nullable HostTensor view(HostTensor storage, long offset, long[] shape, long[] steps) {
        String what = "a tensor of shape " + Arrays.toString(shape) + ", strides " + Arrays.toString(steps)
                + ", offset " + offset;
        if (steps.length != shape.length || offset < 0 || anyNegative(shape) || anyNegative(steps)) {
            throw new CheckpointException(file, what + " makes no sense");
        }
        try {
            long elements = 1;
            long last = offset;
            for (int i = 0; i < shape.length; i++) {
                elements = Math.multiplyExact(elements, shape[i]);
                last = Math.addExact(last, Math.multiplyExact(Math.max(shape[i] - 1, 0), steps[i]));
            }
            if (elements == 0) {
                return new HostTensor(storage.dtype(), shape, ByteBuffer.allocate(0));
            }
            if (last >= storage.elements()) {
                throw new CheckpointException(
                        file, what + " reaches beyond its storage of " + storage.elements() + " elements");
            }
            int width = storage.dtype().bytes();
            long bytes = Math.multiplyExact(elements, (long) width);
            if (isRowMajor(shape, steps)) {
                // Within the storage, hence within an int.
                return storage.part(storage.dtype(), offset * width, shape);
            }
            if (bytes > Integer.MAX_VALUE - 8 || !budget.trySpend(bytes)) {
                return null;
            }
            return new HostTensor(storage.dtype(), shape, rowMajor(storage, offset, shape, steps, (int) bytes));
        } catch (ArithmeticException e) {
            throw new CheckpointException(file, what + " is absurdly large", e);
        }
    }

    /**
     * A copy whose dimension i is dimension {@code order[i]} of {@code tensor}.
     *
     * @throws ArithmeticException if it takes more than 2 GiB
     */
    public static HostTensor permuted(HostTensor tensor, int... order) {
        long[] shape = tensor.shape();
        long[] steps = new long[shape.length];
        long step = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            steps[i] = step;
            step *= shape[i];
        }
        long[] newShape = Arrays.stream(order).mapToLong(i -> shape[i]).toArray();
        long[] newSteps = Arrays.stream(order).mapToLong(i -> steps[i]).toArray();
        ByteBuffer data =
                tensor.elements() == 0 ? tensor.data() : rowMajor(tensor, 0, newShape, newSteps, tensor.bytes());
        return new HostTensor(tensor.dtype(), newShape, data);
    }

    /**
     * A copy of {@code tensors} one after the other.
     *
     * @return null if one is missing, or they do not agree in type and in all sizes but the first, or take more than
     *     2 GiB
     */
    public static @Nullable HostTensor concatenated(List<? extends @Nullable HostTensor> tensors) {
        HostTensor first = tensors.get(0);
        if (first == null || first.shape().length == 0) {
            return null;
        }
        long[] shape = first.shape();
        shape[0] = 0;
        long bytes = 0;
        for (HostTensor tensor : tensors) {
            long[] other = tensor == null ? new long[0] : tensor.shape();
            boolean fits = tensor != null
                    && tensor.dtype() == first.dtype()
                    && other.length == shape.length
                    && Arrays.equals(other, 1, other.length, shape, 1, shape.length);
            if (!fits) {
                return null;
            }
            shape[0] += other[0];
            bytes += tensor.bytes();
        }
        if (bytes > Integer.MAX_VALUE - 8) {
            return null;
        }
        ByteBuffer data = ByteBuffer.allocate((int) bytes);
        for (HostTensor tensor : tensors) {
            if (tensor != null) {
                data.put(tensor.data());
            }
        }
        return new HostTensor(first.dtype(), shape, data.flip());
    }

    private static ByteBuffer rowMajor(HostTensor storage, long offset, long[] shape, long[] steps, int bytes) {
        int width = storage.dtype().bytes();
        ByteBuffer source = storage.data();
        ByteBuffer target = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long[] index = new long[shape.length];
        long at = offset;
        while (true) {
            int from = (int) at * width;
            switch (width) {
                case 1 -> target.put(source.get(from));
                case 2 -> target.putShort(source.getShort(from));
                case 4 -> target.putInt(source.getInt(from));
                default -> target.putLong(source.getLong(from));
            }
            // Count up like an odometer: the last dimension is the fastest.
            int dimension = shape.length - 1;
            while (dimension >= 0 && ++index[dimension] == shape[dimension]) {
                at -= (shape[dimension] - 1) * steps[dimension];
                index[dimension--] = 0;
            }
            if (dimension < 0) {
                return target.flip();
            }
            at += steps[dimension];
        }
    }

    private static boolean isRowMajor(long[] shape, long[] steps) {
        long expected = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            // The stride of a dimension of size 1 is never used and may be anything.
            if (shape[i] != 1 && steps[i] != expected) {
                return false;
            }
            expected *= shape[i];
        }
        return true;
    }

    private static boolean anyNegative(long[] numbers) {
        return Arrays.stream(numbers).anyMatch(number -> number < 0);
    }
}
