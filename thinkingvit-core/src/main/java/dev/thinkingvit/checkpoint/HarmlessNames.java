package dev.thinkingvit.checkpoint;

import dev.thinkingvit.checkpoint.PythonObject.Name;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The Python names whose call means something here, and the plain Java value that stands for calling each. No entry does
 * more than to rearrange its arguments; calling any other name makes an opaque object.
 */
final class HarmlessNames {
    /** What calling a Python name amounts to; null if the arguments are not of the kind that is understood. */
    @FunctionalInterface
    interface Call {
        @Nullable Object with(List<?> arguments);
    }

    /** A Namespace is a map whose entries come as the object's state. */
    static final class Namespace extends LinkedHashMap<Object, @Nullable Object> {
        private static final long serialVersionUID = 1L;
    }

    /** Longer texts are neither keys nor facts that anybody asks for. */
    static final int MAX_KEY_LENGTH = 4_096;

    private final Map<String, Call> calls = new TreeMap<>();

    HarmlessNames(TorchTensors tensors) {
        addTorch(tensors);
        addPython();
        addPaths();
        addReconstruction();
        for (String module : List.of("numpy.core.multiarray.", "numpy._core.multiarray.")) {
            calls.put(module + "scalar", HarmlessNames::numpyScalar);
        }
    }

    /** What calling {@code name} makes: a plain value if the call is understood, else an opaque object. */
    Object call(String name, List<?> arguments) {
        Object made = known(name, arguments);
        return made == null ? PythonObject.madeBy(name, arguments) : made;
    }

    boolean isKnown(String name) {
        return calls.containsKey(name);
    }

    private @Nullable Object known(String name, List<?> arguments) {
        Call call = calls.get(name);
        return call == null ? null : call.with(arguments);
    }

    /** A whole number as pickles hold them, in either width; null if {@code value} is none. */
    static @Nullable Long integer(@Nullable Object value) {
        return value instanceof Integer || value instanceof Long ? ((Number) value).longValue() : null;
    }

    /**
     * What stands for {@code key} in a dict or a set: itself if it is a short scalar, a class's name, else an opaque
     * object, since hashing and comparing shared containers could take for ever.
     */
    static @Nullable Object key(@Nullable Object key) {
        if (key instanceof Name name) {
            return name.full();
        }
        boolean tooLong = key instanceof String text && text.length() > MAX_KEY_LENGTH;
        return !tooLong && isScalar(key) ? key : new Opaque(PythonObject.describe(key));
    }

    /** Whether {@code value} is a leaf of plain data. */
    static boolean isScalar(@Nullable Object value) {
        return value == null || value instanceof Number || value instanceof Boolean || value instanceof String;
    }

    private void addTorch(TorchTensors tensors) {
        calls.put("torch._utils._rebuild_tensor", tensors::tensor);
        calls.put("torch._utils._rebuild_tensor_v2", tensors::tensor);
        calls.put("torch._utils._rebuild_tensor_v3", tensors::typedTensor);
        // What wraps a tensor, and is worth no more than it.
        for (String name : List.of(
                "torch._utils._rebuild_parameter",
                "torch._utils._rebuild_parameter_with_state",
                "torch._utils._rebuild_device_tensor_from_cpu_tensor",
                "torch.nn.parameter.Parameter",
                "torch.nn.parameter.Buffer")) {
            calls.put(name, HarmlessNames::tensorOrOpaque);
        }
        for (String name : List.of("torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2")) {
            calls.put(name, this::ofTensorSubclass);
        }
        calls.put("torch.Size", HarmlessNames::listOf);
        calls.put("torch.device", arguments -> joined(":", arguments));
        calls.put("torch.serialization._get_layout", arguments -> joined("", arguments));
    }

    private void addPython() {
        calls.put("collections.OrderedDict", HarmlessNames::mapOf);
        calls.put("collections.Counter", HarmlessNames::mapOf);
        calls.put("collections.defaultdict", arguments -> new LinkedHashMap<>());
        calls.put("collections.deque", HarmlessNames::listOf);
        calls.put("argparse.Namespace", arguments -> new Namespace());
        calls.put("types.SimpleNamespace", arguments -> new Namespace());
        calls.put("_codecs.encode", HarmlessNames::latin1);
        for (String module : List.of("builtins.", "__builtin__.")) {
            calls.put(module + "dict", HarmlessNames::mapOf);
            calls.put(module + "list", HarmlessNames::listOf);
            calls.put(module + "tuple", HarmlessNames::listOf);
            calls.put(module + "set", HarmlessNames::setOf);
            calls.put(module + "frozenset", HarmlessNames::setOf);
            calls.put(module + "int", arguments -> only(Number.class, arguments));
            calls.put(module + "float", arguments -> only(Number.class, arguments));
            calls.put(module + "bool", arguments -> only(Boolean.class, arguments));
            calls.put(module + "str", arguments -> only(String.class, arguments));
            calls.put(module + "bytes", HarmlessNames::latin1);
            calls.put(module + "bytearray", HarmlessNames::latin1);
        }
    }

    /** Paths of any platform, in the modules where Python's versions have them. */
    private void addPaths() {
        for (String module : List.of("pathlib.", "pathlib._local.")) {
            for (String posix : List.of("Path", "PurePath", "PosixPath", "PurePosixPath")) {
                calls.put(module + posix, arguments -> joined("/", arguments));
            }
            for (String windows : List.of("WindowsPath", "PureWindowsPath")) {
                calls.put(module + windows, arguments -> joined("\\", arguments));
            }
        }
    }

