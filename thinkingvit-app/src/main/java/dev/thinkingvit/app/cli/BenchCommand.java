package dev.thinkingvit.app.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Unmatched;

/** Says what benchmarks there are. They are a module of their own, to which the launcher hands what follows. */
@Command(
        name = "bench",
        description = {
            "Measure this library on this machine, beside other ways to do the same.",
            "Benchmarks are a module of their own; the launcher builds it when the first one runs."
        },
        footer = {
            "",
            "'thinkingvit help bench BENCHMARK' has the options of each.",
            "",
            "Examples:",
            "  thinkingvit bench inference",
            "  thinkingvit bench training --data cifar10/train",
            "  thinkingvit bench micro PicturePieces",
            "  thinkingvit help bench inference"
        })
final class BenchCommand extends BaseCommand {
    @Parameters(
            arity = "0..1",
            paramLabel = "BENCHMARK",
            description = {
                "inference: beside ONNX Runtime, a plain port of the published code and the machine's limit.",
                "training: beside a plain port of the published code and the machine's limit.",
                "micro: the hot pieces, each alone."
            })
    @SuppressWarnings("unused") // for those who read the help
    private String benchmark = "";

    @Unmatched
    @SuppressWarnings("unused") // the benchmark's own
    private final List<String> options = new ArrayList<>();

    @Override
    public Integer call() {
        throw usage(
                benchmark.isEmpty()
                        ? "a benchmark is required: inference, training or micro"
                        : "benchmarks are a module of their own, which the launcher runs: ./thinkingvit bench "
                                + benchmark);
    }
}
