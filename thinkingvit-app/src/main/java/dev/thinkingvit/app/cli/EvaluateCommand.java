package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.eval.MaskedRouter;
import dev.thinkingvit.eval.PredictionLines;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.ResultsFile;
import dev.thinkingvit.eval.SweepCsv;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.Thresholds;
import dev.thinkingvit.eval.Throughput;
import dev.thinkingvit.eval.TokenDepths;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.report.EvaluationReport;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Scores a model at many thresholds. */
@Command(
        name = "evaluate",
        description = {
            "Score a model on a folder-per-class data set, or a Segmenter on labelled pixels, at many thresholds.",
            "Every stage runs once an image; the thresholds are scored from what was recorded."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit evaluate --data cifar10/test --report report",
            "  thinkingvit evaluate --data cifar10/test --thresholds 0:2.4:0.2 --measure",
            "  thinkingvit evaluate --data imagenet-val.tar --model checkpoints \\",
            "      --results-file results.csv --retry",
            "  thinkingvit evaluate --data cifar10/test --predictions predictions.jsonl",
            "  thinkingvit evaluate --data val --model in1k-2h-3h-6h \\",
            "      --thresholds 0.3/0.5,0.5/0.8 --json",
            "  thinkingvit evaluate --data camvid --part test --model my-segmenter"
        })
final class EvaluateCommand extends BaseCommand {
    private static final int LABELS_LISTED = 100; // of up to 21,000 without pictures

    private static final int REPEATS = 3;

    @Mixin
    private final DataOptions input = new DataOptions();

    @Mixin
    private final PixelOptions pixels = new PixelOptions();

    @Option(
            names = "--thresholds",
            paramLabel = "LIST",
            description = "Thresholds 0,0.1,0.5 or ranges first:last:step; 0.3/0.8 sets each boundary of a model of"
                    + " three stages. Default: two dozen that cover the router's range, of a Segmenter its cost.")
    private @Nullable String thresholds;

    @Option(names = "--measure", description = "Also time real early exits for each threshold, decoding left out.")
    private boolean measure;

    @Option(names = "--report", paramLabel = "DIR", description = "Write a report: index.html and sweep.csv.")
    private @Nullable Path report;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write the table as comma-separated values.")
    private @Nullable Path csv;

    @Option(
            names = "--results-file",
            paramLabel = "FILE",
            description = "Write what each model scored, with timm's columns and more; as JSON if FILE ends so, else as"
                    + " comma-separated values. Written anew after every model.")
    private @Nullable Path resultsFile;

    @Option(
            names = "--predictions",
            paramLabel = "FILE",
            description = "Write a JSON object a picture, on a line of its own: its answers, what each stage said, and"
                    + " with what it ended at the model's own threshold, or at the only one of --thresholds.")
    private @Nullable Path predictions;

