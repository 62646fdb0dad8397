package dev.thinkingvit.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

@NullUnmarked // a null fails the test
class BenchHelpTest {
    static Stream<String> benchmarks() {
        return Main.commandLine().getSubcommands().entrySet().stream()
                .filter(entry ->
                        !entry.getValue().getCommandSpec().usageMessage().hidden())
                .map(entry -> entry.getKey())
                .filter(name -> !name.equals("help"));
    }

    @ParameterizedTest
    @MethodSource("benchmarks")
    void examplesAreCommandLinesThatItTakesAndFitATerminal(String benchmark) {
        List<String> footer = List.of(Main.commandLine()
                .getSubcommands()
                .get(benchmark)
                .getCommandSpec()
                .usageMessage()
                .footer());
        assertThat(footer).contains("Examples:").allSatisfy(line -> assertThat(line)
                .hasSizeLessThanOrEqualTo(80));
        String text = String.join("\n", footer).replace("\\\n", " ");
        List<String> examples = text.lines()
                .filter(line -> line.startsWith("  thinkingvit bench "))
                .toList();
        assertThat(examples).isNotEmpty().allSatisfy(example -> assertThatCode(() -> Main.commandLine()
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .parseArgs(example.strip()
                                .replace("thinkingvit bench ", "")
                                .split(" +", -1)))
                .as(example)
                .doesNotThrowAnyException());
    }

    @Test
    void aTypoIsOneLineWithWhatMayHaveBeenMeant() {
        StringWriter err = new StringWriter();
        int code = Main.run(new PrintWriter(new StringWriter()), new PrintWriter(err, true), "inferense");
        assertThat(code).isEqualTo(CommandLine.ExitCode.USAGE);
        assertThat(err.toString())
                .contains("'inferense'", "thinkingvit bench inference", "Try 'thinkingvit help bench'.");
    }
}
