package dev.thinkingvit.files;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** Records as JSON, {@code maxUnreadable} under the key {@code max_unreadable}. */
public final class JsonRecords {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private JsonRecords() {}

    /**
     * Reads a record.
     *
     * @throws IllegalArgumentException if the text is no JSON, has an unknown key, or a value that does not do
     */
    public static <T extends Record> T read(String json, Class<T> type) {
        T value;
        try {
            value = MAPPER.readValue(json, type);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(Reasons.of(e), e);
        }
        if (value == null) {
            throw new IllegalArgumentException("it says nothing");
        }
        return value;
    }

    /** The record as JSON, a key a line. */
    public static String text(Record value) {
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(value) + "\n";
    }
}
