package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Makes tensors from what a pickle says about them: a storage (an entry of the archive) and a strided view of it. Views
 * that are row-major share the storage's bytes; others are copied into row-major order.
 */
final class TorchTensors {
    /** The storage classes of torch and what they hold. */
    static final Map<String, DType> STORAGES = Map.ofEntries(
            Map.entry("torch.DoubleStorage", DType.F64),
            Map.entry("torch.FloatStorage", DType.F32),
            Map.entry("torch.HalfStorage", DType.F16),
            Map.entry("torch.BFloat16Storage", DType.BF16),
            Map.entry("torch.LongStorage", DType.I64),
            Map.entry("torch.IntStorage", DType.I32),
            Map.entry("torch.ShortStorage", DType.I16),
            Map.entry("torch.CharStorage", DType.I8),
            Map.entry("torch.ByteStorage", DType.U8),
            Map.entry("torch.BoolStorage", DType.BOOL),
            Map.entry("torch.storage.UntypedStorage", DType.U8));

    private final Path file;
    private final ZipArchive archive;
    private final String root;
    private final MemoryBudget budget;

    /** @param root the archive's folder, with its slash, or empty */
    TorchTensors(Path file, ZipArchive archive, String root, MemoryBudget budget) {
        this.file = file;
        this.archive = archive;
        this.root = root;
        this.budget = budget;
    }

    /**
     * @param type a key of {@link #STORAGES}
     * @param key the storage's name within the archive
     * @param elements how many elements the pickle claims there are
     * @return the storage as a tensor of one dimension
     */
    HostTensor storage(String type, String key, long elements) {
        DType dtype = STORAGES.get(type);
        if (dtype == null) {
            throw new CheckpointException(file, "storage '" + key + "' is of unknown type " + type);
        }
        String name = root + "data/" + key;
        Long size = archive.size(name);
        if (size == null) {
            throw new CheckpointException(file, "the archive lacks '" + name + "', a storage that its pickle names");
        }
        if (elements < 0 || elements > Integer.MAX_VALUE || elements * dtype.bytes() != size) {
            throw new CheckpointException(
                    file,
                    "storage '" + key + "' should hold " + elements + " elements of " + dtype + ", its entry has "
                            + size + " bytes");
        }
        return new HostTensor(dtype, new long[] {elements}, archive.content(name));
    }

    /**
     * A view of {@code storage}, all numbers counted in elements.
     *
     * @throws CheckpointException if the view reaches beyond the storage or is absurd
     */
    HostTensor view(HostTensor storage, long offset, List<?> sizes, List<?> strides) {
        long[] shape = longs(sizes);
        long[] steps = longs(strides);
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
                ByteBuffer data = storage.data().slice((int) offset * width, (int) bytes);
                return new HostTensor(storage.dtype(), shape, data);
            }
            budget.spend(bytes, what);
            return new HostTensor(storage.dtype(), shape, rowMajor(storage, offset, shape, steps, bytes));
        } catch (ArithmeticException e) {
            throw new CheckpointException(file, what + " is absurdly large", e);
        }
    }

    private static ByteBuffer rowMajor(HostTensor storage, long offset, long[] shape, long[] steps, long bytes) {
        int width = storage.dtype().bytes();
        ByteBuffer source = storage.data();
        ByteBuffer target = ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
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

    private static long[] longs(List<?> numbers) {
        if (numbers.size() > 64) {
            throw new IllegalArgumentException("a tensor of " + numbers.size() + " dimensions");
        }
        return numbers.stream().mapToLong(HarmlessNames::integer).toArray();
    }
}
