package dev.thinkingvit.files;

import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.exc.InputCoercionException;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.exc.ValueInstantiationException;

/** What is wrong with JSON or YAML, and where, without the parser's own vocabulary. */
final class JsonReasons {
    private static final Pattern NO_NUMBER = Pattern.compile("Non-standard token '(.+?)'.*");
    private static final Pattern YAML_LINE = Pattern.compile("line (\\d+), column \\d+");

    /** Advice to change the program that reads, and codes of characters. */
    private static final Pattern ADVICE =
            Pattern.compile(": enable `[^`]*` to allow|, from `[^`]*`| \\(not recognized as one since [^)]*\\)"
                    + "| \\(code \\d+\\)|, not marked as ignorable");

    private JsonReasons() {}

    static String of(JacksonException e) {
        String place = place(e);
        if (e instanceof UnrecognizedPropertyException unknown) {
            Collection<Object> known = unknown.getKnownPropertyIds();
            return place + "the key is unknown" + (known == null || known.isEmpty() ? "" : "; known are " + known);
        }
        if (e instanceof ValueInstantiationException refused && refused.getCause() != null) {
            return place + refusal(refused.getCause());
        }
        if (e instanceof InputCoercionException) {
            return place + "the number is out of range" + line(e);
        }
        if (e instanceof MismatchedInputException mismatch) {
            return place + mismatch(mismatch);
        }
        return words(e) + line(e);
    }

    /** The words of the class that holds the values, where it has some. */
    private static String refusal(Throwable e) {
        if (Reasons.isOurs(e)) {
            return String.valueOf(e.getMessage());
        }
        return e instanceof NullPointerException ? "null is where a value is needed" : "holds a value that cannot be";
    }

    private static String mismatch(MismatchedInputException e) {
        String message = String.valueOf(e.getOriginalMessage());
        if (message.startsWith("Trailing token")) {
            return "something follows after the end, where nothing may be" + line(e);
        }
        if (message.startsWith("Missing creator property")) {
            return "is missing";
        }
        String came = e instanceof InvalidFormatException invalid && invalid.getValue() != null
                ? ", '" + invalid.getValue() + "' came"
                : "";
        return needed(e.getTargetType()) + " is needed" + (came.isEmpty() ? ", something else came" : came);
    }

    private static String needed(@Nullable Class<?> type) {
        if (type == null) {
            return "another value";
        }
        if (type == int.class || type == long.class || type == Integer.class || type == Long.class) {
            return "a whole number";
        }
        if (type == boolean.class || type == Boolean.class) {
            return "true or false";
        }
        if (type.isPrimitive() || Number.class.isAssignableFrom(type)) {
            return "a number";
        }
        if (CharSequence.class.isAssignableFrom(type)) {
            return "text";
        }
        if (type.isArray() || Collection.class.isAssignableFrom(type)) {
            return "a list";
        }
        if (type.isEnum()) {
            return "one of " + Arrays.toString(type.getEnumConstants());
        }
        return Map.class.isAssignableFrom(type) || type.isRecord() ? "an object with keys" : "another value";
    }

    private static String words(JacksonException e) {
        String message = String.valueOf(e.getOriginalMessage());
        Matcher number = NO_NUMBER.matcher(message);
        if (number.matches()) {
            return number.group(1) + " is no number of JSON's; null stands for one that is not there";
        }
        if (e instanceof UnexpectedEndOfInputException) {
            return "the text ends before all brackets and quotes are closed";
        }
        return ADVICE.matcher(yaml(message)).replaceAll("");
    }

    /** YAML's messages alternate with places and extracts of the text, both indented. */
    private static String yaml(String message) {
        return message.lines()
                .filter(line -> !line.isBlank() && !line.startsWith(" "))
                .collect(Collectors.joining(", "));
    }

    private static String line(JacksonException e) {
        Matcher yaml = YAML_LINE.matcher(String.valueOf(e.getOriginalMessage()));
        String line = null;
        while (yaml.find()) {
            line = yaml.group(1); // the last is where it went wrong, the others where it began
        }
        if (line != null) {
            return " (line " + line + ")";
        }
        TokenStreamLocation location = e.getLocation();
        return location == null || location.getLineNr() < 1
                ? ""
                : " (line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
    }

    /** {@code stages[1].file: } */
    private static String place(JacksonException e) {
        StringBuilder place = new StringBuilder();
        for (JacksonException.Reference step : e.getPath()) {
            if (step.getPropertyName() == null) {
                place.append('[').append(step.getIndex()).append(']');
            } else {
                place.append(place.isEmpty() ? "" : ".").append(step.getPropertyName());
            }
        }
        return place.isEmpty() ? "" : place.append(": ").toString();
    }
}
