package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a configuration's {@code model_args}, or a recipe's {@code model_kwargs}, say, read strictly: they decide what is computed. Values are what JSON has as
 * plain Java: numbers, strings, booleans, lists, maps, null, which means what its absence means. Every method throws an
 * {@link IllegalArgumentException} that names the key, what was required and what came.
 */
public final class Arguments {
    private static final Pattern LISTS = Pattern.compile("[\\s()\\[\\],;]*\\d{1,6}[\\d\\s()\\[\\],;]*");
    private static final Pattern NUMBER = Pattern.compile("\\d{1,6}");

    private final String section;
    private final Map<String, @Nullable Object> values;

    /** Those of a {@code config.json}. */
    public Arguments(Map<String, ? extends @Nullable Object> values) {
        this("model_args", values);
    }

    /**
     * @param section what holds them is called, for errors
     * @param values by key
     */
    public Arguments(String section, Map<String, ? extends @Nullable Object> values) {
        this.section = section;
        this.values = new LinkedHashMap<>(values);
    }

    /** Whether a key is there with a value. */
    public boolean has(String key) {
        return values.get(key) != null;
    }

    /**
     * Refuses what an architecture does not know.
     *
     * @param architecture its name
     * @param known keys that are read
     * @param fixed keys of which the architecture computes one value alone
     * @param ignored keys that are of no matter here
     */
    public void requireKnown(String architecture, Set<String> known, Map<String, Object> fixed, Set<String> ignored) {
        values.forEach((key, value) -> {
            Object required = fixed.get(key);
            if (known.contains(key) || ignored.contains(key) || (required != null && value == null)) {
                return;
            }
            if (required == null) {
                throw new IllegalArgumentException(section + "." + key + " is not an argument of " + architecture);
            }
            boolean same = required instanceof Number number
                    ? value instanceof Number came && came.doubleValue() == number.doubleValue()
                    : required.toString().equals(String.valueOf(value));
            if (!same) {
                throw new IllegalArgumentException(
                        section + "." + key + " must be " + required + ", got " + text(value));
            }
        });
    }

    /** A whole number. */
    public int integer(String key) {
        return integer(required(key), key, "be a whole number");
    }

    /** A whole number, the side of a square; or a list of two, height and width. */
    public ImageSize imageSize(String key) {
        if (!(required(key) instanceof List)) {
            return imageSize(key, integer(key), integer(key));
        }
        List<Integer> sides = integers(key);
        if (sides.size() != 2) {
            throw new IllegalArgumentException(key + " must be one number, or height and width, got " + sides);
        }
        return imageSize(key, sides.get(0), sides.get(1));
    }

