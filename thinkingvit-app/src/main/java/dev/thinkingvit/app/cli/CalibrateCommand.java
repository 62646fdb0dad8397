package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.eval.Calibrator;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.Target;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.Routing;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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
            "Pick the threshold that reaches a target on a folder-per-class data set.",
            "Pictures the model was not trained on give honest numbers."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit calibrate --data cifar10/test --target accuracy-drop=0.5 --save",
            "  thinkingvit calibrate --data cifar10/test --target stage2=40%%"
        })
final class CalibrateCommand extends BaseCommand {
    @Mixin
    private final DataOptions input = new DataOptions();

    @Option(
            names = "--target",
            required = true,
            paramLabel = "TARGET",
            description = "gmacs=G (mean cost of an image, at most), accuracy-drop=P (percentage points lost against"
                    + " always thinking, at most) or stage2=S (share of images that need stage 2, at most: 0.4 or"
                    + " 40%%).")
    @SuppressWarnings("NullAway.Init")
    private String target;

    @Option(names = "--save", description = "Store the threshold and its curve with the model.")
    private boolean save;

    @Option(names = "--json", description = "Print one JSON object instead of words.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Target wanted = parse();
        Path directory = input.modelDirectory();
        if (save) {
            if (input.preprocessing.given() != null) {
                throw usage("--save stores a threshold for pictures as the model prepares them; leave out "
                        + input.preprocessing.given() + ", or convert the model with it first");
            }
            requireStore(directory);
        }
        Precision asked = input.precision();
        Precision precision = asked == null ? Precision.FP32 : asked; // of what others are compared with
        try (ElasticClassifier classifier = input.open(precision, err())) {
            ModelConfig config = classifier.config();
            ImageFolder folder = input.folder(config, err());
            List<Sample> samples = input.samples(folder);
            Recording recording = input.record(classifier, samples, err());
            Calibrator.Choice choice = new Calibrator(recording).choose(wanted);
            Path saved = save ? save(directory, config, recording, choice, null) : null;
            Routing.Agreement bf16 = save ? bf16(directory, classifier, samples, recording, choice) : null;
            if (bf16 != null) {
                saved = save(directory, config, recording, choice, bf16);
            } else if (save && !input.backend.isExported(directory)) {
                err().println(
                                "note: not compared with bf16, which 'auto' will not take: this needs a processor that has"
                                        + " it, and fp32 here");
            }
            out().println(json ? json(directory, folder, recording, choice, bf16) : text(recording, choice, bf16));
            if (saved != null) {
                err().println("saved to " + saved);
            }
            out().flush();
        }
        return 0;
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

    private Target parse() {
        try {
            return Target.parse(target);
        } catch (IllegalArgumentException e) {
            throw usage("--target: " + e.getMessage());
        }
    }

    /** How far bf16 predicts the same; null where it is not the faster one, or not what fp32 is compared with. */
    private Routing.@Nullable Agreement bf16(
            Path directory,
            ElasticClassifier classifier,
            List<Sample> samples,
            Recording recording,
            Calibrator.Choice choice)
            throws IOException {
        if (classifier.precision() != Precision.FP32
                || input.backend.isExported(directory)
                || !Precision.BF16.isFastHere()) {
            return null;
        }
        try (ElasticClassifier other = input.open(Precision.BF16, new PrintWriter(Writer.nullWriter()))) {
            Recording again = input.record(other, samples, err());
            return recording.agreement(again, List.of(choice.threshold()));
        }
    }

    /** Returns the file that was replaced. */
    private Path save(
            Path directory,
            ModelConfig config,
            Recording recording,
            Calibrator.Choice choice,
            Routing.@Nullable Agreement bf16)
            throws IOException {
        Path name = input.data.toAbsolutePath().normalize().getFileName();
        Routing.Calibration calibration = new Routing.Calibration(
                name == null ? input.data.toString() : name.toString(),
                recording.images().size(),
                choice.target().toString(),
                choice.curve(),
                bf16);
        Routing routing = new Routing(recording.router().id(), List.of(choice.threshold()), calibration);
        if (!input.backend.isExported(directory)) {
            ModelDirectory.writeConfig(directory, config.withRouting(routing));
            return directory.resolve(ModelDirectory.CONFIG);
        }
        ExportedModel.read(directory).withConfig(config.withRouting(routing)).writeDescription();
        return directory.resolve(ExportedModel.DESCRIPTION);
    }

    private static String text(Recording recording, Calibrator.Choice choice, Routing.@Nullable Agreement bf16) {
        SweepRow row = choice.row();
        SweepRow always = choice.alwaysThink();
        return String.format(
                Locale.ROOT,
                "threshold %s of %s for %s, on %,d images%n"
                        + "                 chosen   always thinking%n"
                        + "top-1 %%       %8.2f          %8.2f%n"
                        + "GMACs         %8.4f          %8.4f   (%.0f %% saved)%n"
                        + "stage 2 %%     %8.1f          %8.1f%s",
                choice.threshold(),
                recording.router().id(),
                choice.target(),
                row.images(),
                row.top1(),
                always.top1(),
                row.gmacs(),
                always.gmacs(),
                100 * (1 - row.gmacs() / always.gmacs()),
                100 * row.shareNeeding(2),
                100 * always.shareNeeding(2),
                bf16 == null ? "" : text(bf16));
    }

    private static String text(Routing.Agreement bf16) {
        return String.format(
                Locale.ROOT,
                "%nbf16 predicts the same for %.2f %%, top-1 %+.2f points: %s",
                bf16.sameTop1(),
                bf16.top1Difference(),
                bf16.predictsTheSame() ? "used where it is faster" : "used only when asked for");
    }

    private String json(
            Path directory,
            ImageFolder folder,
            Recording recording,
            Calibrator.Choice choice,
            Routing.@Nullable Agreement bf16) {
        ObjectNode root = JsonOutput.root();
        root.put("model", Models.given(directory));
        root.put("data", input.data.toString());
        root.put("images", recording.images().size());
        DataOptions.putSkipped(root, recording.skipped());
        DataOptions.putPassedOver(root, folder.passedOver());
        root.put("router", recording.router().id());
        root.put("target", choice.target().toString());
        root.put("threshold", choice.threshold());
        put(root, choice.row());
        put(root.putObject("always_think"), choice.alwaysThink());
        if (bf16 != null) {
            root.putObject("bf16").put("same_top1", bf16.sameTop1()).put("top1_difference", bf16.top1Difference());
        }
        root.put("saved", save);
        return JsonMapper.builder().build().writeValueAsString(root);
    }

    private static void put(ObjectNode node, SweepRow row) {
        node.put("top1", row.top1());
        node.put("top5", row.top5());
        node.put("gmacs", row.gmacs());
        node.put("stage2_share", row.shareNeeding(2));
    }
}
