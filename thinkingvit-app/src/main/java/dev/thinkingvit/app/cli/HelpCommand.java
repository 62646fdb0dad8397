package dev.thinkingvit.app.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
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
        return e instanceof UnmatchedArgumentException unmatched
                        && !unmatched.isUnknownOption()
                        && !e.getCommandLine().getSubcommands().isEmpty()
                ? "there is no command '" + unmatched.getUnmatched().get(0) + "'"
                : String.valueOf(e.getMessage());
    }
}
