package dev.thinkingvit.benchmarks;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.StandardOutput;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code thinkingvit bench}. */
@Command(
        name = "thinkingvit bench",
        description = "Measure this library on this machine.",
        synopsisSubcommandLabel = "BENCHMARK",
        subcommands = {
            InferenceCommand.class,
            TrainingCommand.class,
            MicroCommand.class,
            InferenceCommand.ServeOnce.class,
            CommandLine.HelpCommand.class
        })
public final class Main implements Runnable {
    private static final int FAILED = 1;
    private static final int USAGE = 2;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    @SuppressWarnings("unused") // picocli acts on it
    private boolean help;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    private Main() {}

    public static void main(String[] args) {
        System.setProperty("java.awt.headless", "true");
        Locale.setDefault(Locale.ROOT);
        System.exit(run(StandardOutput.out(), StandardOutput.err(), args));
    }

    /** Runs a command line and returns its exit code. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine line = commandLine().setOut(out).setErr(err);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(true);
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            command.getErr().println("thinkingvit: " + Reasons.line(e));
            return FAILED;
        });
        line.setParameterExceptionHandler((e, arguments) -> {
            CommandLine command = e.getCommandLine();
            command.getErr().println("thinkingvit: " + e.getMessage());
            CommandLine.UnmatchedArgumentException.printSuggestions(e, command.getErr());
            boolean ofOne =
                    command.getParent() != null && command.getSubcommands().isEmpty();
            command.getErr()
                    .println("Try 'thinkingvit help bench" + (ofOne ? " " + command.getCommandName() : "") + "'.");
            return USAGE;
        });
        try {
            int code = line.execute(args);
            out.flush();
            return code;
        } catch (StandardOutput.Lost e) {
            if (e.nobodyReads()) {
                return StandardOutput.NOBODY_READS;
            }
            err.println("thinkingvit: " + Reasons.line(e));
            return FAILED;
        }
    }

    /** All benchmarks. */
    static CommandLine commandLine() {
        return new CommandLine(new Main());
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a benchmark is required");
    }
}
