package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.Opaque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Keeps of a value what is plain: strings, numbers, booleans, null, lists and maps of such. Tensors and objects that were
 * stepped over are left out; of an object its plain attributes are kept, so that an {@code args} of an unknown class
 * still says what it holds. A list is kept whole or not at all.
 */
final class PlainFacts {
    private static final int MAX_DEPTH = 6;
    private static final int MAX_VALUES = 20_000;

    /** Stands for what is left out; null is a fact. */
    private static final Object NONE = new Object();

    private int values;

    /** The plain entries of {@code map}. */
    Map<String, @Nullable Object> of(Map<?, ?> map) {
        return entries(map, 0);
    }

    private Map<String, @Nullable Object> entries(Map<?, ?> map, int depth) {
        Map<String, @Nullable Object> kept = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (entry.getKey() instanceof String name) {
                Object fact = fact(entry.getValue(), depth);
                if (fact != NONE) {
                    kept.put(name, fact);
                }
            }
        }
        return kept;
    }

    private @Nullable Object fact(@Nullable Object value, int depth) {
        if (++values > MAX_VALUES) {
            return NONE;
        }
        if (value == null || value instanceof Number || value instanceof Boolean || value instanceof String) {
            return value;
        }
        Map<?, ?> inner =
                value instanceof Opaque opaque ? opaque.attributes() : value instanceof Map<?, ?> map ? map : null;
        if (depth == MAX_DEPTH) {
            return NONE;
        }
        if (inner != null) {
            Map<String, @Nullable Object> kept = entries(inner, depth + 1);
            return kept.isEmpty() && !(value instanceof Map<?, ?> && inner.isEmpty()) ? NONE : kept;
        }
        return value instanceof Iterable<?> elements ? list(elements, depth) : NONE;
    }

    private Object list(Iterable<?> elements, int depth) {
        List<@Nullable Object> kept = new ArrayList<>();
        for (Object element : elements) {
            Object fact = fact(element, depth + 1);
            if (fact == NONE) {
                return NONE;
            }
            kept.add(fact);
        }
        return kept;
    }
}
