package dev.thinkingvit.app.cli;

import dev.thinkingvit.distributed.DistributedException;
import dev.thinkingvit.distributed.GroupOptions;
import dev.thinkingvit.distributed.ProcessGroup;
import dev.thinkingvit.distributed.ProcessLauncher;
import dev.thinkingvit.distributed.Rendezvous;
import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.RunPictures;
import dev.thinkingvit.run.TrainingRun;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.TorchDevice;
import dev.thinkingvit.train.FirstWeights;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Teacher;
import dev.thinkingvit.train.TrainingPictures;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Trains a model. */
@Command(
        name = "train",
        sortOptions = false,
        customSynopsis = {
            "thinkingvit train --data DIR --out DIR [--recipe FILE] [OPTIONS]",
            "thinkingvit train --out DIR --resume [OPTIONS]"
        },
        modelTransformer = RecipeOptions.class,
        description = {
            "Train a ThinkingViT, or another elastic network, on a folder-per-class data set; a Segmenter on labelled pixels.",
            "How is a recipe's matter; every key of a recipe is an option here too and then overrides it. OUT keeps the"
                    + " last and the best model, a history, and what is needed to go on: --resume continues a training"
                    + " that was stopped or died, wherever it was, as if nothing had happened."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit train --data cifar10/train --val cifar10/test --out run",
            "  thinkingvit train --out run --resume",
            "  thinkingvit train --data cifar10/train --holdout 1000 --epochs 10 \\",
            "      --processes 2 --out run",
            "  thinkingvit train --recipe imagenet-deit-3h-6h --data imagenet/train \\",
            "      --val imagenet/val --init deit_tiny_patch16_224.pth \\",
            "      --grad-accum-steps 8 --out run",
            "  thinkingvit train --data cifar10/train --val cifar10/test \\",
            "      --teacher teacher --out run",
            "  thinkingvit train --recipe finetune-deit-tiny --data pictures --holdout 100 \\",
            "      --init hf-hub:timm/deit_tiny_patch16_224.fb_in1k --out own"
        })
