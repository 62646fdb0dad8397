package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.eval.Calibrator;
import dev.thinkingvit.eval.PixelCalibrator;
import dev.thinkingvit.eval.PixelRecording;
import dev.thinkingvit.eval.PixelRow;
import dev.thinkingvit.eval.PixelSweep;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.Target;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.TokenDepths;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.RangesFile;
import dev.thinkingvit.store.Routing;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.IntToDoubleFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Picks a threshold for a target. */
@Command(
        name = "calibrate",
        description = {
            "Pick the threshold that reaches a target on a folder-per-class data set, or of a Segmenter on labelled pixels;"
                    + " with --save, find out in which precisions the model predicts the same, and what int8 needs to know"
                    + " of it.",
            "Pictures the model was not trained on give honest numbers."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit calibrate --data cifar10/test --target accuracy-drop=0.5 --save",
            "  thinkingvit calibrate --data cifar10/test --target stage2=40%%",
            "  thinkingvit calibrate --data held-out --target stage2=40%% --save \\",
            "      --compare-data cifar10/test",
            "  thinkingvit calibrate --data camvid --model segmenter --target gmacs=0.9",
            "  thinkingvit calibrate --data imagenet/val --model deit-tiny --save"
        })
final class CalibrateCommand extends BaseCommand {
    /** Pictures that show the ranges of activations. */
    private static final int RANGES_OF = 256;

    private static final String ALWAYS = "one stage";

    @Mixin
    private final DataOptions input = new DataOptions();

    @Mixin
    private final PixelOptions pixels = new PixelOptions();

    @Option(
            names = "--target",
            paramLabel = "TARGET",
            description = "gmacs=G (mean cost of an image, at most), accuracy-drop=P (percentage points lost against"
                    + " always thinking, at most; of a Segmenter those of mIoU) or stage2=S (share of images, of a"
                    + " Segmenter windows, that need stage 2, at most: 0.4 or 40%%; stage3=S of a later one). A model"
                    + " of one stage has no threshold, and takes none.")
    private @Nullable String target;

    @Option(
            names = "--save",
            description =
                    "Store the threshold and its curve with the model, how far bf16 and int8 predict the same, and int8's"
                            + " ranges.")
    private boolean save;

    @Option(
            names = "--compare-data",
            paramLabel = "DIR",
            description = "Pictures on which --save compares bf16 and int8 with fp32, where --data has few; labelled as"
                    + " those are. Default: those of --data.")
    private @Nullable Path compareData;

    @Option(names = "--json", description = "Print one JSON object instead of words.")
    private boolean json;

    /**
     * What a threshold costs and scores.
     *
     * @param choice of a threshold; null of a model of one stage, which has none
     */
    private record Found(Calibrator.@Nullable Choice choice, SweepRow row) {
        List<Double> thresholds() {
            return choice == null ? List.of() : List.of(choice.threshold());
        }
    }

