package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.data.PictureFiles;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.Embedding;
import dev.thinkingvit.inference.EmbeddingFile;
import dev.thinkingvit.inference.EmbeddingFormat;
import dev.thinkingvit.inference.EmbeddingText;
import dev.thinkingvit.inference.Pooling;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Turns pictures into vectors. */
@Command(
        name = "embed",
        description = {
            "Turn pictures into vectors (embeddings), thinking as long as each needs.",
            "Per picture: the class token (of a Swin the mean token) after the final norm of the stage that decided, or of --stage. Stages differ in"
                    + " width: npy, safetensors and csv fill narrower vectors up with zeros, jsonl leaves them as they are."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit embed cat.jpg",
            "  thinkingvit embed --stage 2 --normalize --out photos.npy photos",
            "  thinkingvit embed --model deit --pool avg --out photos.safetensors photos"
        })
final class EmbedCommand extends BaseCommand {
    private static final int BATCH = 64;
    private static final Path STANDARD_OUTPUT = Path.of("-");

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

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            description = "Where to write; - for standard output, the default.")
    private Path out = STANDARD_OUTPUT;

    @Option(
            names = "--format",
            paramLabel = "F",
            description = "npy (with a .csv beside it that names the rows), safetensors, csv or jsonl."
                    + " Default: the file's ending; jsonl on standard output.")
    private @Nullable EmbeddingFormat format;

    @Option(
            names = "--stage",
            paramLabel = "K",
            description = "Take every picture's embedding after this stage. Default: after the stage that decided.")
    private @Nullable Integer stage;

    @Option(
            names = "--pool",
            paramLabel = "P",
            description = "token (the class token), avg (the mean of all others) or none (every token)."
                    + " Default: what the model's classifier reads, token of a ViT, avg of a Swin.")
    private @Nullable Pooling asked;

    private Pooling pooling = Pooling.TOKEN; // once the model is there: what was asked for, or its own

    @Option(names = "--normalize", description = "Divide each vector by its length (L2).")
    private boolean normalize;

    @Mixin
    private final StopOptions stop = new StopOptions();

    // 'calibrate' compares what is predicted, not embeddings
    @Option(
            names = "--precision",
            paramLabel = "P",
            description =
                    "fp32, bf16, int8, or auto, as classify has it. Default: fp32, in which embeddings are alike on"
                            + " all processors to about 5 digits; bf16 keeps 2, int8 hardly 2.")
    private PrecisionChoice precision = PrecisionChoice.FP32;

    @Mixin
    private final PreprocessingOptions preparing = new PreprocessingOptions();

    @Mixin
    private final BackendOption backend = new BackendOption();

    @Option(names = "--exif", description = "Turn pictures upright as their EXIF data says.")
    private boolean exif;

    private final List<BatchLoader.Failure> failures = new ArrayList<>();
    private final Map<Integer, Integer> endings = new TreeMap<>(); // pictures by stage

    @Override
    public Integer call() throws IOException {
        stop.check();
        if (stage != null && stop.given() != null) {
            throw usage("--stage and " + stop.given() + " exclude each other");
        }
        EmbeddingFormat chosen = format();
        PictureFiles found = pictures(inputs);
        List<Path> files = found.pictures();
        if (!isStandardOutput()) {
            for (Path target : EmbeddingFile.targets(chosen, out)) {
                OutputFolder.refuseInput(target, files);
                AtomicFiles.requireWritable(target);
            }
        }
        try (ElasticClassifier classifier =
                backend.open(Models.directory(model), precision.precision(), preparing, err())) {
            BackendOption.requireNamesPictures(classifier.config(), Models.directory(model));
            pooling = asked == null ? classifier.pooling() : asked;
            StopPolicy policy = policy(classifier);
            NetworkConfig network = classifier.config().network();
            int width = network.stageWidth(stage == null ? network.stages() : stage);
            EmbeddingFile file =
                    new EmbeddingFile(chosen, pooling == Pooling.NONE ? tokens(network) : 0, width, facts(classifier));
            if (isStandardOutput()) {
                EmbeddingText text = new EmbeddingText(chosen, width);
                out().print(text.header());
                embed(classifier, policy, found, embedding -> out().print(text.line(embedding)), done -> out().flush());
            } else {
                List<String> names = files.stream().map(Path::toString).toList();
                try (ProgressBar bar = Progress.of("embedding", files.size(), err())) {
                    file.write(out, names, sink -> embed(classifier, policy, found, sink, bar::stepBy));
                }
                out().println(summary(chosen, network, width));
            }
            tellOfWidths(network, width, chosen);
            // a file that was asked for by name and could not be read is an error, one found in a folder is not
            boolean namedFailed = failures.stream()
                    .anyMatch(failure -> found.asked().contains(failure.sample().path()));
            return namedFailed ? Main.FAILED : 0;
        }
    }

    private boolean isStandardOutput() {
        return out.equals(STANDARD_OUTPUT);
    }

    private EmbeddingFormat format() {
        if (isStandardOutput()) {
            if (format != null && !format.isText()) {
                throw usage("--format " + format.id() + " needs --out FILE: its beginning says how many rows there are,"
                        + " which is known only at the end; csv and jsonl go to standard output");
            }
            return checked(format == null ? EmbeddingFormat.JSONL : format);
        }
        if (format != null) {
            return checked(format);
        }
        try {
            return checked(EmbeddingFormat.of(out));
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage() + "; --format names one");
        }
    }

    private EmbeddingFormat checked(EmbeddingFormat chosen) {
        if (chosen == EmbeddingFormat.CSV && asked == Pooling.NONE) {
            throw usage("--pool none gives many vectors a picture, csv has one; npy, safetensors and jsonl take them");
        }
        return chosen;
    }

    private StopPolicy policy(ElasticClassifier classifier) {
        int stages = classifier.engine().backbone().stages();
        if (stage == null) {
            return stop.policy(classifier, Models.directory(model));
        }
        try {
            return StopPolicy.endingAt(stage, stages);
        } catch (IllegalArgumentException e) {
            throw usage("--stage: " + e.getMessage());
        }
    }

    private Map<String, String> facts(ElasticClassifier classifier) {
        return Map.of(
                "model", Models.given(Models.directory(model)),
                "precision", classifier.precision().name().toLowerCase(Locale.ROOT),
                "pool", pooling.id(),
                "stage", stage == null ? "decided" : stage.toString(),
                "normalized", Boolean.toString(normalize));
    }

    /**
     * Gives every picture's embedding; told of and passed over are those that cannot be read.
     *
     * @param progress told after each batch how many pictures are done with
     */
    private void embed(
            ElasticClassifier classifier,
            StopPolicy policy,
            PictureFiles found,
            EmbeddingFile.Sink sink,
            LongConsumer progress)
            throws IOException {
        List<Path> files = found.pictures();
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
                for (Embedding embedding : classifier.embed(batch.images(), names, policy, pooling)) {
                    sink.add(normalize ? embedding.normalized() : embedding);
                    endings.merge(embedding.stage(), 1, Integer::sum);
                }
                progress.accept(batch.size() + batch.failed());
            }
        }
        if (endings.isEmpty()) {
            throw new IOException("none of " + failures.size() + " pictures can be read; nothing was written");
        }
    }

    /** The most that a stage leaves of those that may decide; a stage that leaves patches out has fewer. */
    private int tokens(NetworkConfig network) {
        return IntStream.rangeClosed(stage == null ? 1 : stage, stage == null ? network.stages() : stage)
                .map(network::stageTokens)
                .max()
                .orElse(0);
    }

    private String summary(EmbeddingFormat chosen, NetworkConfig network, int width) {
        int count = endings.values().stream().mapToInt(Integer::intValue).sum();
        String size = pooling == Pooling.NONE ? tokens(network) + " x " + width : Integer.toString(width);
        String line = "wrote " + count + (count == 1 ? " embedding of " : " embeddings of ")
                + (chosen == EmbeddingFormat.JSONL && endings.size() > 1 ? "up to " : "") + size + " values to " + out;
        if (chosen == EmbeddingFormat.NPY) {
            line += ", what its rows are to " + EmbeddingFile.rowsOf(out);
        }
        if (endings.size() > 1) {
            line += "; after stage "
                    + endings.entrySet().stream()
                            .map(ending -> ending.getKey() + ": " + ending.getValue())
                            .collect(Collectors.joining(", "));
        }
        return Printable.of(line + (failures.isEmpty() ? "" : "; " + failures.size() + " skipped: not readable"));
    }

    /** Vectors of several stages lie in one space only as far as training made them. */
    private void tellOfWidths(NetworkConfig network, int width, EmbeddingFormat chosen) {
        List<Integer> narrow = endings.keySet().stream()
                .filter(ended -> network.stageWidth(ended) < width)
                .toList();
        List<Integer> few = endings.keySet().stream()
                .filter(ended -> network.stageTokens(ended) < tokens(network))
                .toList();
        if (pooling == Pooling.NONE && !few.isEmpty() && chosen != EmbeddingFormat.JSONL) {
            err().println("note: those after stage "
                    + few.stream()
                            .map(ended -> ended + " have " + network.stageTokens(ended))
                            .collect(Collectors.joining(", after stage "))
                    + " tokens and zeros up to " + tokens(network) + "; --stage takes all after one stage");
        }
        if (!narrow.isEmpty() && chosen != EmbeddingFormat.JSONL) {
            err().println("note: those after stage "
                    + narrow.stream()
                            .map(ended -> ended + " have " + network.stageWidth(ended))
                            .collect(Collectors.joining(", after stage "))
                    + " values and zeros up to " + width + "; --stage takes all after one stage");
        }
    }
}
