package dev.thinkingvit.benchmarks;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What every benchmark has. */
abstract class BenchmarkCommand implements Callable<Integer> {
    @Option(names = "--turns", paramLabel = "N", description = "Turns of each row. Default: ${DEFAULT-VALUE}.")
    private int turns = 3;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "Timed at least for each row of the table, in all turns together. Default: ${DEFAULT-VALUE}.")
    private double seconds;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write what was measured to FILE.")
    private @Nullable Path json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    @SuppressWarnings("unused") // picocli acts on it
    private boolean help;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    /** @param seconds timed for each row unless something else is asked for */
    BenchmarkCommand(double seconds) {
        this.seconds = seconds;
    }

    /** @throws IllegalArgumentException if they are none */
    final Turns turns() {
        return new Turns(turns, seconds);
    }

    final PrintWriter out() {
        return spec.commandLine().getOut();
    }

    final PrintWriter err() {
        return spec.commandLine().getErr();
    }

    final ParameterException usage(IllegalArgumentException e) {
        return new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }

    /** Says what is measured next. */
    final void progress(int turn, Contender contender) {
        err().printf("turn %d/%d: %s%n", turn + 1, turns, contender.name());
    }

    /** Looks whether reports can be written, before minutes of measuring go into them. */
    void requireOutputs() throws IOException {
        if (json != null) {
            AtomicFiles.requireWritable(json);
        }
    }

    /** Writes a report to the file that was asked for, if one was. */
    final void writeJson(Object report) throws IOException {
        if (json != null) {
            JsonMapper mapper = JsonMapper.builder()
                    .enable(SerializationFeature.INDENT_OUTPUT)
                    .build();
            AtomicFiles.writeString(json, mapper.writeValueAsString(report) + "\n");
        }
    }
}
