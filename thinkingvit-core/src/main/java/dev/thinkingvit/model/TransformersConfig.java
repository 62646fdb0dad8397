package dev.thinkingvit.model;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A {@code config.json} of transformers'.
 *
 * @param values as {@link Arguments} has them
 */
public record TransformersConfig(Map<String, ? extends @Nullable Object> values) {
    public TransformersConfig {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /** A value as text; {@code otherwise} if it is not there. */
    public String text(String key, String otherwise) {
        Object value = values.get(key);
        return value == null ? otherwise : value.toString();
    }

    /**
     * A number; {@code otherwise} if there is none.
     *
     * @throws IllegalArgumentException if it is something else
     */
    public double number(String key, double otherwise) {
        Object value = values.get(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        throw refused(key, "a number");
    }

    /** The first key's value under the second's name, if it is there. */
    public void copy(String from, Map<String, Object> target, String to) {
        Object value = values.get(from);
        if (value != null) {
            target.put(to, value);
        }
    }

    /** Requires what the networks of this project leave at one value; a key that is not there has it. */
    public void requireUsual() {
        require("hidden_act", "gelu");
        require("num_channels", "3");
        require("qkv_bias", "true");
    }

    /** @throws IllegalArgumentException if the key is there with another value */
    public void require(String key, String wanted) {
        if (!text(key, wanted).equals(wanted)) {
            throw refused(key, wanted);
        }
    }

    /** @throws IllegalArgumentException if the key is there with another value */
    public void require(String key, double wanted) {
        if (number(key, wanted) != wanted) {
            throw refused(key, Double.toString(wanted));
        }
    }

    /** That a key must be something else. */
    public IllegalArgumentException refused(String key, String wanted) {
        return new IllegalArgumentException(key + " must be " + wanted + ", got " + text(key, "nothing"));
    }

    /** The value if it is a list; else none. */
    public List<?> list(String key) {
        return values.get(key) instanceof List<?> list ? list : List.of();
    }
}