    @Override
    public Integer call() throws IOException {
        Target wanted = target == null ? null : parse(target);
        pixels.look.check();
        Path directory = input.modelDirectory();
        if (save) {
            if (input.preprocessing.given() != null) {
                throw usage("--save stores a threshold for pictures as the model prepares them; leave out "
                        + input.preprocessing.given() + ", or convert the model with it first");
            }
            requireStore(directory);
        } else if (compareData != null) {
            throw usage(
                    "--compare-data " + Printable.of(compareData.toString()) + " is for what --save keeps; add --save");
        }
        Precision asked = input.precision();
        Precision precision = asked == null ? Precision.FP32 : asked; // of what others are compared with
        try (ElasticClassifier classifier = input.open(precision, err())) {
            ModelConfig config = classifier.config();
            if (wanted == null && config.network().stages() > 1) {
                throw usage("--target says what the threshold is to reach; only a model of one stage needs none");
            }
            if (wanted != null && config.network().stages() == 1) {
                throw usage(
                        "--target: a model of one stage has no threshold to calibrate; leave it out, and --save keeps"
                                + " with the model what can be measured all the same");
            }
            if (pixels.isFor(config, input)) {
                if (compareData != null) {
                    throw usage("--compare-data: of a Segmenter, precisions are not compared");
                }
                calibrate(ElasticSegmenter.of(classifier), wanted, directory);
                return 0;
            }
            if (compareData != null && !isExact(directory, classifier)) {
                throw usage(
                        "--compare-data is for a model that computes in fp32 on the processor, with which other"
                                + " precisions are compared; an export, --device cuda and other precisions are compared with none");
            }
            ImageFolder folder = input.folder(config, err());
            List<Sample> samples = input.samples(folder);
            // before anything is kept of a model that then could not be compared
            List<Sample> compared = compareData == null || comparesItsOwn()
                    ? samples
                    : input.samples(input.folder(compareData, config, err()));
            Recording recording = input.record(classifier, samples, err());
            Found found = find(recording, wanted);
            Path saved = save ? save(directory, config, recording, found, Others.NONE) : null;
            Others agreements = save ? others(directory, classifier, samples, recording, compared, found) : Others.NONE;
            if (!agreements.equals(Others.NONE)) {
                saved = save(directory, config, recording, found, agreements);
            }
            out().println(
                            json
                                    ? json(directory, folder, recording, found, agreements)
                                    : text(recording, found, agreements));
            if (saved != null) {
                err().println("saved to " + saved);
            }
            out().flush();
        }
        return 0;
    }

    private void calibrate(ElasticSegmenter segmenter, @Nullable Target wanted, Path directory) throws IOException {
        ModelConfig config = segmenter.config();
        SegmentationSet set = pixels.set(config, input);
        PixelRecording recording = pixels.record(segmenter, set, input, List.of(), err());
        PixelCalibrator.Choice choice = wanted == null ? null : new PixelCalibrator(recording).choose(wanted);
        String router = recording.router().id();
        Path saved = null;
        if (save) {
            Routing.Calibration calibration = new Routing.Calibration(
                    data(),
                    recording.pictures().size(),
                    choice == null ? ALWAYS : choice.target().toString(),
                    choice == null ? List.of() : choice.curve(),
                    null,
                    null);
            List<Double> thresholds = choice == null ? List.of() : List.of(choice.threshold());
            saved = save(directory, config, new Routing(router, thresholds, calibration));
            if (!input.backend.isExported(directory)
                    && !input.backend.isOnDevice()
                    && segmenter.model().precision() == Precision.FP32
                    && Precision.INT8.isHere()) {
                measureRanges(
                        directory,
                        input.samples(set.samples()),
                        (watching, some) ->
                                pixels.record(ElasticSegmenter.of(watching), set, some, input, List.of(), err()));
            }
            String given = pixels.look.given();
            if (given != null && choice != null) {
                err().println("note: the threshold is one for pictures as they were looked at here (" + given
                        + "); give 'segment' the same options");
            }
        }
        out().println(json ? json(directory, set, recording, choice) : text(router, recording, choice));
        if (saved != null) {
            err().println("saved to " + saved);
        }
        out().flush();
    }

    private static String text(String router, PixelRecording recording, PixelCalibrator.@Nullable Choice choice) {
        if (choice == null) {
            PixelRow all = new PixelSweep(recording).alwaysThink();
            return String.format(
                    Locale.ROOT,
                    "one stage, no threshold: mIoU %.2f %%, %.4f GMACs a picture, on %,d pictures in %,d windows",
                    all.meanIou(),
                    all.gmacs(),
                    all.pictures(),
                    all.windows());
        }
        PixelRow row = choice.row();
        PixelRow always = choice.alwaysThink();
        return String.format(
                Locale.ROOT,
                "threshold %s of %s for %s, on %,d pictures in %,d windows%n"
                        + "                 chosen   always thinking%n"
                        + "mIoU %%        %8.2f          %8.2f%n"
                        + "pixels right %%%8.2f          %8.2f%n"
                        + "GMACs         %8.4f          %8.4f   (%.0f %% saved)%s",
                choice.threshold(),
                router,
                choice.target(),
                row.pictures(),
                row.windows(),
                row.meanIou(),
                always.meanIou(),
                row.pixelAccuracy(),
                always.pixelAccuracy(),
                row.gmacs(),
                always.gmacs(),
                100 * (1 - row.gmacs() / always.gmacs()),
                shares(recording.stages(), row::shareNeeding, always::shareNeeding));
    }

