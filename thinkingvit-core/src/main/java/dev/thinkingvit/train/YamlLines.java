package dev.thinkingvit.train;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Where the keys of a YAML text stand. What is wrong with a value often shows only when all are put together, and then the
 * message names the key: the first that it names and that stands in the text is where to look.
 */
final class YamlLines {
    private static final YAMLMapper MAPPER = new YAMLMapper();
    private static final Pattern WORD = Pattern.compile("[A-Za-z_][\\w.-]*");

    private YamlLines() {}

    /** @return the message, after {@code line 7: } where it names a key that stands in the text */
    static String named(String yaml, String message) {
        Map<String, Integer> lines = lines(yaml);
        Matcher words = WORD.matcher(message);
        while (words.find()) {
            String word = words.group();
            String key = word.endsWith(".") ? word.substring(0, word.length() - 1) : word;
            // a flat file's keys are named with the section of a recipe that they go to
            @Nullable Integer line = lines.getOrDefault(key, lines.get(key.substring(key.lastIndexOf('.') + 1)));
            if (line != null) {
                return "line " + line + ": " + message;
            }
        }
        return message;
    }

    /** The line of each key, from 1, by its name and by its path; of keys of one name the first. */
    private static Map<String, Integer> lines(String yaml) {
        Map<String, Integer> lines = new LinkedHashMap<>();
        Deque<String> path = new ArrayDeque<>();
        String key = "";
        try (JsonParser parser = MAPPER.createParser(yaml)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.PROPERTY_NAME) {
                    key = parser.currentName();
                    int line = parser.currentTokenLocation().getLineNr();
                    lines.putIfAbsent(key, line);
                    lines.putIfAbsent(path.isEmpty() ? key : String.join(".", path) + "." + key, line);
                } else if (token == JsonToken.START_OBJECT && !key.isEmpty()) {
                    path.addLast(key);
                } else if (token == JsonToken.END_OBJECT) {
                    path.pollLast();
                }
            }
        } catch (JacksonException e) {
            // what could be read of it; that it is no YAML is told by whoever wants its values
        }
        return lines;
    }
}
