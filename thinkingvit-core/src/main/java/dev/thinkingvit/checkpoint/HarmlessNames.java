package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The Python names that a pickle may use, and the plain Java value that stands for calling each. This is the white list:
 * no name outside of it means anything here, and no entry does more than to rearrange its arguments.
 */
final class HarmlessNames {
    /** What calling a Python name amounts to. */
    @FunctionalInterface
    interface Call {
        @Nullable Object with(List<?> arguments);
    }

    /** A Namespace is a map whose entries come as the object's state. */
    static final class Namespace extends LinkedHashMap<Object, @Nullable Object> {
        private static final long serialVersionUID = 1L;
    }

    private static final int MAX_TEXT = 1 << 16;
    private static final int MAX_KEY_LENGTH = 4_096;

    private final Map<String, Call> calls = new TreeMap<>();
    private final Set<String> constants = new TreeSet<>(TorchTensors.STORAGES.keySet());

    HarmlessNames(TorchTensors tensors) {
        addTorch(tensors);
        addPython();
        addNumpy();
        for (String dtype : List.of(
                "float16 float32 float64 bfloat16 half float double complex64 complex128 uint8 int8 int16 int32 int64",
                "short int long bool strided")) {
            Arrays.stream(dtype.split(" ")).forEach(name -> constants.add("torch." + name));
        }
    }

    boolean contains(String name) {
        return constants.contains(name) || calls.containsKey(name);
    }

    /** The call that {@code name} stands for, or null if it is none. */
    @Nullable Call call(String name) {
        return calls.get(name);
    }

    /** A whole number as pickles hold them, in either width. */
    static long integer(@Nullable Object value) {
        if (value instanceof Integer || value instanceof Long) {
            return ((Number) value).longValue();
        }
        throw new IllegalArgumentException("a whole number was expected, came " + describe(value));
    }

    /**
     * Returns {@code key} if it may be a dict's key or a set's element, a short scalar: hashing and comparing shared
     * containers or long strings could take for ever.
     */
    static @Nullable Object key(@Nullable Object key) {
        boolean tooLong = key instanceof String text && text.length() > MAX_KEY_LENGTH;
        if (tooLong || !isScalar(key)) {
            throw new IllegalArgumentException("a key of a kind that is not read: " + describe(key));
        }
        return key;
    }

    /** Whether {@code value} is a leaf of plain data. */
    static boolean isScalar(@Nullable Object value) {
        return value == null || value instanceof Number || value instanceof Boolean || value instanceof String;
    }

    /** The kind of a value for messages: never its content, which may be huge. */
    static String describe(@Nullable Object value) {
        return value == null ? "None" : value.getClass().getSimpleName();
    }

    private void addTorch(TorchTensors tensors) {
        calls.put(
                "torch._utils._rebuild_tensor_v2",
                arguments -> tensors.view(
                        (HostTensor) argument(arguments, 0),
                        integer(argument(arguments, 1)),
                        (List<?>) argument(arguments, 2),
                        (List<?>) argument(arguments, 3)));
        Call first = arguments -> (HostTensor) argument(arguments, 0);
        calls.put("torch._utils._rebuild_parameter", first);
        calls.put("torch._utils._rebuild_parameter_with_state", first);
        calls.put("torch.nn.parameter.Parameter", first);
        calls.put("torch.Size", HarmlessNames::listOf);
        calls.put(
                "torch.device",
                arguments -> arguments.stream().map(HarmlessNames::text).collect(Collectors.joining(":")));
        calls.put("torch.serialization._get_layout", arguments -> text(argument(arguments, 0)));
    }

