package dev.thinkingvit.benchmarks;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.model.PackedBackbone;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures inference. */
@Command(
        name = "inference",
        sortOptions = false,
        description = {
            "Measure how fast this machine thinks: this library in fp32, bf16 and int8, ONNX Runtime on the exported model,"
                    + " and a straightforward port of the published code, beside the rate of large matrix products.",
            "All run the same weights on the same images in one process, in turns; then this library evaluates"
                    + " photographs from files, decoding included, beside the network alone. On an otherwise idle machine it takes"
                    + " about ten minutes; ratios are the result."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit bench inference --json inference.json --html inference.html",
            "  thinkingvit bench inference --models 224 --batches 64 \\",
            "      --contenders ours-bf16,onnx --shares 1"
        })
final class InferenceCommand extends BenchmarkCommand {
    private static final double SECONDS = 6;
    private static final Path HOME = Path.of(System.getProperty("thinkingvit.home", "."));
    private static final int COLD_STARTS = 5;
    private static final int SERVED_BATCH = 8;
    private static final double MIB = 1 << 20;

    @Option(
            names = "--models",
            paramLabel = "NAME",
            split = ",",
            description =
                    "224 (3H → 6H, 12 blocks, 1000 classes), cifar (the shipped model), avit-tiny (A-ViT-Tiny, drawn so"
                            + " that its tokens halt after 3 to 9 of 12 blocks), deit-tiny (the same weights, none"
                            + " halts), a model's folder, or a recipe: what it trains, with 1000 classes and first"
                            + " weights. An image of what names pixels is a window of its network's size."
                            + " Default: ${DEFAULT-VALUE}.")
    private List<String> models = List.of("224", "cifar");

    @Option(
            names = "--contenders",
            paramLabel = "NAME",
            split = ",",
            description =
                    "ours-fp32, ours-bf16, ours-int8, onnx, onnx-int8, onnx-dynamic (quantize_dynamic, which needs a"
                            + " Python with onnxruntime and onnx), naive. Default: all.")
    private List<String> contenders = List.of();

    @Option(
            names = "--batches",
            paramLabel = "N",
            split = ",",
            description = "Images that go through together. Default: ${DEFAULT-VALUE}.")
    private List<Integer> batches = List.of(1, 8, 64);

    @Option(
            names = "--shares",
            paramLabel = "P",
            split = ",",
            description = "Shares of the images that need more than the first stage. Default: ${DEFAULT-VALUE}.")
    private List<Double> shares = List.of(1.0, 0.5, 0.36, 0.0);

    @Option(
            names = "--photos",
            paramLabel = "DIR",
            description = "Photographs to evaluate from files with model 224. Default: drawn ones.")
    private @Nullable Path photos;

    @Option(
            names = "--no-processes",
            description = "Leave out what needs processes of its own: memory and cold starts.")
    private boolean noProcesses;

    @Option(names = "--html", paramLabel = "FILE", description = "Also draw it, as a page.")
    private @Nullable Path html;

    InferenceCommand() {
        super(SECONDS);
    }

