package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A Python object while its pickle is read: what it was called with, its state, and what was put into it.
 * {@link PlainTree} makes an {@link Opaque}, a map or a list of it.
 */
final class PythonObject {
    /** A class or function that the pickle names; it is never looked up. */
    record Name(String full) {}

    /** Functions that make an object of the class that is their first argument. */
    private static final Set<String> MAKERS =
            Set.of("__newobj__", "__newobj_ex__", "_reconstructor", "_reconstruct", "_rebuild_wrapper_subclass");

    private static final String TORCH_REBUILDS = "torch._utils._rebuild_";
    private static final Map<Class<?>, String> PLAIN_TYPES = plainTypes();

    final String type;
    final List<?> arguments;

    @Nullable Object state;

    @Nullable Map<Object, @Nullable Object> entries;

    @Nullable List<@Nullable Object> elements;

    /** @param type the class as Python names it, or whatever says best what this is */
    PythonObject(String type, List<?> arguments) {
        this.type = type;
        this.arguments = arguments;
    }

    PythonObject(String type) {
        this(type, List.of());
    }

    /** What calling {@code callee} makes, as far as its name tells. */
    static PythonObject madeBy(String callee, List<?> arguments) {
        boolean maker = MAKERS.contains(callee.substring(callee.lastIndexOf('.') + 1));
        if (maker && !arguments.isEmpty() && arguments.get(0) instanceof Name type) {
            return new PythonObject(type.full, arguments);
        }
        String type = callee.startsWith(TORCH_REBUILDS)
                ? "torch " + callee.substring(TORCH_REBUILDS.length()).replace('_', ' ')
                : callee;
        return new PythonObject(type, arguments);
    }

    /** The dict that this object also is, once something is put into it. */
    Map<Object, @Nullable Object> entries() {
        Map<Object, @Nullable Object> known = entries;
        if (known == null) {
            known = new LinkedHashMap<>();
            entries = known;
        }
        return known;
    }

    /** The list that this object also is, once something is put into it. */
    List<@Nullable Object> elements() {
        List<@Nullable Object> known = elements;
        if (known == null) {
            known = new ArrayList<>();
            elements = known;
        }
        return known;
    }

    /** Python's name of a value's type, whether the value is plain already or not. */
    static String describe(@Nullable Object value) {
        if (value == null) {
            return "None";
        }
        if (value instanceof Opaque opaque) {
            return opaque.type();
        }
        if (value instanceof PythonObject object) {
            return object.type;
        }
        return PLAIN_TYPES.entrySet().stream()
                .filter(type -> type.getKey().isInstance(value))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse("something");
    }

    private static Map<Class<?>, String> plainTypes() {
        Map<Class<?>, String> types = new LinkedHashMap<>();
        types.put(HostTensor.class, "a tensor");
        types.put(Name.class, "a class");
        types.put(Map.class, "dict");
        types.put(Set.class, "set");
        types.put(List.class, "list");
        types.put(String.class, "str");
        types.put(byte[].class, "bytes");
        types.put(Boolean.class, "bool");
        types.put(Double.class, "float");
        types.put(Number.class, "int");
        return types;
    }
}
