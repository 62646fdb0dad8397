package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.Reasons;
import java.io.PrintWriter;
import picocli.CommandLine;

/** One line for whatever went wrong. */
final class Failure {
    private Failure() {}

    static void print(PrintWriter err, Throwable e, boolean verbose) {
        err.println("thinkingvit: " + line(e));
        if (verbose) {
            e.printStackTrace(err);
        }
        err.flush();
    }

    static String line(Throwable e) {
        return HubModels.named(Reasons.line(e));
    }

    static boolean isVerbose(CommandLine command) {
        Object user = command.getCommand();
        return user instanceof BaseCommand base && base.verbose;
    }
}
