package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes plain values as a pickle of protocol 2, with tensors as {@code torch.save} refers to them: a call of
 * {@code torch._utils._rebuild_tensor_v2} on a storage that lies beside the pickle. Nothing is memoised, but a tensor that
 * comes twice is one storage.
 */
final class PickleWriter {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final List<HostTensor> storages = new ArrayList<>();
    private final IdentityHashMap<HostTensor, Integer> keys = new IdentityHashMap<>();

    /** The pickle of a value; see {@link TorchFileWriter#write} for what it may be. To be called once. */
    byte[] write(@Nullable Object value) {
        op(0x80, 2);
        put(value);
        op('.');
        return out.toByteArray();
    }

    /** The tensors that the pickle refers to, by the number of their storage. */
    List<HostTensor> storages() {
        return storages;
    }

    private void put(@Nullable Object value) {
        if (value == null) {
            op('N');
        } else if (value instanceof Boolean truth) {
            truth(truth);
        } else if (value instanceof Integer || value instanceof Long) {
            whole(((Number) value).longValue());
        } else if (value instanceof Double || value instanceof Float) {
            op('G');
            out.writeBytes(ByteBuffer.allocate(Double.BYTES)
                    .putDouble(((Number) value).doubleValue())
                    .array());
        } else if (value instanceof String text) {
            text(text);
        } else if (value instanceof HostTensor tensor) {
            tensor(tensor);
        } else if (value instanceof List<?> list) {
            op(']', '(');
            list.forEach(this::put);
            op('e');
        } else if (value instanceof Map<?, ?> map) {
            op('}', '(');
            map.forEach((key, element) -> {
                if (!(key instanceof String || key instanceof Number)) {
                    throw new IllegalArgumentException("the key " + key + " is neither a string nor a number");
                }
                put(key);
                put(element);
            });
            op('u');
        } else {
            throw new IllegalArgumentException("a " + value.getClass().getName() + " has no place in a checkpoint;"
                    + " tensors, strings, numbers, booleans, and lists and dictionaries of these have");
        }
    }

    private void tensor(HostTensor tensor) {
        Integer known = keys.get(tensor);
        int key = known == null ? storages.size() : known;
        if (known == null) {
            keys.put(tensor, key);
            storages.add(tensor);
        }
        global("torch._utils", "_rebuild_tensor_v2");
        op('(');
        op('(');
        text("storage");
        global("torch", storageType(tensor.dtype()));
        text(String.valueOf(key));
        text("cpu");
        whole(tensor.elements());
        op('t', 'Q'); // the storage, found beside the pickle
        whole(0); // its first element
        long[] shape = tensor.shape();
        numbers(shape);
        numbers(rowMajor(shape));
        truth(false); // requires_grad
        global("collections", "OrderedDict"); // no hooks
        op(')', 'R');
        op('t', 'R');
    }

    private static long[] rowMajor(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= Math.max(1, shape[i]);
        }
        return strides;
    }

    private static String storageType(DType type) {
        return switch (type) {
            case F64 -> "DoubleStorage";
            case F32 -> "FloatStorage";
            case F16 -> "HalfStorage";
            case BF16 -> "BFloat16Storage";
            case I64 -> "LongStorage";
            case I32 -> "IntStorage";
            case I16 -> "ShortStorage";
            case I8 -> "CharStorage";
            case U8 -> "ByteStorage";
            case BOOL -> "BoolStorage";
        };
    }

    private void numbers(long[] numbers) {
        op('(');
        for (long number : numbers) {
            whole(number);
        }
        op('t');
    }

    private void whole(long number) {
        if (number >= 0 && number < 256) {
            op('K', (int) number);
        } else if (number == (int) number) {
            op('J');
            out.writeBytes(little(Integer.BYTES).putInt((int) number).array());
        } else {
            op(0x8a, Long.BYTES);
            out.writeBytes(little(Long.BYTES).putLong(number).array());
        }
    }

    private void text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        op('X');
        out.writeBytes(little(Integer.BYTES).putInt(utf8.length).array());
        out.writeBytes(utf8);
    }

    private void truth(boolean truth) {
        op(truth ? 0x88 : 0x89);
    }

    private void global(String module, String name) {
        op('c');
        out.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    private void op(int... codes) {
        for (int code : codes) {
            out.write(code);
        }
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
