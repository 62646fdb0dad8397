package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PrintableTest {
    @Test
    void whatSteersATerminalIsSpelledOut() {
        assertThat(Printable.of("a\u001B[31m\nb\t\u202Ec\u2066\u0000"))
                .isEqualTo("a\\u001b[31m\\nb\\t\\u202ec\\u2066\\u0000");
    }

    @Test
    void allOtherScriptsStayAsTheyAre() {
        assertThat(Printable.of("猫 ö \\n שלום 🐈")).isEqualTo("猫 ö \\n שלום 🐈");
    }

    @Test
    void whatIsLongIsCutBetweenCharacters() {
        assertThat(Printable.of("abcdef", 6)).isEqualTo("abcdef");
        assertThat(Printable.of("abcdefg", 6)).isEqualTo("abcde…");
        assertThat(Printable.of("abcd🐈g", 6)).isEqualTo("abcd…");
    }
}
