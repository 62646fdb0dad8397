package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.verify.TrainingVerification;
import dev.thinkingvit.verify.Verification;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Compares a model with recorded activations, or the trainer with a recorded training. */
@Command(
        name = "verify",
        description = {
            "Compare a model, or the trainer, with what another implementation recorded.",
            "A model: runs the recorded input through every stage in fp32, and through the elastic engine at every"
                    + " recorded threshold.",
            "The trainer (--training): repeats the recorded steps in fp32, and compares every loss, gradient, weight and"
                    + " averaged weight.",
            "Exits with 1 if a tensor differs by more than the tolerance, is missing, cannot be compared, or is of an"
                    + " unknown kind."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit verify my-model",
            "  thinkingvit verify my-model --expected recorded.safetensors \\",
            "      --tolerance 1e-3 --json",
            "  thinkingvit verify --training my-recorded-training"
        })
final class VerifyCommand extends BaseCommand {
    private static final String RECORDING = "expected.safetensors";

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description = "Model directory, checkpoint file or exported model.")
    private @Nullable Path model;

    @Option(
            names = "--training",
            paramLabel = "DIR",
            description = "Instead of a model: directory with config.json, the weights that a training began with, and"
                    + " its recording.")
    private @Nullable Path training;

    @Option(
            names = "--expected",
            paramLabel = "FILE",
            description = "The recording. Default: expected.safetensors in the model's directory or beside its file,"
                    + " training.safetensors in the training's.")
    private @Nullable Path expected;

    @Option(
            names = "--tolerance",
            paramLabel = "X",
            description =
                    "Largest difference allowed; ten times that for a tensor with a value beyond 10. Of a training"
                            + " relative to a tensor's largest value, and at least 1e-6. Default: ${DEFAULT-VALUE}.")
    private double tolerance = Verification.DEFAULT_TOLERANCE;

    @Mixin
    private final BackendOption backend = new BackendOption();

    @Option(names = "--json", description = "Print the verdict as JSON.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (!(tolerance > 0) || Double.isInfinite(tolerance)) {
            throw usage("--tolerance must be a number above 0, got " + tolerance);
        }
        Verification verdict;
        if (model != null && training == null) {
            verdict = activations(model);
        } else if (training != null && model == null) {
            verdict = training(training);
        } else {
            throw usage("either MODEL or --training DIR is required");
        }
        if (json) {
            out().println(json(verdict).toPrettyString());
        } else {
            print(verdict);
        }
        out().flush();
        return verdict.passed() ? 0 : Main.FAILED;
    }

    private Verification activations(Path path) throws IOException {
        Path beside = Files.isRegularFile(path) ? path.resolveSibling(RECORDING) : path.resolve(RECORDING);
        Path recording = expected != null ? expected : beside;
        if (expected == null && Files.exists(path) && Files.notExists(beside)) {
            throw new IOException(beside + ": " + Reasons.NO_SUCH_FILE + ", and --expected names no other recording");
        }
        try (ElasticClassifier opened = backend.open(path, Precision.FP32, err());
                Backbone unpruned = backend.openUnpruned(path)) {
            return Verification.of(
                    opened.engine().backbone(),
                    backend.model(path),
                    recording,
                    tolerance,
                    backend.ownWeights(),
                    unpruned);
        }
    }

    private Verification training(Path directory) {
        // published weights may hold more than the network reads
        ModelDirectory.Model start = Files.exists(directory.resolve(ModelDirectory.CONFIG))
                ? ModelImport.read(directory, null, Weights.AUTO).model()
                : ModelDirectory.read(directory);
        Path recording = expected != null ? expected : directory.resolve(TrainingVerification.RECORDING);
        return TrainingVerification.of(start, recording, tolerance);
    }

    private void print(Verification verdict) {
        int width = 0;
        for (Verification.Line line : verdict.lines()) {
            width = Math.max(width, line.name().length());
        }
        for (Verification.Line line : verdict.lines()) {
            String difference =
                    Double.isNaN(line.largestDifference()) ? "-" : String.format("%.2e", line.largestDifference());
            out().printf(
                            "%-" + width + "s  %8s  %s%s%n",
                            line.name(),
                            difference,
                            line.ok() ? "ok" : "OUT",
                            line.note().isEmpty() ? "" : "  " + line.note());
        }
        int count = (int) verdict.lines().stream()
                .filter(line -> !line.ok() || !Double.isNaN(line.largestDifference()))
                .count();
        out().println(
                        verdict.passed()
                                ? "all " + count + (training == null ? " tensors" : " losses and tensors")
                                        + " agree within " + verdict.tolerance()
                                        + (training == null
                                                ? ""
                                                : " of their largest value, or " + TrainingVerification.FLOOR)
                                : verdict.failures() + " of " + count + " OUT at tolerance " + verdict.tolerance());
    }

    private static ObjectNode json(Verification verdict) {
        ObjectNode root = JsonOutput.root();
        root.put("ok", verdict.passed());
        root.put("tolerance", verdict.tolerance());
        ArrayNode tensors = root.putArray("tensors");
        for (Verification.Line line : verdict.lines()) {
            ObjectNode tensor = tensors.addObject();
            tensor.put("name", line.name());
            if (Double.isNaN(line.largestDifference())) {
                tensor.putNull("largest_difference"); // JSON has no NaN
            } else {
                tensor.put("largest_difference", line.largestDifference());
            }
            tensor.put("allowed", line.allowed());
            tensor.put("ok", line.ok());
            if (!line.note().isEmpty()) {
                tensor.put("note", line.note());
            }
        }
        return root;
    }
}