    @Option(names = "--json", description = "Print one JSON object instead of the table.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        pixels.look.check();
        if (report != null) {
            OutputFolder.requireWritable(report);
        }
        List<Path> written = Stream.of(csv, resultsFile, predictions)
                .filter(Objects::nonNull)
                .toList();
        if (written.stream().distinct().count() < written.size()) {
            throw usage("--csv, --results-file and --predictions name the same file");
        }
        for (Path file : written) {
            AtomicFiles.requireWritable(file);
            OutputFolder.refuseInput(file, input.files());
        }
        List<List<Double>> asked = thresholds == null ? null : parse(thresholds);
        List<Path> models = input.models();
        if (models.size() > 1) {
            return series(models, asked);
        }
        input.choose(models.get(0));
        Path directory = input.modelDirectory();
        try (ElasticClassifier classifier = input.open(err())) {
            ModelConfig config = classifier.config();
            Router router = input.router(config);
            List<List<Double>> swept = asked != null
                    ? asked
                    : Thresholds.defaults(
                            router,
                            config.network().numClasses(),
                            config.network().stages());
            int boundaries = config.network().stages() - 1;
            for (List<Double> one : swept) {
                if (one.size() > 1 && one.size() != boundaries) {
                    throw usage("--thresholds: " + config.network().shorthand() + " takes 1 threshold"
                            + (boundaries > 1 ? " or " + boundaries + " separated by '/'" : "") + ", got "
                            + one.size());
                }
            }
            if (pixels.isFor(config, input)) {
                refuseForPixels(config);
                new PixelEvaluation(input, pixels, out(), err())
                        .run(ElasticSegmenter.of(classifier), asked, csv, report, json);
                return 0;
            }
            ImageFolder folder = input.folder(config, err());
            List<Sample> samples = input.samples(folder);
            for (Path file : written) {
                OutputFolder.refuseInput(
                        file, folder.samples().stream().map(Sample::path).toList());
            }
            Recording recording = input.record(classifier, samples, err());
            List<SweepRow> rows = new ThresholdSweep(recording).at(swept);
            if (measure) {
                rows = measured(classifier, recording.readable(samples), router, rows);
            }
            List<Double> own = input.ownThresholds(classifier);
            if (json) {
                out().println(json(directory, classifier, folder, recording, rows, own));
            } else {
                out().print(SweepTable.text(rows, own));
                TokenDepths depths = recording.tokenDepths();
                if (depths != null) {
                    out().printf(
                                    "tokens halt after %.2f of %d blocks, %.0f to %.0f of them; within a picture they differ by"
                                            + " %.2f; ponder %.3f%n",
                                    depths.mean(),
                                    config.network()
                                            .network()
                                            .depth(config.network().stages()),
                                    depths.least(),
                                    depths.largest(),
                                    depths.difference(),
                                    depths.ponder());
                }
            }
            if (csv != null) {
                out().flush(); // the same stream may be meant
                SweepCsv.write(csv, rows);
            }
            if (predictions != null) {
                out().flush();
                new PredictionLines(recording, swept.size() == 1 ? swept.get(0) : own, config::label)
                        .write(predictions);
            }
            if (report != null) {
                err().println("wrote " + report(directory, classifier, recording, rows, own, report));
            }
            if (resultsFile != null) {
                ResultsFile results = new ResultsFile();
                results.add(
                        Models.given(directory),
                        config,
                        classifier.precision(),
                        recording,
                        asked == null ? List.of(new ThresholdSweep(recording).at(own)) : rows);
                results.write(resultsFile);
            }
            out().flush();
        }
        return 0;
    }

    private void refuseForPixels(ModelConfig config) {
        String given = measure
                ? "--measure"
                : predictions != null ? "--predictions" : resultsFile != null ? "--results-file" : null;
        if (given != null) {
            throw usage(given + " is for models that name pictures; "
                    + Words.a(config.network().title()) + " names their pixels");
        }
    }

    private int series(List<Path> models, @Nullable List<List<Double>> asked) throws IOException {
        String one = report != null
                ? "--report"
                : csv != null ? "--csv" : predictions != null ? "--predictions" : measure ? "--measure" : null;
        if (one != null) {
            throw usage(one + ": is for one model, --model " + input.modelDirectory() + " has " + models.size()
                    + "; --results-file takes what all of them score");
        }
        return new ModelSeries(input, out(), err()).score(models, asked, resultsFile, json);
    }

    private List<List<Double>> parse(String text) {
        try {
            return Thresholds.parse(text);
        } catch (IllegalArgumentException e) {
            throw usage("--thresholds: " + e.getMessage());
        }
    }