    private void addPython() {
        calls.put("collections.OrderedDict", HarmlessNames::mapOf);
        calls.put("argparse.Namespace", arguments -> new Namespace());
        calls.put("pathlib.PosixPath", HarmlessNames::path);
        calls.put("pathlib.PurePosixPath", HarmlessNames::path);
        calls.put("_codecs.encode", HarmlessNames::latin1);
        for (String module : List.of("builtins.", "__builtin__.")) {
            calls.put(module + "dict", HarmlessNames::mapOf);
            calls.put(module + "list", HarmlessNames::listOf);
            calls.put(module + "tuple", HarmlessNames::listOf);
            calls.put(module + "set", HarmlessNames::setOf);
            calls.put(module + "frozenset", HarmlessNames::setOf);
            calls.put(module + "int", arguments -> (Number) argument(arguments, 0));
            calls.put(module + "float", arguments -> (Number) argument(arguments, 0));
            calls.put(module + "bool", arguments -> (Boolean) argument(arguments, 0));
            calls.put(module + "str", arguments -> text(argument(arguments, 0)));
            calls.put(module + "bytes", HarmlessNames::latin1);
            calls.put(module + "bytearray", HarmlessNames::latin1);
        }
    }

    private void addNumpy() {
        // The state of a dtype object follows as BUILD; TorchPickle checks its byte order there.
        calls.put("numpy.dtype", arguments -> text(argument(arguments, 0)));
        for (String module : List.of("numpy.core.multiarray.", "numpy._core.multiarray.")) {
            calls.put(
                    module + "scalar",
                    arguments -> numpyScalar(text(argument(arguments, 0)), (byte[]) argument(arguments, 1)));
        }
    }

    private static Object numpyScalar(String dtype, byte[] raw) {
        ByteBuffer bytes = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
        return switch (dtype) {
            case "f8" -> bytes.getDouble();
            case "f4" -> (double) bytes.getFloat();
            case "i8" -> bytes.getLong();
            case "i4" -> bytes.getInt();
            case "i2" -> (int) bytes.getShort();
            case "i1" -> (int) bytes.get();
            case "u4" -> bytes.getInt() & 0xFFFF_FFFFL;
            case "u2" -> bytes.getShort() & 0xFFFF;
            case "u1" -> bytes.get() & 0xFF;
            case "b1" -> bytes.get() != 0;
            default -> throw new IllegalArgumentException("a numpy scalar of unknown type '" + dtype + "'");
        };
    }

    private static Object mapOf(List<?> arguments) {
        Map<Object, @Nullable Object> map = new LinkedHashMap<>();
        if (!arguments.isEmpty()) {
            Object content = arguments.get(0);
            if (content instanceof Map<?, ?> other) {
                map.putAll(other);
                return map;
            }
            for (Object pair : (Collection<?>) argument(arguments, 0)) {
                List<?> keyAndValue = (List<?>) pair;
                map.put(key(keyAndValue.get(0)), keyAndValue.get(1));
            }
        }
        return map;
    }

    private static Object listOf(List<?> arguments) {
        return arguments.isEmpty() ? new ArrayList<>() : new ArrayList<>((Collection<?>) argument(arguments, 0));
    }

    private static Object setOf(List<?> arguments) {
        Set<@Nullable Object> set = new LinkedHashSet<>();
        if (!arguments.isEmpty()) {
            ((Collection<?>) argument(arguments, 0)).forEach(element -> set.add(key(element)));
        }
        return set;
    }

    private static Object path(List<?> arguments) {
        return arguments.stream()
                .map(HarmlessNames::text)
                .collect(Collectors.joining("/"))
                .replaceFirst("^//", "/");
    }

    private static byte[] latin1(List<?> arguments) {
        return arguments.isEmpty() ? new byte[0] : text(arguments.get(0)).getBytes(StandardCharsets.ISO_8859_1);
    }

    private static Object argument(List<?> arguments, int index) {
        Object argument = arguments.get(index);
        if (argument == null) {
            throw new IllegalArgumentException("argument " + index + " is None");
        }
        return argument;
    }

    private static String text(Object value) {
        if (value instanceof String || value instanceof Integer) {
            String text = value.toString();
            if (text.length() <= MAX_TEXT) {
                return text;
            }
        }
        throw new IllegalArgumentException("a short text was expected, came " + describe(value));
    }
}
