package dev.thinkingvit.files;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * An object of JSON whose keys are free, as text: whoever looks inside takes the JSON library that they have. Equal texts
 * may differ in spaces when they are given, not afterwards.
 *
 * @param text of the object, without spaces between its parts
 */
public record JsonText(String text) {
    /** Without a key. */
    public static final JsonText EMPTY = new JsonText("{}");

    /** @throws IllegalArgumentException if the text is no object of JSON */
    public JsonText {
        try {
            JsonNode tree = JsonMapper.shared().readTree(text);
            if (!tree.isObject()) {
                throw new IllegalArgumentException("an object of JSON is needed, {…}");
            }
            text = tree.toString();
        } catch (JacksonException e) {
            throw new IllegalArgumentException("is no JSON: " + Reasons.of(e), e);
        }
    }

    /** Whether it has no key. */
    public boolean isEmpty() {
        return text.equals("{}");
    }

    @Override
    public String toString() {
        return text;
    }
}