    @Override
    void requireOutputs() throws IOException {
        super.requireOutputs();
        if (html != null) {
            AtomicFiles.requireWritable(html);
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        requireOutputs();
        if (photos != null) {
            Photographs.in(photos, skipped -> {}).close(); // refused now if there are none
        }
        Set<InferenceBenchmark.Way> ways = EnumSet.noneOf(InferenceBenchmark.Way.class);
        List<InferenceBenchmark.Subject> subjects = new ArrayList<>();
        List<InferenceBenchmark.Way> photographed;
        InferenceBenchmark benchmark;
        try {
            contenders.forEach(name -> ways.add(InferenceBenchmark.Way.named(name)));
            if (ways.isEmpty()) {
                ways.addAll(EnumSet.allOf(InferenceBenchmark.Way.class));
            }
            photographed = photographed(ways);
            if (photos != null && photographed.isEmpty()) {
                throw new IllegalArgumentException(
                        "--photos: only model " + Subjects.LARGE
                                + " sees them, as ours-fp32, ours-bf16 or ours-int8; with these --models and --contenders nobody would");
            }
            models.forEach(name -> subjects.add(Subjects.named(name)));
            benchmark = new InferenceBenchmark(subjects, ways, batches, shares, turns());
        } catch (IllegalArgumentException e) {
            throw usage(e);
        }
        InferenceReport report = benchmark.run(this::progress);
        report.print(out());
        out().flush();
        if (!photographed.isEmpty()) {
            report = withPhotographs(report, subjects.get(models.indexOf(Subjects.LARGE)), photographed);
        }
        if (!noProcesses) {
            report = withProcesses(report, subjects, ways, err());
        }
        report.printProcesses(out());
        out().flush();
        writeJson(report);
        if (html != null) {
            AtomicFiles.writeString(html, InferencePage.of(report));
        }
        return 0;
    }

    /** Ours, of those that were asked for, if the model that sees photographs was; its processor permitting. */
    private List<InferenceBenchmark.Way> photographed(Set<InferenceBenchmark.Way> ways) {
        if (!models.contains(Subjects.LARGE)) {
            return List.of();
        }
        return Stream.of(
                        InferenceBenchmark.Way.OURS_FP32,
                        InferenceBenchmark.Way.OURS_BF16,
                        InferenceBenchmark.Way.OURS_INT8)
                .filter(way -> ways.contains(way) && way.precision.isFastHere())
                .toList();
    }

    private InferenceReport withPhotographs(
            InferenceReport report, InferenceBenchmark.Subject subject, List<InferenceBenchmark.Way> ways) {
        try (Photographs photographs = photos == null ? Photographs.drawn() : Photographs.in(photos, err()::println)) {
            PhotographReport measured =
                    new PhotographBenchmark(subject, ways, photographs, turns()).run(this::progress);
            measured.print(out());
            out().flush();
            return report.with(measured);
        } catch (IOException e) { // minutes of other measurements must not go with it
            err().println("left out: photographs: " + e.getMessage());
            return report;
        }
    }

    private static InferenceReport withProcesses(
            InferenceReport report,
            List<InferenceBenchmark.Subject> subjects,
            Set<InferenceBenchmark.Way> ways,
            PrintWriter err)
            throws IOException, InterruptedException {
        List<Processes.Row> rows = new ArrayList<>();
        List<String> skipped = new ArrayList<>();
        if (Processes.peakBytes().isEmpty()) {
            skipped.add("memory: this system does not tell a process's");
        } else {
            for (InferenceBenchmark.Subject subject : subjects) {
                try (SavedModel saved = SavedModel.of(subject)) {
                    for (InferenceBenchmark.Way way : ways) {
                        if (subject.hindrance(way) == null) {
                            err.printf("memory: %s %s%n", subject.name(), way.label);
                            double weights = weightBytes(subject, way) / MIB;
                            measure(
                                    "memory of " + way.label,
                                    () -> Processes.memory(
                                            way, subject.name(), saved.folder(way), SERVED_BATCH, weights),
                                    rows,
                                    skipped);
                        }
                    }
                }
            }
        }
        Path launcher = HOME.resolve("thinkingvit");
        Path picture = HOME.resolve("samples/cat-0011.jpg");
        if (Files.isExecutable(launcher) && Files.exists(picture)) {
            err.println("cold starts");
            measure("cold start", () -> Processes.coldStart(launcher, picture, COLD_STARTS), rows, skipped);
        } else {
            skipped.add("cold start: no launcher in " + HOME);
        }
        return report.with(rows, skipped);
    }

    /** What fails is left out: minutes of other measurements must not go with it. */
    private static void measure(
            String what, Callable<Processes.Row> measurement, List<Processes.Row> rows, List<String> skipped)
            throws InterruptedException {
        try {
            rows.add(measurement.call());
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            skipped.add(what + ": " + e.getMessage());
        }
    }

    /** Of all stages together; the naive port slices the full width's. */
    private static double weightBytes(InferenceBenchmark.Subject subject, InferenceBenchmark.Way way) {
        if (way == InferenceBenchmark.Way.NAIVE) {
            return subject.network().parameterCount() * (double) Float.BYTES;
        }
        double bytes = 0;
        for (int stage = 1; stage <= subject.network().stages(); stage++) {
            bytes += PackedBackbone.weightBytes(subject.network(), stage, way.precision);
        }
        return bytes;
    }

    /** What {@link Processes#memory} starts. */
    @Command(name = "serve-once", hidden = true)
    static final class ServeOnce implements Callable<Integer> {
        @Option(names = "--contender", required = true)
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private String contender;

        @Option(names = "--model", required = true)
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private Path model;

        @Option(names = "--batch", required = true)
        private int batch;

        @Spec
        @SuppressWarnings("NullAway.Init") // picocli sets it
        private CommandSpec spec;

        @Override
        public Integer call() throws IOException {
            double peak = Processes.serveOnce(InferenceBenchmark.Way.named(contender), model, batch);
            spec.commandLine().getOut().println(peak);
            return 0;
        }
    }
}
