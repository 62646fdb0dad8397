package dev.thinkingvit.benchmarks;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Measures the hot pieces, each alone. */
@Command(
        name = "micro",
        sortOptions = false,
        description = {
            "Measure the hot pieces, each alone, with JMH: a stage of the network, decoding and preparing a picture, the"
                    + " router.",
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit bench micro",
            "  thinkingvit bench micro PicturePieces --json pieces.json"
        })
final class MicroCommand implements Callable<Integer> {
    @Parameters(
            arity = "0..1",
            paramLabel = "REGEX",
            description = "Which pieces. Default: all.",
            defaultValue = "Pieces")
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private String pieces;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write what was measured to FILE.")
    private @Nullable Path json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    @SuppressWarnings("unused") // picocli acts on it
    private boolean help;

    @Override
    public Integer call() throws IOException, RunnerException {
        if (json != null) {
            AtomicFiles.requireWritable(json); // JMH would write it after all pieces
        }
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(pieces)
                .jvmArgsPrepend("-Dthinkingvit.home=" + System.getProperty("thinkingvit.home", "."));
        if (json != null) {
            options.resultFormat(ResultFormatType.JSON).result(json.toString());
        }
        new Runner(options.build()).run();
        return 0;
    }
}