    /** A line of each stage that not all need. */
    private static String shares(int stages, IntToDoubleFunction chosen, IntToDoubleFunction always) {
        StringBuilder lines = new StringBuilder();
        for (int stage = 2; stage <= stages; stage++) {
            lines.append(String.format(
                    Locale.ROOT,
                    "%nstage %d %%     %8.1f          %8.1f",
                    stage,
                    100 * chosen.applyAsDouble(stage),
                    100 * always.applyAsDouble(stage)));
        }
        return lines.toString();
    }

    private String json(
            Path directory, SegmentationSet set, PixelRecording recording, PixelCalibrator.@Nullable Choice choice) {
        ObjectNode root = JsonOutput.root();
        root.put("model", Models.given(directory));
        root.put("data", input.data.toString());
        root.put("part", set.part());
        root.put("images", recording.pictures().size());
        DataOptions.putSkipped(root, recording.skipped());
        root.put("windows", recording.windows());
        root.put("router", recording.router().id());
        int stages = recording.stages();
        if (choice == null) {
            put(root, new PixelSweep(recording).alwaysThink(), stages);
        } else {
            root.put("target", choice.target().toString());
            root.put("threshold", choice.threshold());
            put(root, choice.row(), stages);
            put(root.putObject("always_think"), choice.alwaysThink(), stages);
        }
        root.put("saved", save);
        return JsonMapper.builder().build().writeValueAsString(root);
    }

    private static void put(ObjectNode node, PixelRow row, int stages) {
        PixelEvaluation.put(node, row);
        for (int stage = 2; stage <= stages; stage++) {
            node.put("stage" + stage + "_share", row.shareNeeding(stage));
        }
    }

    private static Found find(Recording recording, @Nullable Target wanted) {
        if (wanted == null) {
            return new Found(null, new ThresholdSweep(recording).alwaysThink());
        }
        Calibrator.Choice choice = new Calibrator(recording).choose(wanted);
        return new Found(choice, choice.row());
    }

    /** A threshold is stored in this program's own configuration, before anything is measured for it. */
    private void requireStore(Path path) throws IOException {
        OutputFolder.refuseCache(path);
        if (Files.isRegularFile(path)
                || (!input.backend.isExported(path) && Files.isDirectory(path) && !ModelDirectory.isOwn(path))) {
            throw new IOException(path + ": --save needs a model directory of this program's own form; 'thinkingvit"
                    + " convert " + path + " DIR' makes one");
        }
    }

    private Target parse(String given) {
        try {
            return Target.parse(given);
        } catch (IllegalArgumentException e) {
            throw usage("--target: " + e.getMessage());
        }
    }

    /** How far other precisions predict the same; null where nobody could compare. */
    private record Others(Routing.@Nullable Agreement bf16, Routing.@Nullable Agreement int8) {
        static final Others NONE = new Others(null, null);
    }