final class TrainCommand extends BaseCommand {
    private static final double NANOS = 1e9;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private RunOptions run;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "Threads that decode and augment pictures ahead. Default: ${DEFAULT-VALUE}.")
    private int workers = 1;

    @Option(
            names = "--save-seconds",
            paramLabel = "S",
            description = "How often to save within an epoch. Default: 300, or as the training began that goes on.")
    private @Nullable Double saveSeconds;

    @Option(
            names = "--history",
            paramLabel = "N",
            description = "Epochs of which the models are kept. Default: 3, or as the training began that goes on.")
    private @Nullable Integer history;

    @Option(
            names = "--save-pth",
            description = "Also keep last.pth.tar and model_best.pth.tar in OUT, written as timm does, for Python.")
    private boolean savePth;

    @Option(
            names = "--processes",
            paramLabel = "N",
            description = "Processes on this machine that share each batch. Across machines start the same command in"
                    + " every process with MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE and LOCAL_RANK set.")
    private int processes = 1;

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute. Default: one a core.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--device",
            paramLabel = "NAME",
            description = "cpu, cuda or cuda:n; several processes on a machine take a device each. Default: cpu.")
    private String device = "cpu";

    @Override
    public Integer call() throws IOException {
        atLeastOne("--processes", processes);
        atLeastOne("--threads", threads);
        atLeastOne("--workers", workers);
        if (history != null && history < 0) {
            throw usage("--history must not be negative, got " + history);
        }
        if (saveSeconds != null && !(saveSeconds > 0 && saveSeconds <= RunRecord.MAX_SECONDS)) {
            throw usage("--save-seconds must be positive, got " + saveSeconds);
        }
        Optional<Rendezvous> member = Rendezvous.fromEnvironment(System.getenv());
        if (member.isEmpty()) {
            device(0);
            TrainingPlan plan = plan(processes);
            if (processes == 1 || plan.finished()) {
                return train(plan, null);
            }
            requireShares(plan.recipe(), processes);
            return launch();
        }
        GroupOptions.Processor processor =
                device(member.get().localRank()).isCuda() ? GroupOptions.Processor.CUDA : GroupOptions.Processor.CPU;
        try (ProcessGroup group =
                ProcessGroup.join(member.get(), GroupOptions.defaults().on(processor))) {
            try {
                Peers peers = Peers.of(group);
                TrainingPlan plan = TrainingPlan.of(
                        peers.share(group.rank() == 0 ? plan(group.size()).bytes() : new byte[0]));
                return train(plan, group);
            } catch (IOException | RuntimeException e) {
                group.fail(Failure.line(e));
                if (e instanceof DistributedException && group.sawDeath() && ProcessLauncher.isLaunched()) {
                    return ProcessLauncher.TOLD; // the launcher knows what ended the other process
                }
                if (ProcessLauncher.isHeardByLauncher()) {
                    Failure.print(err(), e, verbose); // shown if process 0 cannot say it
                    return ProcessLauncher.TOLD;
                }
                throw e;
            }
        }
    }

    private TrainingPlan plan(int count) throws IOException {
        TrainingPlan plan = run.plan(count);
        RunRecord.Keeping before = Objects.requireNonNullElse(plan.record().keeping(), RunRecord.Keeping.USUAL);
        return plan.with(plan.record()
                .with(new RunRecord.Keeping(
                        Objects.requireNonNullElse(history, before.history()),
                        Objects.requireNonNullElse(saveSeconds, before.saveSeconds()),
                        savePth || before.savePth())));
    }

    private static TrainingRun.Saving saving(TrainingPlan plan) {
        RunRecord.Keeping keeping = Objects.requireNonNullElse(plan.record().keeping(), RunRecord.Keeping.USUAL);
        return new TrainingRun.Saving(
                Duration.ofNanos((long) (keeping.saveSeconds() * NANOS)), keeping.history(), keeping.savePth());
    }

    private TorchDevice device(int localRank) {
        try {
            TorchDevice named = TorchDevice.named(device, localRank);
            named.require();
            return named;
        } catch (IllegalArgumentException e) {
            throw usage("--device: " + e.getMessage());
        }
    }

    private void requireShares(Recipe used, int count) {
        int batch = used.optimizer().batchSize();
        int parts = used.optimizer().gradAccumSteps();
        if (batch % (count * parts) != 0) {
            throw usage("--batch-size " + batch + " does not divide into " + count + " processes with "
                    + "--grad-accum-steps " + parts + " each");
        }
        int share = batch / (count * parts);
        if (count > 1 && share % 2 != 0 && used.augmentation().mixing().mix()) {
            throw usage("--batch-size " + batch + " gives each of " + count + " processes " + share
                    + " pictures at a time: mixup and cutmix pair a process's pictures, so that an even number is"
                    + " required, such as of --batch-size " + (share + 1) * count * parts);
        }
    }

    private int launch() {
        ProcessLauncher launcher = new ProcessLauncher(
                Main.class.getName(),
                spec.commandLine().getParent().getParseResult().originalArgs());
        // the launcher passes on what it is told; this only waits for how it ends
        try (Interruption interruption = new Interruption(() -> {})) {
            int code = launcher.run(processes);
            return code == ProcessLauncher.STOPPED ? Main.INTERRUPTED : code;
        }
    }

    private void atLeastOne(String option, int value) {
        if (value < 1) {
            throw usage(option + " must be at least 1, got " + value);
        }
    }

    private NetworkConfig network(Recipe used, int classes) {
        try {
            return used.network().config(classes);
        } catch (IllegalArgumentException e) {
            throw usage("the recipe's network: " + e.getMessage());
        }
    }

    private int train(TrainingPlan plan, @Nullable ProcessGroup group) throws IOException {
        boolean first = group == null || group.rank() == 0;
        TorchDevice on = device(group == null ? 0 : group.localRank());
        PrintWriter progress = first ? err() : new PrintWriter(Writer.nullWriter());
        Recipe used = plan.recipe();
        if (plan.finished()) {
            if (first) {
                out().printf(
                                "%s is trained to its end, %d epochs; more --epochs would go on%n",
                                run.out(), used.schedule().totalEpochs());
            }
            return 0;
        }
        run.notes().forEach(progress::println);
        requireShares(used, group == null ? 1 : group.size());
        RunReading reading = new RunReading(plan, run.out(), run.force(), run.otherVal());
        RunPictures pictures = reading.pictures(group == null ? Peers.ALONE : Peers.of(group));
        pictures.remarks().forEach(progress::println);
        NetworkConfig network = network(used, pictures.classNames().size());
        if (network.readout().isOfPixels() != (pictures.pixels() != null)) {
            throw usage(
                    pictures.pixels() == null
                            ? Words.a(network.title()) + " learns from labelled pixels: --data needs folders images and"
                                    + " annotations, each with the parts train and val"
                            : "--data " + plan.record().data() + " has labelled pixels, of which "
                                    + Words.a(network.title())
                                    + " learns nothing; the recipe's architecture must be one of a Segmenter");
        }
        if (pictures.training().isEmpty()) {
            throw usage("--holdout " + plan.record().holdout() + " leaves nothing to train on of the "
                    + pictures.validation().size() + " pictures in "
                    + plan.record().data());
        }
        boolean starts = used.schedule().totalEpochs() == 0;
        if (!starts && pictures.training().size() < used.optimizer().batchSize()) {
            throw usage(String.format(
                    "%s has %d pictures to train on, which do not fill one batch of %d; lower --batch-size",
                    plan.record().data(),
                    pictures.training().size(),
                    used.optimizer().batchSize()));
        }
        if (!starts && used.augmentation().augRepeats() > pictures.training().size()) {
            throw usage("--aug-repeats " + used.augmentation().augRepeats() + " shows a picture more often than the "
                    + pictures.training().size() + " pictures of an epoch; lower it");
        }
        ModelConfig config = ModelConfig.of(network)
                .withPreprocessing(used.preprocessing().preprocessing(network.imageSize()))
                .withLabels(pictures.classNames())
                .withTraining(provenance(plan.record(), used));
        if (first && !starts && !plan.goesOn() && pictures.pixels() == null) {
            TrainingPictures.requireFit(used, pictures.training(), config.preprocessing());
        }
        progress.printf(
                "%s, %,d parameters; %,d pictures of %d classes; %s%n",
                network.shorthand(),
                network.parameterCount(),
                pictures.training().size(),
                network.numClasses(),
                used.precision(on) + (on.isCuda() ? " on " + on : ""));
        TrainingSession session = new TrainingSession(
                used,
                config,
                pictures,
                new TrainingSession.Settings(on, threads, workers, saving(plan)),
                group,
                progress,
                new SkipNotes(
                        progress,
                        pictures,
                        used.execution().maxUnreadable(),
                        reading.unreadable(),
                        reading.passedOver()));
        boolean done;
        try (Teaching teaching = Teaching.of(
                        plan.record().teacher(), used, pictures.classNames(), config.preprocessing(), on, progress);
                NestedNetwork host = firstModel(network, pictures.classNames(), plan, first);
                NestedNetwork model = host.on(on)) {
            RunRecord record =
                    teaching == null ? plan.record() : plan.record().with(teaching.judged(pictures, used, group));
            Teacher teacher = teaching == null ? null : teaching.teacher();
            if (first) {
                try (RunFolder opened = RunFolder.open(run.out(), run.locks())) {
                    done = session.run(
                            model, teacher, new OpenRun(opened, used, record, pictures.inventory(), plan.goesOn()));
                }
            } else {
                done = session.run(model, teacher, null);
            }
        }
        if (first) {
            out().println(
                            done
                                    ? (starts
                                            ? "wrote the starting model to "
                                                    + run.out().resolve("last")
                                            : "trained " + run.out().resolve("best"))
                                    : "stopped; 'train --resume --out " + run.out() + "' goes on from here");
        }
        return done ? 0 : Main.INTERRUPTED;
    }

    private NestedNetwork firstModel(NetworkConfig network, List<String> classNames, TrainingPlan plan, boolean first) {
        String init = plan.record().init();
        boolean begins = first && !plan.goesOn(); // others get their weights later
        if (init == null || !begins) {
            return FirstWeights.drawn(plan.recipe(), network);
        }
        long seed = plan.recipe().execution().seed();
        FirstWeights start = run.takesRecycling()
                ? FirstWeights.readWithRecycling(Path.of(init), network, classNames, seed)
                : FirstWeights.read(Path.of(init), network, classNames, seed);
        start.lines().forEach(line -> err().println(HubModels.named(line)));
        return NestedNetwork.of(network, start.weights());
    }

    private static JsonText provenance(RunRecord record, Recipe recipe) {
        ObjectNode training = JsonNodeFactory.instance.objectNode();
        training.put("command", record.command());
        training.put("seed", recipe.execution().seed());
        if (record.teacher() != null) {
            ObjectNode teacher = training.putObject("teacher");
            teacher.put("name", String.valueOf(Path.of(record.teacher().path()).getFileName()));
            teacher.put("fingerprint", record.teacher().fingerprint());
        }
        training.put("version", record.version());
        training.put("java", Runtime.version().toString());
        return new JsonText(training.toString());
    }
}