    private static ImageSize imageSize(String key, int height, int width) {
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    key + " must be at least 1, got " + (height == width ? height : "[" + height + "," + width + "]"));
        }
        return new ImageSize(height, width);
    }

    /** A whole number, or a list of two equal ones. */
    public int square(String key) {
        if (!(required(key) instanceof List)) {
            return integer(key);
        }
        List<Integer> sides = integers(key);
        if (sides.size() != 2 || !sides.get(0).equals(sides.get(1))) {
            throw new IllegalArgumentException(key + " must be square, got " + sides);
        }
        return sides.get(0);
    }

    /** A word. */
    public String word(String key) {
        if (required(key) instanceof String word) {
            return word;
        }
        throw new IllegalArgumentException(key + " must be a word, got " + text(required(key)));
    }

    /** A list of whole numbers. */
    public List<Integer> integers(String key) {
        return integers(required(key), key);
    }

    /**
     * Lists of so many whole numbers each: {@code [[3, 6], [6, 12]]}, the same in one list, or in the words of the published
     * trainer's options, {@code "(3,6) (6,12)"} or {@code ["(3,6)", "(6,12)"]}.
     */
    public List<List<Integer>> lists(String key, int length) {
        Object value = required(key);
        List<List<Integer>> lists = new ArrayList<>();
        String words = value instanceof List<?> all && all.stream().allMatch(String.class::isInstance)
                ? all.stream().map(String::valueOf).collect(Collectors.joining(" "))
                : value instanceof String text ? text : "";
        List<?> all = LISTS.matcher(words).matches() ? groups(words) : list(value, key);
        if (all.stream().noneMatch(List.class::isInstance)) {
            return cut(integers(all, key), key, length);
        }
        for (Object each : all) {
            List<Integer> one = integers(each, key);
            if (one.size() != length) {
                throw new IllegalArgumentException(
                        key + " must be lists of " + length + " whole numbers each, got " + text(value));
            }
            lists.add(one);
        }
        return lists;
    }

    /** The numbers of each pair of brackets, or between semicolons; not in a list of lists if nothing parts them. */
    private static List<?> groups(String words) {
        List<List<Integer>> groups = Arrays.stream(words.split("[()\\[\\];]"))
                .map(group -> NUMBER.matcher(group)
                        .results()
                        .map(number -> Integer.valueOf(number.group()))
                        .toList())
                .filter(group -> !group.isEmpty())
                .toList();
        return groups.size() == 1 ? groups.get(0) : groups;
    }

    private static List<List<Integer>> cut(List<Integer> flat, String key, int length) {
        if (flat.isEmpty() || flat.size() % length != 0) {
            throw new IllegalArgumentException(
                    key + " must be lists of " + length + " whole numbers each, got " + text(flat));
        }
        List<List<Integer>> lists = new ArrayList<>();
        for (int from = 0; from < flat.size(); from += length) {
            lists.add(List.copyOf(flat.subList(from, from + length)));
        }
        return lists;
    }

    /** A list of whole numbers, of which one stands for all. */
    public List<Integer> integers(String key, int count) {
        Object value = required(key);
        return value instanceof List ? integers(value, key) : Collections.nCopies(count, integer(key));
    }

    /** A finite number. */
    public double number(String key) {
        required(key);
        return number(key, Double.NaN);
    }

    /** A finite number, or another one where there is none. */
    public double number(String key, double otherwise) {
        Object value = values.get(key);
        if (value == null) {
            return otherwise;
        }
        boolean isNumber = value instanceof Number;
        if (!(value instanceof Number number && Double.isFinite(number.doubleValue()))) {
            throw new IllegalArgumentException(
                    key + " must be a " + (isNumber ? "finite " : "") + "number, got " + text(value));
        }
        return number.doubleValue();
    }

    /** A list of finite numbers. */
    public List<Double> numbers(String key) {
        List<Double> numbers = new ArrayList<>();
        for (Object each : list(required(key), key)) {
            if (!(each instanceof Number number && Double.isFinite(number.doubleValue()))) {
                throw new IllegalArgumentException(key + " must hold finite numbers, got " + text(each));
            }
            numbers.add(number.doubleValue());
        }
        return numbers;
    }

    private static int integer(@Nullable Object value, String key, String required) {
        if (value instanceof Integer number) {
            return number;
        }
        throw new IllegalArgumentException(key + " must " + required + ", got " + text(value));
    }

    private static List<Integer> integers(@Nullable Object value, String key) {
        List<Integer> integers = new ArrayList<>();
        for (Object each : list(value, key)) {
            integers.add(integer(each, key, "hold whole numbers"));
        }
        return integers;
    }

    private static List<?> list(@Nullable Object value, String key) {
        if (value instanceof List<?> list) {
            return list;
        }
        throw new IllegalArgumentException(key + " must be a list, got " + text(value));
    }

    private Object required(String key) {
        Object value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException(section + "." + key + " is missing");
        }
        return value;
    }

    /** As JSON writes it. */
    private static String text(@Nullable Object value) {
        if (value instanceof String string) {
            return '"' + string + '"';
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Arguments::text).collect(Collectors.joining(",", "[", "]"));
        }
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(entry -> text(String.valueOf(entry.getKey())) + ":" + text(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        }
        return String.valueOf(value);
    }
}
