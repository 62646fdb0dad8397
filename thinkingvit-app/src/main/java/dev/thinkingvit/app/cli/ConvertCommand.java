package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelCard;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.store.RangesFile;
import dev.thinkingvit.store.WidthCut;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a model directory of whatever weights come in. */
@Command(
        name = "convert",
        description = {
            "Make a model directory (config.json, model.safetensors and a card, README.md, as on Hugging Face) of a"
                    + " checkpoint.",
            "IN is a trainer's checkpoint (torch.save), a bare safetensors file, a model directory of this program, of"
                    + " timm or transformers, or the index of weights in parts. What no configuration says is taken from"
                    + " the shapes of the weights, or a trainer's args. Nothing in IN is ever run."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit convert checkpoint.pth.tar my-model",
            "  thinkingvit convert checkpoint.pth.tar my-model --config config.json \\",
            "      --weights model",
            "",
            "A configuration may say just what the weights cannot:",
            "  {\"model_args\": {\"num_heads\": 6}}"
        })
final class ConvertCommand extends BaseCommand {
    @Parameters(index = "0", paramLabel = "IN", description = "The weights.")
    @SuppressWarnings("NullAway.Init")
    private Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "The directory to write.")
    @SuppressWarnings("NullAway.Init")
    private Path target;

    @Mixin
    private final CheckpointOptions checkpoint = new CheckpointOptions();

    @Mixin
    private final PreprocessingOptions preprocessing = new PreprocessingOptions();

    @Option(
            names = "--keep-width",
            description =
                    "Keep what no stage reads. Default: a model that is wider than its last stage, as those of the"
                            + " first release are, is cut to that width; its outputs stay the same.")
    private boolean keepWidth;

    @Option(
            names = "--force",
            description = "Replace the model in OUT if there is one. A card that somebody else wrote is kept.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        PreprocessingChange change = preprocessing.change();
        OutputFolder.refuseToOverwrite(target, force);
        ModelImport.Imported imported = checkpoint.read(in);
        CheckpointOptions.tell(imported, change, err());
        ModelDirectory.Model given = imported.model().with(change);
        ModelDirectory.Model model = keepWidth ? given : WidthCut.of(given);
        ModelConfig read = model.config();
        ModelCard card = ModelCard.of(in, imported, read, Version.text());
        Path folder = Files.isDirectory(in) ? in : in.toAbsolutePath().getParent();
        boolean leftOut = folder != null && Files.exists(folder.resolve(RangesFile.NAME));
        OutputFolder.write(target, model, card, err());
        if (leftOut) {
            err().println("note: " + RangesFile.NAME
                    + " is not taken along; 'thinkingvit calibrate --save' measures it again");
        }
        out().println("read " + Printable.of(origin(imported.state())));
        int width = imported.model().config().network().numFeatures();
        if (read.network().numFeatures() != width) {
            out().printf(
                            "cut from a width of %d to the last stage's %d; --keep-width leaves what no stage reads%n",
                            width, read.network().numFeatures());
        }
        out().printf(
                        "wrote %s: %s, %,d parameters in %d tensors%n",
                        target,
                        read.network().shorthand(),
                        read.network().parameterCount(),
                        model.weights().size());
        return 0;
    }

    private static String origin(StateDict state) {
        StringBuilder text = new StringBuilder(HubModels.named(state.file().toString()));
        if (!state.entry().isEmpty()) {
            text.append(": ").append(state.entry());
        }
        for (String fact : new String[] {"epoch", "metric"}) {
            Object value = state.facts().get(fact);
            if (value instanceof Number) {
                text.append(", ").append(fact).append(' ').append(value);
            }
        }
        return text.toString();
    }
}