    /** How copyreg spells the making of an object of a class that is known here. */
    private void addReconstruction() {
        for (String module : List.of("copyreg.", "copy_reg.")) {
            calls.put(module + "__newobj__", arguments -> ofClass(arguments, 1));
            calls.put(module + "_reconstructor", arguments -> ofClass(arguments, arguments.size()));
        }
    }

    private @Nullable Object ofClass(List<?> arguments, int from) {
        return !arguments.isEmpty() && arguments.get(0) instanceof Name type && !isReconstruction(type)
                ? known(type.full(), arguments.subList(from, arguments.size()))
                : null;
    }

    /** The function that makes the tensor, the class it is of, the function's arguments; the class adds no numbers. */
    private @Nullable Object ofTensorSubclass(List<?> arguments) {
        return arguments.size() > 2
                        && arguments.get(0) instanceof Name function
                        && arguments.get(2) instanceof List<?> inner
                        && !isReconstruction(function)
                ? call(function.full(), inner)
                : null;
    }

    /** What calls another name may not call itself: a pickle could nest such calls without end. */
    private static boolean isReconstruction(Name name) {
        return name.full().startsWith("copy") || name.full().contains("_from_type");
    }

    private static @Nullable Object tensorOrOpaque(List<?> arguments) {
        Object first = arguments.isEmpty() ? null : arguments.get(0);
        return first instanceof HostTensor || first instanceof PythonObject ? first : null;
    }

    private static <T> @Nullable T only(Class<T> type, List<?> arguments) {
        return arguments.size() == 1 && type.isInstance(arguments.get(0)) ? type.cast(arguments.get(0)) : null;
    }

    private static @Nullable Object numpyScalar(List<?> arguments) {
        if (arguments.size() != 2
                || !(arguments.get(0) instanceof PythonObject dtype)
                || dtype.arguments.isEmpty()
                || !(dtype.state instanceof List<?> state)
                || state.size() < 2) {
            return null;
        }
        byte[] raw = arguments.get(1) instanceof byte[] bytes ? bytes : latin1(arguments.subList(1, 2));
        if (raw == null || raw.length == 0 || raw.length > Long.BYTES) {
            return null;
        }
        ByteOrder order = ">".equals(state.get(1)) ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        ByteBuffer bytes = ByteBuffer.wrap(raw).order(order);
        return switch (dtype.arguments.get(0) + ":" + raw.length) {
            case "f8:8" -> bytes.getDouble();
            case "f4:4" -> (double) bytes.getFloat();
            case "f2:2" -> half(bytes.getShort());
            case "i8:8" -> bytes.getLong();
            case "i4:4" -> bytes.getInt();
            case "i2:2" -> (int) bytes.getShort();
            case "i1:1" -> (int) bytes.get();
            case "u8:8" -> new BigInteger(Long.toUnsignedString(bytes.getLong()));
            case "u4:4" -> bytes.getInt() & 0xFFFF_FFFFL;
            case "u2:2" -> bytes.getShort() & 0xFFFF;
            case "u1:1" -> bytes.get() & 0xFF;
            case "b1:1" -> bytes.get() != 0;
            default -> null;
        };
    }

    private static double half(short bits) {
        ByteBuffer data = ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort(0, bits);
        return new HostTensor(DType.F16, new long[] {1}, data).toFloats()[0];
    }

    private static @Nullable Object mapOf(List<?> arguments) {
        Map<Object, @Nullable Object> map = new LinkedHashMap<>();
        if (arguments.isEmpty()) {
            return map;
        }
        if (arguments.get(0) instanceof Map<?, ?> other) {
            map.putAll(other);
            return map;
        }
        if (!(arguments.get(0) instanceof Collection<?> pairs)) {
            return null;
        }
        for (Object pair : pairs) {
            if (!(pair instanceof List<?> keyAndValue) || keyAndValue.size() != 2) {
                return null;
            }
            map.put(key(keyAndValue.get(0)), keyAndValue.get(1));
        }
        return map;
    }

    private static @Nullable Object listOf(List<?> arguments) {
        if (arguments.isEmpty()) {
            return new ArrayList<>();
        }
        return arguments.get(0) instanceof Collection<?> elements ? new ArrayList<>(elements) : null;
    }

    private static @Nullable Object setOf(List<?> arguments) {
        Set<@Nullable Object> set = new LinkedHashSet<>();
        if (!arguments.isEmpty()) {
            if (!(arguments.get(0) instanceof Collection<?> elements)) {
                return null;
            }
            elements.forEach(element -> set.add(key(element)));
        }
        return set;
    }

    /** Texts and numbers in one; null if anything else is among them. */
    private static @Nullable String joined(String separator, List<?> parts) {
        StringBuilder joined = new StringBuilder();
        for (Object part : parts) {
            if (!(part instanceof String) && integer(part) == null) {
                return null;
            }
            // A path's first part is the root and ends with a separator already.
            boolean apart = joined.isEmpty() || joined.lastIndexOf(separator) == joined.length() - separator.length();
            joined.append(apart ? "" : separator).append(part);
        }
        return joined.toString();
    }

    private static byte @Nullable [] latin1(List<?> arguments) {
        if (arguments.isEmpty()) {
            return new byte[0];
        }
        return arguments.get(0) instanceof String text ? text.getBytes(StandardCharsets.ISO_8859_1) : null;
    }
}
