package dev.thinkingvit.app.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What every command has. */
abstract class BaseCommand implements Callable<Integer> {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    @SuppressWarnings("unused") // picocli acts on it
    private boolean help;

    @Option(
            names = {"-v", "--verbose"},
            description = "Show where an error came from.")
    boolean verbose;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    /** Results. */
    final PrintWriter out() {
        return spec.commandLine().getOut();
    }

    /** Progress and remarks. */
    final PrintWriter err() {
        return spec.commandLine().getErr();
    }

    /** A command line that contradicts itself. */
    final ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
