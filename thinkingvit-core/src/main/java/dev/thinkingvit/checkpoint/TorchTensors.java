package dev.thinkingvit.checkpoint;

import dev.thinkingvit.checkpoint.PythonObject.Name;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes tensors from what a pickle says about them: a storage (a block of the file) and a strided view of it. What is
 * of an element type that is not computed with, or is no plain tensor, becomes an opaque object.
 */
final class TorchTensors {
    /** Where a file keeps the bytes of its storages. */
    interface Storages {
        /** The storage's size in bytes, or null if there is none of that key. */
        @Nullable Long size(String key);

        HostTensor.Source content(String key);
    }

    private static final Map<String, DType> STORAGES = Map.ofEntries(
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
            Map.entry("torch.UntypedStorage", DType.U8),
            Map.entry("torch.storage.UntypedStorage", DType.U8),
            Map.entry("torch.storage._UntypedStorage", DType.U8));

    /** Bytes an element of the storage classes that are not computed with. */
    private static final Map<String, Integer> FOREIGN_STORAGES = Map.of(
            "torch.ComplexDoubleStorage", 16,
            "torch.ComplexFloatStorage", 8,
            "torch.QInt32Storage", 4,
            "torch.QInt8Storage", 1,
            "torch.QUInt8Storage", 1,
            "torch.QUInt4x2Storage", 1,
            "torch.QUInt2x4Storage", 1);

    private static final Map<String, DType> DTYPES = Map.ofEntries(
            Map.entry("torch.float64", DType.F64),
            Map.entry("torch.float32", DType.F32),
            Map.entry("torch.float16", DType.F16),
            Map.entry("torch.bfloat16", DType.BF16),
            Map.entry("torch.int64", DType.I64),
            Map.entry("torch.int32", DType.I32),
            Map.entry("torch.int16", DType.I16),
            Map.entry("torch.int8", DType.I8),
            Map.entry("torch.uint8", DType.U8),
            Map.entry("torch.bool", DType.BOOL));

    private static final int MAX_DIMENSIONS = 64;

    private final Path file;
    private final Storages storages;
    private final StridedViews views;
    private final Map<String, HostTensor> known = new HashMap<>();

    TorchTensors(Path file, Storages storages, MemoryBudget budget) {
        this.file = file;
        this.storages = storages;
        this.views = new StridedViews(file, budget);
    }

    /** Bytes an element of a storage class takes, or null if the class is unknown. */
    static @Nullable Integer elementBytes(String type) {
        DType dtype = STORAGES.get(onAnyDevice(type));
        return dtype == null ? FOREIGN_STORAGES.get(onAnyDevice(type)) : Integer.valueOf(dtype.bytes());
    }

    /** Files of a GPU may say {@code torch.cuda.FloatStorage}. */
    private static String onAnyDevice(String type) {
        return type.replaceFirst("^torch\\.(cuda|sparse|cuda\\.sparse)\\.", "torch.");
    }

    /**
     * What a persistent id stands for: ('storage', class, key, device, number of elements), in old files with a part of
     * it in the end, or ('module', class, source file, source).
     *
     * @return null if it is nothing of these
     */
    @Nullable Object persistent(List<?> id) {
        if (id.size() > 1 && "module".equals(id.get(0))) {
            return id.get(1);
        }
        StorageId storage = StorageId.of(id);
        if (storage == null) {
            return null;
        }
        Object whole = storage(storage.type, storage.key, storage.elements);
        boolean part = whole instanceof HostTensor && id.size() > 5 && id.get(5) != null;
        return part ? part((HostTensor) whole, id.get(5)) : whole;
    }

    /** Old files' view of a storage: its key, its first element, its number of elements. */
    private @Nullable Object part(HostTensor whole, @Nullable Object view) {
        if (!(view instanceof List<?> numbers) || numbers.size() != 3) {
            return null;
        }
        Long offset = HarmlessNames.integer(numbers.get(1));
        Long elements = HarmlessNames.integer(numbers.get(2));
        return offset == null || elements == null
                ? null
                : views.view(whole, offset, new long[] {elements}, new long[] {1});
    }

