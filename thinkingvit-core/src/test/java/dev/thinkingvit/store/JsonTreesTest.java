package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Held to the mapper, of which it is a quicker part. */
@NullUnmarked // a null fails the test
class JsonTreesTest {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "null",
                " true ",
                "\"a\\u00e9\\n\\\"\u2192\\ud83d\\ude00\"",
                "{\"a\": [1, -2, 3000000000, 123456789012345678901234567890, 0.1, 1e-300, 1E+3, -0.0, 12345.678901234567]}",
                "{\"b\": {\"c\": {}, \"d\": [[], [null, false]], \"\": \"\"}, \"a\": 1.0E-6}",
                ""
            })
    void readsAndWritesWhatTheMapperDoes(String text) {
        JsonNode tree = MAPPER.readTree(text);

        assertThat(JsonTrees.read(text)).isEqualTo(tree);
        assertThat(JsonTrees.readStrictly(text)).isEqualTo(tree);
        if (!tree.isMissingNode()) {
            assertThat(JsonTrees.text(JsonTrees.read(text))).isEqualTo(tree.toString());
            assertThat(JsonTrees.plain(tree)).isEqualTo(MAPPER.treeToValue(tree, Object.class));
            assertThat(JsonTrees.of(JsonTrees.plain(tree))).isEqualTo(tree);
        }
    }

    @Test
    void readsTheShippedConfigurations() throws IOException {
        for (String model : List.of("cifar10-3h-6h", "cifar10-2h-3h-6h")) {
            String text = Files.readString(Path.of("../models", model, "config.json"));
            JsonNode tree = MAPPER.readTree(text);
            assertThat(JsonTrees.readStrictly(text)).isEqualTo(tree);
            assertThat(JsonTrees.text(tree)).isEqualTo(tree.toString());
            assertThat(JsonTrees.plain((ObjectNode) tree)).isEqualTo(MAPPER.treeToValue(tree, Map.class));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "{\"a\" 1}", "[1,]", "{\"a\":1}}", "{} 1", "tru", "'a'", "[NaN]", "\u0000"})
    void refusesWhatTheMapperRefuses(String text) {
        assertThatThrownBy(() -> MAPPER.readTree(text)).isInstanceOf(JacksonException.class);
        assertThatThrownBy(() -> JsonTrees.read(text)).isInstanceOf(JacksonException.class);
    }

    @Test
    void nestingIsLimited() {
        assertThatThrownBy(() -> JsonTrees.read("[".repeat(100_000))).isInstanceOf(JacksonException.class);
    }

    @Test
    void ofPythonsFilesNumbersMayBeNoneAndKeysMustNotComeTwice() {
        JsonNode tree = JsonTrees.readStrictly("[NaN, Infinity, -Infinity]");
        assertThat(tree.get(0).doubleValue()).isNaN();
        assertThat(tree.get(1).doubleValue()).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(JsonTrees.text(tree)).isEqualTo(tree.toString());

        assertThatThrownBy(() -> JsonTrees.readStrictly("{\"a\": 1, \"a\": 2}"))
                .isInstanceOf(JacksonException.class)
                .hasMessageContaining("a");
        assertThat(JsonTrees.read("{\"a\": 1, \"a\": 2}").get("a").intValue()).isEqualTo(2);
    }

    @Test
    void otherValuesAreTheMappersMatter() {
        assertThat(JsonTrees.of(new float[] {0.485f, 1})).isEqualTo(MAPPER.valueToTree(new float[] {0.485f, 1}));
        assertThat(JsonTrees.of(Map.of("a", List.of(1)))).isEqualTo(MAPPER.valueToTree(Map.of("a", List.of(1))));
        assertThat(JsonTrees.of(Arrays.asList(1, null))).isEqualTo(MAPPER.valueToTree(Arrays.asList(1, null)));
    }
}
