package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WordsTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "an A-ViT",
                "an avit",
                "an EMA",
                "an ONNX graph",
                "an MLP",
                "an SGD optimiser",
                "a Segmenter",
                "a Swin Transformer",
                "a Thinking DynamicViT",
                "a ReZero ViT",
                "a ViT",
                "a universal network"
            })
    void aNounHasItsArticle(String said) {
        assertThat(Words.a(said.substring(said.indexOf(' ') + 1))).isEqualTo(said);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0 windows", "1 window", "27 windows"})
    void whatIsCountedIsOneOrSeveral(String said) {
        assertThat(Words.count(Long.parseLong(said.substring(0, said.indexOf(' '))), "window"))
                .isEqualTo(said);
    }
}
