package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** What the help of each command is held to, those to come included. */
@NullUnmarked // a null fails the test
class HelpTest {
    private static final int COLUMNS = 80;
    private static final int FIRST_SCREEN_LINES = 40;

    static Stream<String> commands() {
        return Main.commandLine().getSubcommands().keySet().stream();
    }

    private static CommandLine line(String command) {
        return Main.commandLine().getSubcommands().get(command);
    }

    private static String help(String command) {
        CommandRun run = CommandRun.of("help", command);
        assertThat(run.code()).as(run.err()).isZero();
        return run.out();
    }

    /** Lines that continue are one. */
    private static List<String> examples(String command) {
        List<String> footer =
                List.of(line(command).getCommandSpec().usageMessage().footer());
        assertThat(footer).as("the end of the help of " + command).contains("Examples:");
        List<String> examples = new ArrayList<>();
        StringBuilder pending = new StringBuilder();
        for (String line : footer.subList(footer.indexOf("Examples:") + 1, footer.size())) {
            if (pending.isEmpty() && !line.startsWith("  ")) {
                break;
            }
            boolean continued = line.endsWith("\\");
            pending.append(continued ? line.substring(0, line.length() - 1) : line);
            if (!continued) {
                examples.add(pending.toString().strip());
                pending.setLength(0);
            }
        }
        return examples;
    }

    @ParameterizedTest
    @MethodSource("commands")
    void aCommandThatNeedsNoOtherIsDescribedAlone(String command) {
        Map<String, CommandLine> described = Main.commandLine(command, "x").getSubcommands();
        assertThat(described)
                .hasSize(
                        command.equals("help")
                                ? Main.commandLine().getSubcommands().size()
                                : 1);
        assertThat(described.get(command).getCommandName()).isEqualTo(command);
        assertThat(described.get(command).getUsageMessage())
                .isEqualTo(line(command).getUsageMessage());
    }

    @Test
    void anUnknownCommandIsComparedWithAll() {
        assertThat(CommandRun.of("clasify").err()).contains("classify");
    }

    @ParameterizedTest
    @MethodSource("commands")
    void examplesAreCommandLinesThatItTakes(String command) {
        assertThat(examples(command)).isNotEmpty().allSatisfy(example -> {
            assertThat(example).startsWith("thinkingvit ");
            String words = example.replaceFirst("^thinkingvit ", "")
                    .replaceFirst(" [>|] .*", "")
                    .replace("hf-hub:", ""); // a model of a hub would be fetched
            assertThatCode(() -> Main.commandLine()
                            .setCaseInsensitiveEnumValuesAllowed(true)
                            .parseArgs(words.split(" +", -1)))
                    .as(example)
                    .doesNotThrowAnyException();
        });
    }

    @ParameterizedTest
    @MethodSource("commands")
    void itFitsATerminalAndNoExampleIsBroken(String command) {
        assertThat(help(command).lines()).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(COLUMNS));
        for (String line : line(command).getCommandSpec().usageMessage().footer()) {
            assertThat(line)
                    .as("a line of the help's end that the terminal would break; end it with \\ and indent the rest")
                    .hasSizeLessThanOrEqualTo(COLUMNS);
        }
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyOptionIsDescribedInASentence(String command) {
        CommandLine line = line(command);
        assertThat(line.getCommandSpec().usageMessage().description()).isNotEmpty();
        for (OptionSpec option : line.getCommandSpec().options()) {
            assertThat(option.hidden() || String.join(" ", option.description()).endsWith("."))
                    .as(
                            "%s of %s: '%s' ends with a full stop",
                            option.longestName(), command, String.join(" ", option.description()))
                    .isTrue();
        }
        for (PositionalParamSpec parameter : line.getCommandSpec().positionalParameters()) {
            assertThat(String.join(" ", parameter.description()))
                    .as(parameter.paramLabel() + " of " + command)
                    .endsWith(".");
        }
    }

    @Test
    void theFirstScreenIsOne() {
        CommandRun run = CommandRun.of("help");
        assertThat(run.out().lines())
                .hasSizeLessThanOrEqualTo(FIRST_SCREEN_LINES)
                .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(COLUMNS));
        assertThat(CommandRun.of("--help").out()).isEqualTo(run.out());
    }

    @Test
    void theReadmesTableHasTheCommandsThereAre() throws Exception {
        List<String> rows = java.nio.file.Files.readAllLines(Path.of("../README.md")).stream()
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.substring(2, line.indexOf('|', 2)))
                .toList();
        TreeSet<String> named = new TreeSet<>();
        rows.forEach(row -> named.addAll(List.of(row.replace("`", "").strip().split(", ", -1))));
        TreeSet<String> there = new TreeSet<>(commands().toList());
        there.remove("help");
        assertThat(named).isEqualTo(there);
    }

    @ParameterizedTest
    @CsvSource({
        "clasify samples, there is no command 'clasify', thinkingvit classify",
        "help clasify, there is no command 'clasify', thinkingvit classify",
        "evaluat, there is no command 'evaluat', thinkingvit evaluate",
        "classify --modle x samples, Unknown option: '--modle', --model",
        "help bnech, there is no command 'bnech', thinkingvit bench"
    })
    void aTypoIsNamedWithWhatMayHaveBeenMeant(String line, String said, String meant) {
        CommandRun run = CommandRun.of((Object[]) line.split(" ", -1));
        assertThat(run.code()).isEqualTo(Main.USAGE);
        assertThat(run.err()).startsWith("thinkingvit: " + said).contains(meant);
    }

    @Test
    void withoutTheLauncherBenchSaysWhoRunsIt() {
        CommandRun run = CommandRun.of("bench", "inference", "--turns", "3");
        assertThat(run.code()).isEqualTo(Main.USAGE);
        assertThat(run.err()).contains("which the launcher runs: ./thinkingvit bench inference");
        assertThat(CommandRun.of("bench").err()).contains("a benchmark is required: inference, training or micro");
        for (Map.Entry<String, String> same :
                Map.of("bench", "--help", "help", "bench").entrySet()) {
            assertThat(CommandRun.of(same.getKey(), same.getValue()).out()).startsWith("Usage: thinkingvit bench");
        }
    }
}