    /** A pickle's reference to a storage. */
    record StorageId(String type, String key, long elements) {
        static @Nullable StorageId of(List<?> id) {
            Long elements = id.size() < 5 ? null : HarmlessNames.integer(id.get(4));
            return elements != null
                            && "storage".equals(id.get(0))
                            && id.get(1) instanceof Name type
                            && HarmlessNames.isScalar(id.get(2))
                    ? new StorageId(type.full(), String.valueOf(id.get(2)), elements)
                    : null;
        }
    }

    /**
     * @param type the storage's class
     * @param key the storage's name within the file
     * @param elements how many elements the pickle claims there are
     * @return the storage as a tensor of one dimension; an opaque object if its elements are not computed with
     * @throws CheckpointException if the file has no such storage, or one of another size
     */
    Object storage(String type, String key, long elements) {
        Long size = storages.size(key);
        if (size == null) {
            throw new CheckpointException(file, "lacks the storage '" + key + "' that its pickle names");
        }
        Integer width = elementBytes(type);
        if (width != null && (elements < 0 || elements > size || elements * width != size)) {
            throw new CheckpointException(
                    file,
                    "storage '" + key + "' should hold " + elements + " elements of " + type + ", " + width
                            + " bytes each; its entry has " + size + " bytes");
        }
        DType dtype = STORAGES.get(onAnyDevice(type));
        if (dtype == null) {
            return new PythonObject(type);
        }
        if (size > Integer.MAX_VALUE) {
            return new PythonObject(type + " of " + size + " bytes (at most 2 GiB are read)");
        }
        return known.computeIfAbsent(
                dtype + " " + key, name -> new HostTensor(dtype, new long[] {elements}, storages.content(key)));
    }

    /** {@code torch._utils._rebuild_tensor_v2}: storage, offset, sizes, strides, gradient, hooks, metadata. */
    @Nullable Object tensor(List<?> arguments) {
        if (arguments.size() < 4) {
            return null;
        }
        if (arguments.size() > 6 && arguments.get(6) instanceof Map<?, ?> metadata && metadata.containsValue(true)) {
            return new PythonObject("a tensor that negates or conjugates when it is read");
        }
        return view(arguments.get(0), arguments);
    }

    /** {@code torch._utils._rebuild_tensor_v3}: an untyped storage, and the element type after the hooks. */
    @Nullable Object typedTensor(List<?> arguments) {
        if (arguments.size() < 7 || !(arguments.get(6) instanceof Name name)) {
            return null;
        }
        DType dtype = DTYPES.get(name.full());
        if (dtype == null) {
            return new PythonObject(name.full() + " tensor");
        }
        if (!(arguments.get(0) instanceof HostTensor storage)) {
            return view(arguments.get(0), arguments);
        }
        return view(storage.part(dtype, 0, storage.bytes() / dtype.bytes()), arguments);
    }

    private @Nullable Object view(@Nullable Object storage, List<?> arguments) {
        if (storage instanceof PythonObject opaque) {
            return new PythonObject(opaque.type.replace("Storage", "Tensor"));
        }
        Long offset = HarmlessNames.integer(arguments.get(1));
        long[] sizes = integers(arguments.get(2));
        long[] strides = integers(arguments.get(3));
        if (!(storage instanceof HostTensor flat) || offset == null || sizes == null || strides == null) {
            return null;
        }
        HostTensor view = views.view(flat, offset, sizes, strides);
        return view != null ? view : new PythonObject("a tensor that would take memory out of proportion to the file");
    }

    private static long @Nullable [] integers(@Nullable Object list) {
        if (!(list instanceof List<?> numbers) || numbers.size() > MAX_DIMENSIONS) {
            return null;
        }
        long[] integers = new long[numbers.size()];
        for (int i = 0; i < integers.length; i++) {
            Long integer = HarmlessNames.integer(numbers.get(i));
            if (integer == null) {
                return null;
            }
            integers[i] = integer;
        }
        return integers;
    }
}
