package dev.thinkingvit.files;

import java.io.StringWriter;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/**
 * An object of JSON whose keys are free, as text: whoever looks inside takes the JSON library that they have. Equal texts
 * may differ in spaces when they are given, not afterwards.
 *
 * @param text of the object, without spaces between its parts
 */
public record JsonText(String text) {
    // without a mapper, which takes a tenth of a second to begin
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    /** Without a key. */
    public static final JsonText EMPTY = new JsonText("{}");

    /** @throws IllegalArgumentException if the text is no object of JSON, or a key comes twice */
    public JsonText {
        StringWriter compact = new StringWriter();
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text);
                JsonGenerator generator = JSON.createGenerator(ObjectWriteContext.empty(), compact)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IllegalArgumentException("an object of JSON is needed, {…}");
            }
            generator.copyCurrentStructure(parser);
            if (parser.nextToken() != null) {
                throw new IllegalArgumentException("one object of JSON is needed, and more follows it");
            }
        } catch (JacksonException e) {
            throw new IllegalArgumentException("is no JSON: " + Reasons.of(e), e);
        }
        text = compact.toString();
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