    private Others others(
            Path directory,
            ElasticClassifier classifier,
            List<Sample> samples,
            Recording recording,
            List<Sample> compared,
            Found found)
            throws IOException {
        if (input.backend.isExported(directory)) {
            return Others.NONE;
        }
        boolean exact = isExact(directory, classifier);
        boolean halves = exact && Precision.BF16.hasKernelHere(); // what it predicts is the same where it is slow
        boolean rounds = exact && Precision.INT8.isHere();
        if (!halves) {
            tellNotCompared(Precision.BF16);
        }
        if (!rounds) {
            tellNotCompared(Precision.INT8);
        }
        Recording exactly =
                comparesItsOwn() || !(halves || rounds) ? recording : input.record(classifier, compared, err());
        Routing.Agreement bf16 = halves ? agreement(Precision.BF16, compared, exactly, found) : null;
        if (!rounds) {
            return new Others(bf16, null);
        }
        measureRanges(directory, samples, (watching, some) -> input.record(watching, some, err()));
        return new Others(bf16, agreement(Precision.INT8, compared, exactly, found));
    }

    /** Whether others are compared with what it computes. */
    private boolean isExact(Path directory, ElasticClassifier classifier) throws IOException {
        return classifier.precision() == Precision.FP32
                && !input.backend.isOnDevice()
                && !input.backend.isExported(directory);
    }

    private boolean comparesItsOwn() {
        return compareData == null || compareData.equals(input.data);
    }

    private void tellNotCompared(Precision precision) {
        err().println("note: not compared with " + precision.name().toLowerCase(Locale.ROOT)
                + ", which 'auto' will not take: this needs a processor that has it and computes, and fp32 here");
    }

    private Routing.Agreement agreement(Precision precision, List<Sample> samples, Recording recording, Found found)
            throws IOException {
        try (ElasticClassifier other = input.open(precision, new PrintWriter(Writer.nullWriter()))) {
            Recording again = input.record(other, samples, err());
            Routing.Agreement agreement = recording.agreement(again, found.thresholds());
            return compareData == null ? agreement : agreement.onPicturesOf(name(compareData));
        }
    }

    /** Runs pictures through a model. */
    private interface Running {
        void run(ElasticClassifier model, List<Sample> pictures) throws IOException;
    }

    /** What int8 needs to know, of some of the pictures, spread evenly. */
    private void measureRanges(Path directory, List<Sample> samples, Running running) throws IOException {
        int count = Math.min(RANGES_OF, samples.size());
        List<Sample> some = IntStream.range(0, count)
                .mapToObj(i -> samples.get((int) ((long) i * samples.size() / count)))
                .toList();
        ActivationRanges ranges = new ActivationRanges();
        try (ElasticClassifier watching = input.backend.watch(directory, input.preprocessing, ranges)) {
            running.run(watching, some);
        }
        ModelDirectory.Model model = input.backend.model(directory);
        if (model != null) {
            err().println("saved to " + RangesFile.write(model, ranges, count));
        }
    }

    /** Returns the file that was replaced. */
    private Path save(Path directory, ModelConfig config, Recording recording, Found found, Others others)
            throws IOException {
        Calibrator.Choice choice = found.choice;
        return save(
                directory,
                config,
                new Routing(
                        recording.router().id(),
                        found.thresholds(),
                        new Routing.Calibration(
                                data(),
                                recording.images().size(),
                                choice == null ? ALWAYS : choice.target().toString(),
                                choice == null ? List.of() : choice.curve(),
                                others.bf16,
                                others.int8,
                                tokenDepth(recording))));
    }

    private static Routing.@Nullable TokenDepth tokenDepth(Recording recording) {
        TokenDepths depths = recording.tokenDepths();
        return depths == null
                ? null
                : new Routing.TokenDepth(
                        depths.mean(),
                        depths.least(),
                        depths.largest(),
                        depths.ponder(),
                        new ThresholdSweep(recording).alwaysThink().gmacs());
    }

    private String data() {
        return name(input.data);
    }

    private static String name(Path data) {
        Path name = data.toAbsolutePath().normalize().getFileName();
        return name == null ? data.toString() : name.toString();
    }

    private Path save(Path directory, ModelConfig config, Routing routing) throws IOException {
        if (!input.backend.isExported(directory)) {
            ModelDirectory.writeConfig(directory, config.withRouting(routing));
            return directory.resolve(ModelDirectory.CONFIG);
        }
        ExportedModel.read(directory).withConfig(config.withRouting(routing)).writeDescription();
        return directory.resolve(ExportedModel.DESCRIPTION);
    }

