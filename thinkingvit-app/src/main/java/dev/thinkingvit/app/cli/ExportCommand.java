package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.Words;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.store.RangesFile;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes a model for other runtimes. */
@Command(
        name = "export",
        description = {
            "Write a model for other runtimes: one ONNX graph a stage (opset 17, any batch size).",
            "images [, previous_tokens] go in; logits and tokens come out, the tokens for the next stage."
                    + " thinkingvit.json names stages, router, thresholds, preprocessing and labels. The weights of all"
                    + " stages are in weights.bin, nothing twice."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit export --format onnx --out exported",
            "  thinkingvit export --format onnx --model my-model --out exported --embed",
            "  thinkingvit export --model my-model --out to-quantise --fold",
            "  thinkingvit export --model my-model --out exported --int8",
            "  thinkingvit classify --model exported samples"
        })
final class ExportCommand extends BaseCommand {
    @Option(
            names = "--model",
            paramLabel = "MODEL",
            description = "Model directory or checkpoint file. Default: the shipped model.")
    private @Nullable Path model;

    @Mixin
    private final CheckpointOptions checkpoint = new CheckpointOptions();

    @Mixin
    private final PreprocessingOptions preprocessing = new PreprocessingOptions();

    @Option(names = "--format", paramLabel = "F", description = "onnx, the default and so far the only one.")
    private Format format = Format.ONNX;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "The folder to write.")
    @SuppressWarnings("NullAway.Init")
    private Path target;

    @Option(
            names = "--embed",
            description =
                    "Put each stage's weights into its graph, matrices whole, so that it needs no other file; at most"
                            + " 2 GB each.")
    private boolean embed;

    @Option(
            names = "--fold",
            description =
                    "Write each stage's matrices whole into weights.bin, as quantisers and optimizers of graphs look"
                            + " for them, instead of in parts that stages share.")
    private boolean fold;

    @Option(
            names = "--int8",
            description = "Write linear layers in eight bits, as QuantizeLinear and DequantizeLinear with the scales of"
                    + " --precision int8. Needs the int8.ranges that 'calibrate --save' puts beside the weights.")
    private boolean int8;

    @Option(names = "--force", description = "Replace the model in the folder if there is one.")
    private boolean force;

    @Option(
            names = "--no-lock",
            description = "Go on where the folder's file system has no locks. Nothing but you keeps a second export out"
                    + " of it then.")
    private boolean unlocked;

    private enum Format {
        ONNX
    }

    @Override
    public Integer call() throws IOException {
        if (embed && fold) {
            throw usage("--fold is for weights in a file of their own; with --embed matrices are whole already");
        }
        PreprocessingChange change = preprocessing.change();
        OutputFolder.refuseToOverwrite(target, force);
        ModelImport.Imported imported = checkpoint.read(Models.directory(model));
        CheckpointOptions.tell(imported, change, err());
        ModelDirectory.Model read = imported.model().with(change);
        ExportedModel exported =
                switch (format) {
                    case ONNX ->
                        OnnxExport.write(
                                target,
                                read.config(),
                                read.weights(),
                                int8 ? RangesFile.required(imported.model()) : null,
                                layout(),
                                Version.text(),
                                !unlocked);
                };
        int stages = exported.stages().size();
        out().printf(
                        "wrote %s: %s%s, %s%s, %.1f MB%n",
                        target,
                        read.config().network().shorthand(),
                        int8 ? " in int8" : "",
                        Words.count(stages, "graph"),
                        (embed ? " with " : " and ") + (stages == 1 ? "its" : "their") + " weights",
                        exported.fileBytes() / 1e6);
        return 0;
    }

    private OnnxExport.Layout layout() {
        if (embed) {
            return OnnxExport.Layout.EMBEDDED;
        }
        return fold ? OnnxExport.Layout.FOLDED : OnnxExport.Layout.SHARED;
    }
}
