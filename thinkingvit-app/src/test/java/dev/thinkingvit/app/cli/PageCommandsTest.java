package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.thinkingvit.app.docs.Block;
import dev.thinkingvit.app.docs.Page;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What pages say in passing of commands and models is so; whole commands are run by PagesIT. */
@NullUnmarked // a null fails the test
class PageCommandsTest {
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z0-9-]+");

    /** On a page that compares programs, of which the options are not all ours. */
    private static final String OF_OTHERS = "<!-- run: options of other programs are named here -->";

    static List<Page> pages() {
        return Page.all();
    }

    /** Those of the benchmarks are in a module that this one does not know, but for its sources. */
    private static Set<String> options() throws IOException {
        TreeSet<String> options =
                new TreeSet<>(Main.commandLine().getCommandSpec().optionsMap().keySet());
        Main.commandLine()
                .getSubcommands()
                .values()
                .forEach(command ->
                        options.addAll(command.getCommandSpec().optionsMap().keySet()));
        try (Stream<Path> sources = Files.walk(Page.HOME.resolve("thinkingvit-benchmarks/src/main"))) {
            for (Path source : sources.filter(file -> file.toString().endsWith("Command.java"))
                    .toList()) {
                Matcher option = OPTION.matcher(Files.readString(source));
                while (option.find()) {
                    options.add(option.group());
                }
            }
        }
        return options;
    }

    @ParameterizedTest
    @MethodSource("pages")
    void optionsThatAreNamedExist(Page page) throws IOException {
        if (page.lines().contains(OF_OTHERS)) {
            return;
        }
        Set<String> options = options();
        List<String> prose = page.prose();
        for (int i = 0; i < prose.size(); i++) {
            Matcher code = CODE.matcher(prose.get(i));
            while (code.find()) {
                Matcher option = OPTION.matcher(code.group(1));
                while (option.find()) {
                    assertThat(options)
                            .as(
                                    "%s, line %d, names an option that no command has; a page about other programs too has the line %s",
                                    page.name(), i + 1, OF_OTHERS)
                            .contains(option.group());
                }
            }
        }
        for (Block block : page.blocks()) {
            for (Block.Line line : block.language().equals("sh") ? block.commands() : List.<Block.Line>of()) {
                Matcher option = OPTION.matcher(line.text());
                while (line.text().contains("thinkingvit ") && option.find()) {
                    assertThat(options)
                            .as("%s, line %d", page.name(), line.number())
                            .contains(option.group());
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void commandsInPassingAreOnesThatItTakes(Page page) {
        Matcher code = CODE.matcher(String.join(" ", page.prose()));
        while (code.find()) {
            String text = code.group(1);
            if (text.matches("(\\./)?thinkingvit [a-z].*") && !text.contains("...") && !text.contains("…")) {
                String[] words = text.replaceFirst(".*?thinkingvit ", "")
                        .replace("hf-hub:", "")
                        .split(" +", -1);
                assertThatCode(() -> Main.commandLine()
                                .setCaseInsensitiveEnumValuesAllowed(true)
                                .parseArgs(words))
                        .as(page.name() + " says " + text)
                        .doesNotThrowAnyException();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"models/cifar10-3h-6h", "models/cifar10-2h-3h-6h"})
    void aModelsCardHasItsParametersCostsAndThreshold(String model) {
        JsonNode info = JsonMapper.shared()
                .readTree(CommandRun.of("info", Page.HOME.resolve(model), "--json")
                        .out());
        List<JsonNode> stages = info.get("stages").valueStream().toList();
        String card = Page.named(model + "/README.md").text();
        assertThat(card)
                .contains(String.format(
                        Locale.ROOT, "%,d parameters", info.get("parameters").asLong()))
                .containsPattern("\\| always think \\| [0-9.]+ \\| " + gmacs(stages.get(stages.size() - 1)) + " ")
                .containsPattern("\\| never think twice \\| [0-9.]+ \\| " + gmacs(stages.get(0)) + " ");
        assertThat(card)
                .contains(String.format(
                        Locale.ROOT,
                        "**%.2f (stored)**",
                        info.get("routing").get("thresholds").get(0).asDouble()));
        assertThat(Page.named("README.md").text())
                .contains(gmacs(stages.get(0)))
                .contains(gmacs(stages.get(stages.size() - 1)));
    }

    private static String gmacs(JsonNode stage) {
        return String.format(Locale.ROOT, "%.3f", stage.get("cumulative_gmacs").asDouble());
    }
}
