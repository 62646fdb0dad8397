package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class JsonTextTest {
    @Test
    void spacesAreNoPartOfIt() {
        JsonText text =
                new JsonText(" { \"a\" : [ 1, 2.50, 1e-6, true, null ],\n\"b\" : { \"c\" : \"\\u00e9 \\\"\" } } ");

        assertThat(text.text()).isEqualTo("{\"a\":[1,2.5,1.0E-6,true,null],\"b\":{\"c\":\"é \\\"\"}}");
        assertThat(new JsonText(text.text())).isEqualTo(text);
        assertThat(text.isEmpty()).isFalse();
        assertThat(new JsonText("{ }").isEmpty()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "3",
                "{",
                "{\"a\" 1}",
                "{} {}",
                "{}]",
                "{\"a\": NaN}",
                "{\"a\": 1, \"a\": 2}",
                "{'a': 1}"
            })
    void anythingElseIsRefused(String text) {
        assertThatThrownBy(() -> new JsonText(text)).isInstanceOf(IllegalArgumentException.class);
    }
}
