package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.picture.ImageSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class BiasTablesTest {
    /** What timm 1.0.31's {@code resize_rel_pos_bias_table} and torch's bicubic interpolation made of some tables. */
    private static final Path REFERENCE = Path.of("src/test/resources/reference/bias-tables-timm.json");

    static Stream<JsonNode> cases() throws IOException {
        return new JsonMapper().readTree(Files.readAllBytes(REFERENCE)).valueStream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void tablesOfAnotherWindowAreThoseOfThePublishedCode(JsonNode recorded) {
        float[] expected = floats(recorded.get("expected"));

        float[] resized = BiasTables.resized(
                floats(recorded.get("table")),
                size(recorded.get("from")),
                size(recorded.get("to")),
                recorded.get("heads").asInt(),
                BiasTables.Manner.valueOf(recorded.get("manner").asString()));

        assertThat(resized).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(resized[i]).as("value %d", i).isCloseTo(expected[i], within(1e-5f));
        }
    }

    @Test
    void aTableOfTheSameWindowStaysAsItIs() {
        float[] table = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        ImageSize window = ImageSize.square(2);

        assertThat(BiasTables.resized(table, window, window, 1, BiasTables.Manner.TIMM))
                .containsExactly(table);
    }

    private static ImageSize size(JsonNode sides) {
        return new ImageSize(sides.get(0).asInt(), sides.get(1).asInt());
    }

    private static float[] floats(JsonNode values) {
        float[] floats = new float[values.size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values.get(i).asDouble();
        }
        return floats;
    }
}