    private List<SweepRow> measured(
            ElasticClassifier classifier, List<Sample> samples, Router router, List<SweepRow> rows) throws IOException {
        ModelConfig config = classifier.config();
        Router masked = MaskedRouter.of(router, input.valid(config));
        Throughput throughput = Throughput.prepare(
                classifier.engine(), config.preprocessing(), samples, input.batchSize, input.workers);
        DataOptions.nameSkipped(throughput.skipped(), err());
        List<StopPolicy> policies = rows.stream()
                .map(row -> new StopPolicy(masked, row.thresholds()))
                .toList();
        List<SweepRow> measured = new ArrayList<>();
        try (ProgressBar bar = Progress.of("measuring", (long) REPEATS * rows.size(), err())) {
            List<Double> rates = throughput.measure(policies, REPEATS, bar::step);
            for (int i = 0; i < rows.size(); i++) {
                measured.add(rows.get(i).withImagesPerSecond(rates.get(i)));
            }
        }
        return measured;
    }

    private String json(
            Path directory,
            ElasticClassifier classifier,
            ImageFolder folder,
            Recording recording,
            List<SweepRow> rows,
            List<Double> own)
            throws IOException {
        ObjectNode root = JsonOutput.root();
        root.put("model", Models.given(directory));
        root.put("network", classifier.config().network().shorthand());
        root.put("data", input.data.toString());
        if (input.dataset != null) {
            root.put("dataset", input.dataset.id());
        }
        root.put("images", recording.images().size());
        DataOptions.putSkipped(root, recording.skipped());
        DataOptions.putPassedOver(root, folder.passedOver());
        List<String> without = folder.labelsWithoutPictures();
        root.put("classes_without_pictures", without.size());
        ArrayNode firstWithout = root.putArray("labels_without_pictures");
        without.stream().limit(LABELS_LISTED).forEach(firstWithout::add);
        root.put("uncounted", recording.uncounted());
        TokenDepths depths = recording.tokenDepths();
        if (depths != null) {
            ObjectNode tokens = root.putObject("token_depth");
            tokens.put("mean", depths.mean());
            tokens.put("least", depths.least());
            tokens.put("largest", depths.largest());
            tokens.put("difference", depths.difference());
            tokens.put("ponder", depths.ponder());
        }
        root.put("router", recording.router().id());
        root.put("backend", input.backend.name(directory));
        root.put("precision", classifier.precision().name().toLowerCase(Locale.ROOT));
        ArrayNode ownThresholds = root.putArray("model_thresholds");
        own.forEach(ownThresholds::add);
        ArrayNode list = root.putArray("thresholds");
        for (SweepRow row : rows) {
            ObjectNode node = list.addObject();
            if (row.thresholds().size() == 1) {
                node.put("threshold", row.thresholds().get(0));
            } else {
                row.thresholds().forEach(node.putArray("threshold")::add);
            }
            node.put("top1", row.top1());
            node.put("top5", row.top5());
            node.put("gmacs", row.gmacs());
            ArrayNode stages = node.putArray("stages");
            for (SweepRow.Stage stage : row.stages()) {
                stages.addObject().put("dispatched", stage.dispatched()).put("accuracy", stage.accuracy());
            }
            if (row.imagesPerSecond() != null) {
                node.put("images_per_second", row.imagesPerSecond());
            }
        }
        return JsonMapper.builder().build().writeValueAsString(root);
    }

    private Path report(
            Path directory,
            ElasticClassifier classifier,
            Recording recording,
            List<SweepRow> rows,
            List<Double> own,
            Path folder)
            throws IOException {
        // The page marks the model's own threshold in the table, so that it has to be there.
        List<SweepRow> shown = new ArrayList<>(rows);
        if (!own.isEmpty() && rows.stream().noneMatch(row -> row.thresholds().equals(own))) {
            int at = 0;
            while (at < shown.size() && (shown.get(at).thresholds().get(0) < own.get(0))) {
                at++;
            }
            shown.add(at, new ThresholdSweep(recording).at(own));
        }
        EvaluationReport.About about = new EvaluationReport.About(
                Models.name(directory),
                input.data.toString(),
                classifier.precision().name().toLowerCase(Locale.ROOT),
                LocalDate.now(ZoneId.systemDefault()).toString(),
                Version.text());
        return new EvaluationReport(about, classifier.config(), recording, shown, own).write(folder);
    }
}
