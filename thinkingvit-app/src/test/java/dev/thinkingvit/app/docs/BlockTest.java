package dev.thinkingvit.app.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How pages are read. */
class BlockTest {
    private static Page page(String... lines) {
        return new Page(Page.HOME.resolve("page.md"), List.of(lines));
    }

    @Test
    void continuedLinesAreOneCommandAndCommentsAreNone() {
        Block block = page("# Title", "```sh", "# why", "a \\", "    --b   # c", "", "d", "```")
                .blocks()
                .get(0);

        assertThat(block.commands()).containsExactly(new Block.Line(4, "a --b   # c"), new Block.Line(7, "d"));
    }

    @Test
    void aBlockWithoutALanguageRightBelowIsWhatIsPrinted() {
        Page page = page("```sh", "a", "```", "", "```", "printed", "```", "text", "```", "a table", "```");

        assertThat(page.blocks().get(0).output()).contains(page.blocks().get(1));
        assertThat(page.blocks().get(1).output()).as("text between").isEmpty();
    }

    @Test
    void commentsAboveSayHowItIsRun() {
        Block block = page("<!-- run: afresh -->", "<!-- run: with \"9\" as \"1\" -->", "```sh", "a --epochs 9", "```")
                .blocks()
                .get(0);

        assertThat(block.afresh()).isTrue();
        assertThat(block.commands()).containsExactly(new Block.Line(4, "a --epochs 1"));
        assertThat(page("<!-- run: not, it needs a GPU -->", "```sh", "a", "```")
                        .blocks()
                        .get(0)
                        .whyNot())
                .contains("it needs a GPU");
    }

    @Test
    void aCommentThatSaysNothingOrReplacesNothingIsAnError() {
        Page unknown = page("<!-- run: never -->", "```sh", "a", "```");
        assertThatThrownBy(unknown::blocks).hasMessageContaining("page.md, line 2: 'never' says nothing");
        Block stale = page("<!-- run: with \"9\" as \"1\" -->", "```sh", "a", "```")
                .blocks()
                .get(0);
        assertThatThrownBy(stale::commands).hasMessageContaining("has no '9' (any more)");
        assertThatThrownBy(page("```sh", "a")::blocks).hasMessageContaining("never closed");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "cat  79.4 %  1/2  0.861 | cat 79.3 % 1/2 0.864 | true",
                "cat  79.4 %  1/2  0.861 | dog 79.4 % 1/2 0.861 | false",
                "cat  79.4 %  1/2  0.861 | cat 79.4 % 2/2 0.861 | false",
                "cat  79.4 % | cat 70.4 % | false",
                "1,234 images | 1,235 images | false",
                "wrote my-model: … | wrote my-model: 3H → 6H | true",
                "wrote my-model: … | read my-model: 3H → 6H | false"
            })
    void printedNumbersMayDifferALittleAndNothingElse(String shown, String printed, boolean like) {
        assertThat(PrintedOutput.isLike(shown, printed)).isEqualTo(like);
    }

    @Test
    void aPageMayLeaveLinesOutButNotShowOthers() {
        PrintedOutput.requireLike(List.of("a", "…", "d"), List.of("a", "b", "c", "d"));
        assertThatThrownBy(() -> PrintedOutput.requireLike(List.of("a", "x"), List.of("a", "b")))
                .hasMessageContaining("x")
                .hasMessageContaining("was not printed after");
        assertThatThrownBy(() -> PrintedOutput.requireLike(List.of("b", "a"), List.of("a", "b")))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void statementsOfJavaBecomeAProgramAndProgramsStayOnes() {
        assertThat(JavaSnippet.program(
                        List.of("// import java.time.Clock; import java.net.*;", "var c = Clock.systemUTC();")))
                .startsWith("import java.time.Clock; import java.net.*;")
                .contains("import dev.thinkingvit.inference.*;")
                .containsSubsequence("static void main", "var c =");
        assertThat(JavaSnippet.program(List.of("class A {", "  public static void main(String[] a) {}", "}")))
                .containsOnlyOnce("static void main");
    }
}
