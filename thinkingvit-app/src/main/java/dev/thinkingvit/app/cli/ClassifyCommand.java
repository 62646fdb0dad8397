package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.data.PassedOver;
import dev.thinkingvit.data.PictureFiles;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.Classification;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.report.TokenDepthPictures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Classifies pictures. */
@Command(
        name = "classify",
        description = {
            "Classify pictures, thinking as long as each needs.",
            "Per picture: label, probability, the stage that decided, each stage's entropy in nats, and GMACs spent."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit classify samples",
            "  thinkingvit classify --threshold 0.3 cat.jpg dog.png",
            "  thinkingvit classify --model my-model --budget 0.15 --json photos > seen.json",
            "  thinkingvit classify --jsonl photos | jq -r 'select(.stage > 1) | .file'"
        })
final class ClassifyCommand extends BaseCommand {
    private static final int BATCH = 64;
    private static final int MOST_OF_A_LABEL = 40;

    @Parameters(
            arity = "1..*",
            paramLabel = "FILES_OR_FOLDERS",
            description = "Pictures (JPEG, PNG, BMP, GIF, WebP, TIFF) and folders of them.")
    private List<Path> inputs = List.of();

    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description = "Model directory, checkpoint file or exported model. Default: the shipped CIFAR-10 model.")
    private @Nullable Path model;

    @Mixin
    private final StopOptions stop = new StopOptions();

    @Option(names = "--precision", paramLabel = "P", description = PrecisionChoice.DESCRIPTION)
    private PrecisionChoice precision = PrecisionChoice.AUTO;

    @Mixin
    private final PreprocessingOptions preparing = new PreprocessingOptions();

    @Mixin
    private final BackendOption backend = new BackendOption();

    @Option(names = "--exif", description = "Turn pictures upright as their EXIF data says.")
    private boolean exif;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(
            names = "--jsonl",
            description = "Print a JSON object a picture, on a line of its own, as soon as it is known.")
    private boolean jsonLines;

    @Option(
            names = "--token-depth",
            paramLabel = "DIR",
            description =
                    "Of a model whose tokens halt (A-ViT): also draw there how deep each patch of a picture went; the"
                            + " picture, a heat map, and both side by side.")
    private @Nullable Path tokenDepth;

    private int seen;
    private int drawn;

    @Override
    public Integer call() throws IOException {
        stop.check();
        if (json && jsonLines) {
            throw usage("--json and --jsonl exclude each other");
        }
        PictureFiles found = pictures(inputs);
        List<Path> files = found.pictures();
        try (ElasticClassifier classifier =
                backend.open(Models.directory(model), precision.precision(), preparing, err())) {
            BackendOption.requireNamesPictures(classifier.config(), Models.directory(model));
            BackendOption.tellNames(classifier.config(), err());
            TokenDepthPictures depths = tokenDepth == null ? null : depths(classifier);
            StopPolicy policy = stop.policy(classifier, Models.directory(model));
            List<BatchLoader.Failure> failures = new ArrayList<>();
            List<Classification> results = new ArrayList<>();
            Preprocessing preprocessing = classifier.config().preprocessing();
            BatchLoader.Builder builder = BatchLoader.of(
                            files.stream().map(file -> new Sample(file, 0)).toList(), preprocessing, preprocessing)
                    .batchSize(BATCH)
                    .decoding(new PictureDecoder.Options(exif, PictureDecoder.DEFAULT_MAX_PIXELS));
            if (!found.isOnePicture()) {
                builder.skipBroken(failure -> {
                    failures.add(failure);
                    err().println("thinkingvit: skipped " + Printable.of(failure.message()));
                });
            }
            try (BatchLoader loader = builder.open();
                    Epoch epoch = loader.epoch(0)) {
                for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
                    List<String> names = new ArrayList<>();
                    for (int index : batch.sampleIndices()) {
                        names.add(files.get(index).toString());
                    }
                    List<Classification> done = classifier.classify(batch.images(), names, policy);
                    results.addAll(done);
                    if (depths != null) {
                        draw(depths, done, batch, preprocessing);
                    }
                    if (jsonLines) {
                        done.forEach(each -> out().println(JsonOutput.of(each, classifier.config())));
                        out().flush();
                    } else if (!json) {
                        printRows(done, classifier);
                    }
                }
            }
            if (depths != null && drawn < results.size()) {
                err().printf(
                                "note: %d of %d pictures stopped before the stage in which tokens halt, and are not drawn;"
                                        + " --threshold says when they stop%n",
                                results.size() - drawn, results.size());
            }
            if (jsonLines) {
                failures.forEach(failure -> out().println(JsonOutput.of(failure)));
                out().flush();
            } else if (json) {
                out().println(toJson(results, failures, found.passedOver(), classifier, policy));
            } else {
                printSummary(results, failures.size(), classifier);
            }
            // a file that was asked for by name and could not be read is an error, one found in a folder is not
            boolean namedFailed = failures.stream()
                    .anyMatch(failure -> found.asked().contains(failure.sample().path()));
            return results.isEmpty() || namedFailed ? Main.FAILED : 0;
        }
    }

    private TokenDepthPictures depths(ElasticClassifier classifier) throws IOException {
        NetworkConfig network = classifier.config().network();
        Halting halting = network.halting();
        if (halting == null) {
            throw usage("--token-depth: no tokens halt in " + Words.a(network.title())
                    + "; one whose tokens halt, such as an A-ViT, is required");
        }
        Files.createDirectories(Objects.requireNonNull(tokenDepth));
        return new TokenDepthPictures(network.grid(), halting.blocks());
    }

    /** What stopped before tokens halt has no picture. */
    private void draw(TokenDepthPictures depths, List<Classification> done, Batch batch, Preprocessing preprocessing)
            throws IOException {
        for (int i = 0; i < done.size(); i++) {
            seen++;
            float[] tokens = done.get(i).outcome().decisive().extras().get(Halting.TOKEN_DEPTH);
            if (tokens != null) {
                drawn++;
                Path file = Path.of(done.get(i).source()).getFileName();
                String name =
                        String.format("%05d-%s", seen, String.valueOf(file).replaceFirst("\\.\\w+$", ""));
                float[] patches = Arrays.copyOfRange(tokens, 1, tokens.length); // without the class token
                depths.write(
                        Objects.requireNonNull(tokenDepth),
                        name,
                        TokenDepthPictures.seen(batch.images(), i, preprocessing),
                        patches);
            }
        }
    }

    private int nameWidth = 4;
    private int labelWidth = 14;
    private boolean headerPrinted;

    private void printHeader(ElasticClassifier classifier) {
        nameWidth = Math.min(
                48,
                Math.max(
                        12,
                        inputs.stream()
                                        .mapToInt(path -> path.toString().length())
                                        .max()
                                        .orElse(0)
                                + 20));
        labelWidth = classifier.config().isImageNet() ? 24 : 14;
        out().printf(
                        "%-" + nameWidth + "s  %-" + labelWidth + "s  %11s  %5s  %-17s  %8s%n",
                        "picture",
                        "label",
                        "probability",
                        "stage",
                        "entropy (nats)",
                        "GMACs");
        out().flush();
    }

    private void printRows(List<Classification> done, ElasticClassifier classifier) {
        if (!headerPrinted) {
            printHeader(classifier);
            headerPrinted = true;
        }
        for (Classification each : done) {
            String entropies = each.outcome().stages().stream()
                    .map(stage -> String.format("%.3f", stage.entropyNats()))
                    .collect(Collectors.joining(" → "));
            out().printf(
                            "%-" + nameWidth + "s  %-" + labelWidth + "s  %9.1f %%  %3d/%d  %-17s  %8.3f%n",
                            shortened(Printable.of(each.source())),
                            Printable.of(
                                    classifier.config().shortLabel(each.best().index()), MOST_OF_A_LABEL),
                            100 * each.best().probability(),
                            each.stage(),
                            classifier.engine().backbone().stages(),
                            entropies,
                            each.gmacs());
        }
        out().flush();
    }

    private String shortened(String name) {
        return name.length() <= nameWidth ? name : "…" + name.substring(name.length() - nameWidth + 1);
    }

    private void printSummary(List<Classification> results, int skipped, ElasticClassifier classifier) {
        int stages = classifier.engine().backbone().stages();
        if (!results.isEmpty()) {
            double spent = results.stream().mapToDouble(Classification::gmacs).sum();
            double always = results.size() * classifier.engine().cumulativeGmacs(stages);
            long early = results.stream().filter(each -> each.stage() < stages).count();
            String gmacs = always < 0.1 ? "%.5f" : "%.2f";
            out().printf(
                            "%n%d of %d pictures stopped early: " + gmacs + " of " + gmacs
                                    + " GMACs spent, %.0f %% of the work saved%n",
                            early,
                            results.size(),
                            spent,
                            always,
                            100 * (1 - spent / always));
        }
        if (skipped > 0) {
            out().printf("%d skipped: not readable%n", skipped);
        }
        out().flush();
    }

    private String toJson(
            List<Classification> results,
            List<BatchLoader.Failure> failures,
            PassedOver passedOver,
            ElasticClassifier classifier,
            StopPolicy policy) {
        ObjectNode root = JsonOutput.root();
        root.put("model", Models.given(Models.directory(model)));
        root.put("precision", classifier.precision().name().toLowerCase(Locale.ROOT));
        root.put("router", policy.router().id());
        policy.thresholds().forEach(root.putArray("thresholds")::add);
        ArrayNode images = root.putArray("images");
        double spent = 0;
        for (Classification each : results) {
            images.add(JsonOutput.of(each, classifier.config()));
            spent += each.gmacs();
        }
        ArrayNode skipped = root.putArray("skipped");
        for (BatchLoader.Failure failure : failures) {
            skipped.add(JsonOutput.of(failure));
        }
        DataOptions.putPassedOver(root, passedOver);
        double always = results.size()
                * classifier
                        .engine()
                        .cumulativeGmacs(classifier.engine().backbone().stages());
        root.put("gmacs", spent);
        root.put("gmacs_always_thinking", always);
        return root.toString();
    }
}
