package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Checkpoints;
import dev.thinkingvit.checkpoint.ModelConfig;
import dev.thinkingvit.checkpoint.ModelDirectory;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.HorizontalFlip;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.PictureTransform;
import dev.thinkingvit.data.Preprocessing;
import dev.thinkingvit.data.RandomCrop;
import dev.thinkingvit.data.RandomResizedCrop;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.WarmStart;
import dev.thinkingvit.train.AdamW;
import dev.thinkingvit.train.Mixing;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainingListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Trains a model. */
@Command(
        name = "train",
        description = {
            "Train a ThinkingViT on a folder-per-class data set.",
            "Writes a model directory; the weights are saved after every epoch."
        },
        footer = {
            "",
            "Example:",
            "  thinkingvit train --data cifar10/train --out my-model --epochs 30 --mixup 0.2 --cutmix 0.5"
        })
final class TrainCommand extends BaseCommand {
    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR",
            description = "Training pictures, one folder a class.")
    @SuppressWarnings("NullAway.Init")
    private Path data;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where the model goes.")
    @SuppressWarnings("NullAway.Init")
    private Path out;

    @Option(
            names = "--stages",
            split = ",",
            paramLabel = "HEADS",
            description = "Heads of each stage, growing. Default: 3,6.")
    private List<Integer> stages = List.of(3, 6);

    @Option(names = "--head-dim", paramLabel = "N", description = "Width of a head. Default: ${DEFAULT-VALUE}.")
    private int headDim = 32;

    @Option(names = "--depth", paramLabel = "N", description = "Number of blocks. Default: ${DEFAULT-VALUE}.")
    private int depth = 6;

    @Option(names = "--image-size", paramLabel = "PX", description = "Input size. Default: ${DEFAULT-VALUE}.")
    private int imageSize = 32;

    @Option(names = "--patch-size", paramLabel = "PX", description = "Patch size. Default: ${DEFAULT-VALUE}.")
    private int patchSize = 4;

    @Option(names = "--epochs", paramLabel = "N", description = "Passes over the data. Default: ${DEFAULT-VALUE}.")
    private int epochs = Recipe.cifar10().epochs();

    @Option(names = "--batch-size", paramLabel = "N", description = "Images a step. Default: ${DEFAULT-VALUE}.")
    private int batchSize = Recipe.cifar10().batchSize();

    @Option(names = "--lr", paramLabel = "X", description = "Peak learning rate. Default: ${DEFAULT-VALUE}.")
    private double learningRate = Recipe.cifar10().learningRate();

    @Option(names = "--min-lr", paramLabel = "X", description = "Final learning rate. Default: ${DEFAULT-VALUE}.")
    private double minLearningRate = Recipe.cifar10().minLearningRate();

    @Option(names = "--warmup-lr", paramLabel = "X", description = "First learning rate. Default: ${DEFAULT-VALUE}.")
    private double warmupLearningRate = Recipe.cifar10().warmupLearningRate();

    @Option(
            names = "--warmup-epochs",
            paramLabel = "N",
            description = "Epochs of linear warm-up. Default: 2, or fewer in a short training.")
    private @Nullable Integer warmupEpochs;

    @Option(names = "--weight-decay", paramLabel = "X", description = "AdamW's. Default: ${DEFAULT-VALUE}.")
    private double weightDecay = 0.05;

    @Option(names = "--drop-path", paramLabel = "P", description = "Stochastic depth. Default: ${DEFAULT-VALUE}.")
    private double dropPath;

    @Option(names = "--smoothing", paramLabel = "P", description = "Label smoothing. Default: ${DEFAULT-VALUE}.")
    private double smoothing = Recipe.cifar10().labelSmoothing();

    @Option(names = "--mixup", paramLabel = "ALPHA", description = "Mixup, 0 for none. Default: ${DEFAULT-VALUE}.")
    private double mixup;

    @Option(names = "--cutmix", paramLabel = "ALPHA", description = "Cutmix, 0 for none. Default: ${DEFAULT-VALUE}.")
    private double cutmix;

    @Option(
            names = "--mix-prob",
            paramLabel = "P",
            description = "Share of the batches that are mixed. Default: ${DEFAULT-VALUE}.")
    private double mixProbability = 1;

    @Option(
            names = "--crop",
            paramLabel = "KIND",
            description = "pad (random crop of the padded picture) or resized (random resized crop). Default: pad up to"
                    + " 64 pixels, resized above.")
    private @Nullable Crop crop;

    @Option(
            names = "--stage-weights",
            split = ",",
            paramLabel = "W",
            description = "Weight of each stage's loss. Default: equal.")
    private List<Double> stageWeights = List.of();

    @Option(
            names = "--ema",
            paramLabel = "DECAY",
            description = "Decay of the moving average of the weights, 0 for none. Default: ${DEFAULT-VALUE}.")
    private double emaDecay = Recipe.cifar10().emaDecay();

    @Option(
            names = "--precision",
            paramLabel = "P",
            description = "fp32 or bf16. Default: bf16 where the processor has it.")
    private Precision precision = Recipe.cifar10().precision();

    @Option(
            names = "--init",
            paramLabel = "FILE",
            description = "Start from the weights of a plain ViT or DeiT, at least as wide, cut to the leading slices."
                    + " What it lacks starts at random.")
    private @Nullable Path init;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of all chance. Default: ${DEFAULT-VALUE}.")
    private long seed = 1;

    @Option(names = "--workers", paramLabel = "N", description = "Threads that load pictures. Default: 1.")
    private int workers = 1;

    @Option(names = "--force", description = "Replace the model in OUT if there is one.")
    private boolean force;

    private enum Crop {
        PAD,
        RESIZED
    }

    @Override
    public Integer call() throws IOException {
        OutputFolder.refuseToOverwrite(out, force);
        ImageFolder folder = ImageFolder.open(data);
        if (folder.samples().size() < batchSize) {
            throw usage(String.format(
                    "%s has %d pictures, which do not fill one batch of %d; lower --batch-size",
                    data, folder.samples().size(), batchSize));
        }
        int heads = stages.isEmpty() ? 1 : stages.get(stages.size() - 1);
        ThinkingViTConfig network = new ThinkingViTConfig(
                imageSize,
                patchSize,
                heads * headDim,
                depth,
                heads,
                stages,
                folder.classNames().size(),
                ThinkingViTConfig.DEFAULT_NORM_EPS);
        Recipe recipe = recipe();
        Preprocessing preprocessing = Preprocessing.imagenet(imageSize, imageSize <= 64 ? 1.0 : 0.9);
        ModelConfig config = ModelConfig.of(network)
                .withPreprocessing(preprocessing)
                .withLabels(folder.classNames())
                .withTraining(provenance());
        err().printf(
                        "%s, %,d parameters; %,d pictures of %d classes; %s%n",
                        network.shorthand(),
                        network.parameterCount(),
                        folder.samples().size(),
                        network.numClasses(),
                        recipe.precision());
        try (ThinkingViT model = firstModel(network);
                Trainer trainer = new Trainer(model, recipe);
                BatchLoader loader = BatchLoader.of(folder.samples(), augmentation(), preprocessing)
                        .batchSize(batchSize)
                        .shuffle(seed)
                        .dropLast()
                        .workers(workers)
                        .cacheBytes(512L << 20)
                        .skipBroken(failure -> err().println("skipped: " + failure.message()))
                        .open()) {
            for (int epoch = 0; epoch < epochs; epoch++) {
                TrainingListener.Epoch done = epoch(epoch, trainer, loader);
                ModelDirectory.write(out, config, trainer.weights());
                err().printf(
                                "epoch %d/%d: loss %s, %.0f images/s, %.0f %% waiting for pictures%n",
                                epoch + 1,
                                epochs,
                                losses(done.losses()),
                                done.imagesPerSecond(),
                                100 * done.loadingShare());
            }
        }
        out().println("wrote " + out);
        return 0;
    }

    private ThinkingViT firstModel(ThinkingViTConfig network) {
        if (init == null) {
            return ThinkingViT.initialise(network, seed);
        }
        StateDict source = Checkpoints.read(init, Weights.AUTO);
        WarmStart start = WarmStart.of(source.tensors(), network, seed);
        start.warnings().forEach(warning -> err().println("warning: " + warning));
        if (start.copied().isEmpty()) {
            throw new CheckpointException(
                    source.file(),
                    "none of its tensors can start a " + network.shorthand() + " model of width " + network.embedDim());
        }
        err().printf(
                        "%d of %d tensors start from %s%n",
                        start.copied().size(), start.weights().size(), source.file());
        return ThinkingViT.of(network, start.weights());
    }

    private Recipe recipe() {
        boolean mixes = mixup > 0 || cutmix > 0;
        return new Recipe(
                epochs,
                batchSize,
                learningRate,
                minLearningRate,
                warmupLearningRate,
                warmupEpochs != null ? warmupEpochs : Math.min(Recipe.cifar10().warmupEpochs(), epochs - 1),
                true,
                new AdamW.Options(0.9, 0.999, 1e-8, weightDecay),
                dropPath,
                smoothing,
                mixes ? new Mixing.Options(mixup, cutmix, mixProbability, 0.5) : Mixing.Options.NONE,
                stageWeights,
                emaDecay,
                precision,
                seed);
    }

    private PictureTransform augmentation() {
        Crop kind = crop != null ? crop : imageSize <= 64 ? Crop.PAD : Crop.RESIZED;
        return PictureTransform.chain(
                kind == Crop.PAD ? new RandomCrop(imageSize, imageSize / 8) : RandomResizedCrop.standard(imageSize),
                new HorizontalFlip(0.5));
    }

    private ObjectNode provenance() {
        ObjectNode training = JsonNodeFactory.instance.objectNode();
        training.put(
                "command",
                spec.commandLine().getParent().getParseResult().originalArgs().stream()
                        .map(TrainCommand::withoutMachinesFolders)
                        .collect(Collectors.joining(" ", "thinkingvit ", "")));
        training.put("seed", seed);
        training.put("version", Version.text());
        training.put("java", Runtime.version().toString());
        return training;
    }

    /** A model travels; where things lay on the machine that trained it is nobody's business. */
    private static String withoutMachinesFolders(String argument) {
        int start = argument.startsWith("--") ? argument.indexOf('=') + 1 : 0;
        String value = argument.substring(start);
        Path path = Path.of(value);
        int names = path.getNameCount();
        if (!path.isAbsolute() || names == 0) {
            return argument;
        }
        return argument.substring(0, start) + path.subpath(Math.max(0, names - 2), names);
    }

    private TrainingListener.Epoch epoch(int number, Trainer trainer, BatchLoader loader) throws IOException {
        try (ProgressBar bar = Progress.of("epoch " + (number + 1) + "/" + epochs, 1, err())) {
            return trainer.epoch(number, loader, new TrainingListener() {
                @Override
                public void onStep(Step step) {
                    bar.maxHint(step.stepsPerEpoch());
                    bar.setExtraMessage(" loss " + losses(step.losses()));
                    bar.stepTo(step.step() + 1);
                }
            });
        }
    }

    private static String losses(List<Double> losses) {
        return losses.stream().map(loss -> String.format("%.3f", loss)).collect(Collectors.joining(" / "));
    }
}
