package dev.thinkingvit.app.cli;

import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.UnmatchedArgumentException;

/** Explains commands. Picocli's own would not say which one may have been meant. */
@Command(
        name = "help",
        description = "Explain a command, with examples.",
        helpCommand = true,
        footer = {"", "Examples:", "  thinkingvit help", "  thinkingvit help classify"})
final class HelpCommand extends BaseCommand {
    @Parameters(arity = "0..*", paramLabel = "COMMAND", description = "Which one. Default: what there is.")
    private List<String> names = List.of();

    @Override
    public Integer call() {
        CommandLine command = spec.commandLine().getParent();
        for (String name : names) {
            if (!command.getSubcommands().isEmpty()) {
                CommandLine next = command.getSubcommands().get(name);
                if (next == null) {
                    throw new UnmatchedArgumentException(command, List.of(name));
                }
                command = next;
            }
        }
        command.usage(out());
        return 0;
    }

    /** What is wrong with a command line; a command that nobody knows is called that. */
    static String words(ParameterException e) {
        String said = String.valueOf(e.getMessage());
        if (!(e instanceof UnmatchedArgumentException unmatched)) {
            return said;
        }
        String first = unmatched.getUnmatched().get(0);
        if (unmatched.isUnknownOption()) {
            return said + (first.matches("(--out|-o)(=.*)?") ? outWithoutName(e.getCommandLine()) : "");
        }
        return e.getCommandLine().getSubcommands().isEmpty() ? said : "there is no command '" + first + "'";
    }

    /** Where a command takes what it writes without an option, which others have. */
    private static String outWithoutName(CommandLine command) {
        List<PositionalParamSpec> named = command.getCommandSpec().positionalParameters();
        return named.stream().noneMatch(each -> each.paramLabel().equals("OUT"))
                ? ""
                : "; OUT is named without an option: "
                        + command.getCommandSpec().qualifiedName() + " "
                        + named.stream().map(PositionalParamSpec::paramLabel).collect(Collectors.joining(" "));
    }
}
