package dev.thinkingvit.example;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What docs/adding-a-backbone.md shows is what is compiled and tested. */
class ExamplePageTest {
    private static final Path SOURCES = Path.of("src/test/java/dev/thinkingvit");
    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern COUNT = Pattern.compile("(\\d+)(?: together)? \\(`(\\w+)`\\)");

    private static String text(Path file) throws IOException {
        return Files.readString(file).replace("\r\n", "\n");
    }

    private static String oneLine(String code) {
        return code.replaceAll("\\s+", "");
    }

    @Test
    void thePageShowsLinesThatAreThere() throws IOException {
        String page = text(Path.of("../docs/adding-a-backbone.md"));
        String code = oneLine(
                text(SOURCES.resolve("example/ReZeroViT.java")) + text(SOURCES.resolve("model/Specimens.java")));
        List<String> blocks = BLOCK.matcher(page)
                .results()
                .map(block -> oneLine(block.group(1)))
                .toList();
        assertThat(blocks).hasSizeGreaterThan(2).allSatisfy(block -> assertThat(code)
                .contains(block));
    }

    /** To a tenth: who adds a few lines need not count again. */
    @Test
    void itsCountsOfLinesAreStillRight() throws IOException {
        String page = text(Path.of("../docs/adding-a-backbone.md"));
        List<MatchResult> counts = COUNT.matcher(page).results().toList();
        assertThat(counts).hasSize(13);
        for (MatchResult count : counts) {
            String file = count.group(2) + ".java";
            Path own = SOURCES.resolve("example").resolve(file);
            Path source = Files.exists(own)
                    ? own
                    : Path.of("src/main/java/dev/thinkingvit/model").resolve(file);
            long lines = text(source)
                    .lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty()
                            && !line.startsWith("import ")
                            && !line.startsWith("package ")
                            && !line.startsWith("*")
                            && !line.startsWith("/*")
                            && !line.startsWith("//"))
                    .count();
            double said = Integer.parseInt(count.group(1));
            assertThat(lines / said).as("%s has %d lines", file, lines).isBetween(0.9, 1.1);
        }
    }
}