    private static String text(Recording recording, Found found, Others others) {
        String precisions = text("bf16", others.bf16, Routing.Agreement::predictsTheSame)
                + text("int8", others.int8, Routing.Agreement::predictsNearlyTheSame);
        Calibrator.Choice choice = found.choice;
        SweepRow row = found.row;
        if (choice == null) {
            return String.format(
                            Locale.ROOT,
                            "one stage, no threshold: top-1 %.2f %%, %.4f GMACs, on %,d images",
                            row.top1(),
                            row.gmacs(),
                            row.images())
                    + precisions;
        }
        SweepRow always = choice.alwaysThink();
        return String.format(
                Locale.ROOT,
                "threshold %s of %s for %s, on %,d images%n"
                        + "                 chosen   always thinking%n"
                        + "top-1 %%       %8.2f          %8.2f%n"
                        + "GMACs         %8.4f          %8.4f   (%.0f %% saved)%s%s",
                choice.threshold(),
                recording.router().id(),
                choice.target(),
                row.images(),
                row.top1(),
                always.top1(),
                row.gmacs(),
                always.gmacs(),
                100 * (1 - row.gmacs() / always.gmacs()),
                shares(row.stages().size(), row::shareNeeding, always::shareNeeding),
                precisions);
    }

    private static String text(
            String precision, Routing.@Nullable Agreement agreement, Predicate<Routing.Agreement> isEnough) {
        if (agreement == null) {
            return "";
        }
        return String.format(
                Locale.ROOT,
                "%n%s predicts the same for %.2f %% of %,d images, top-1 %+.2f points: %s",
                precision,
                agreement.sameTop1(),
                agreement.images(),
                agreement.top1Difference(),
                use(agreement, isEnough));
    }

    private static String use(Routing.Agreement agreement, Predicate<Routing.Agreement> isEnough) {
        if (!isEnough.test(agreement)) {
            return "used only when asked for";
        }
        return Objects.requireNonNullElse(agreement.images(), 0) >= ElasticClassifier.ENOUGH_IMAGES
                ? "used where it is faster"
                : "used only when asked for, since of fewer than " + ElasticClassifier.ENOUGH_IMAGES + " images";
    }

    private String json(Path directory, ImageFolder folder, Recording recording, Found found, Others others) {
        ObjectNode root = JsonOutput.root();
        root.put("model", Models.given(directory));
        root.put("data", input.data.toString());
        root.put("images", recording.images().size());
        DataOptions.putSkipped(root, recording.skipped());
        DataOptions.putPassedOver(root, folder.passedOver());
        root.put("router", recording.router().id());
        Calibrator.Choice choice = found.choice;
        if (choice != null) {
            root.put("target", choice.target().toString());
            root.put("threshold", choice.threshold());
        }
        put(root, found.row);
        if (choice != null) {
            put(root.putObject("always_think"), choice.alwaysThink());
        }
        put(root, "bf16", others.bf16);
        put(root, "int8", others.int8);
        root.put("saved", save);
        return JsonMapper.builder().build().writeValueAsString(root);
    }

    private void put(ObjectNode root, String precision, Routing.@Nullable Agreement agreement) {
        if (agreement != null) {
            root.putObject(precision)
                    .put("same_top1", agreement.sameTop1())
                    .put("top1_difference", agreement.top1Difference())
                    .put("images", agreement.images())
                    .put("data", Objects.requireNonNullElse(agreement.data(), data()));
        }
    }

    private static void put(ObjectNode node, SweepRow row) {
        node.put("top1", row.top1());
        node.put("top5", row.top5());
        node.put("gmacs", row.gmacs());
        for (int stage = 2; stage <= row.stages().size(); stage++) {
            node.put("stage" + stage + "_share", row.shareNeeding(stage));
        }
    }
}
