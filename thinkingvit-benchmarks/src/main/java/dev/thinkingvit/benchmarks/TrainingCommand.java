package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures training. */
@Command(
        name = "training",
        sortOptions = false,
        description = {
            "Measure how fast this machine trains, against a straightforward port of the published code and against the"
                    + " rate of large matrix products.",
            "Everything is measured in one process and in turns. On an otherwise idle machine it takes a few minutes."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit bench training --data cifar10/train --json training.json",
            "  thinkingvit bench training --models 224 --precision bf16 --seconds 30"
        })
final class TrainingCommand extends BenchmarkCommand {
    private static final double SECONDS = 20;
    private static final int IMAGENET_CLASSES = 1000;
    private static final int CIFAR_CLASSES = 10;
    private static final int BATCH_224 = 32;
    private static final int BASELINE_BATCH = 16;

    @Option(
            names = "--models",
            paramLabel = "NAME",
            split = ",",
            description =
                    "224 (3H → 6H, 12 blocks, 1000 classes), cifar (recipes/cifar10-3h-6h.yaml), avit-tiny (A-ViT-Tiny"
                            + " whose tokens halt after 3 to 9 of 12 blocks, without a prior; masked, and removed), or a"
                            + " recipe, by name or file. Default: ${DEFAULT-VALUE}.")
    private List<String> models = List.of("224", "cifar");

    @Option(
            names = "--precision",
            paramLabel = "TYPE",
            split = ",",
            description = "bf16, fp32. The baseline is fp32 and runs with it. Default: both.")
    private Set<Precision> precisions = EnumSet.of(Precision.FP32, Precision.BF16);

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Pictures, one folder a class, to train the cifar model on from files with all augmentation.")
    private @Nullable Path data;

    TrainingCommand() {
        super(SECONDS);
    }

    @Override
    public Integer call() throws IOException {
        requireOutputs();
        Turns plan;
        List<String> skipped = new ArrayList<>();
        List<TrainingBenchmark.Subject> subjects = new ArrayList<>();
        try {
            plan = turns();
            if (precisions.contains(Precision.INT8)) {
                throw new IllegalArgumentException(
                        "--precision: trainings compute in fp32 and bf16, int8 was asked for");
            }
            for (String name : models) {
                subjects.add(
                        switch (name) {
                            case "224" -> imagenet(name, "imagenet-deit-3h-6h");
                            case "cifar" -> cifar(skipped);
                            case "avit-tiny" -> halting(name);
                            default -> imagenet(name, name);
                        });
            }
        } catch (IllegalArgumentException e) {
            throw usage(e);
        }
        TrainingReport report = new TrainingBenchmark(subjects, precisions, plan, skipped).run(this::progress);
        report.print(out());
        out().flush();
        writeJson(report);
        return 0;
    }

    /** As many images an update as memory bears at 224. */
    private static TrainingBenchmark.Subject imagenet(String name, String recipeName) {
        Recipe recipe = Subjects.recipe(recipeName);
        recipe = recipe.with(
                        "batch_size", Math.min(BATCH_224, recipe.optimizer().batchSize()))
                .with("grad_accum_steps", 1);
        return new TrainingBenchmark.Subject(name, recipe, IMAGENET_CLASSES, BASELINE_BATCH, null);
    }

    /** At a rate at which it stays as it was drawn, and so keeps halting. */
    private static TrainingBenchmark.Subject halting(String name) {
        Map<String, Object> changes = new LinkedHashMap<>();
        changes.put("model_kwargs", DrawnHalting.NETWORK.architecture().write(DrawnHalting.NETWORK));
        changes.put("distr_prior_alpha", 0);
        changes.put("lr", 1e-12);
        changes.put("min_lr", 0);
        changes.put("warmup_lr", 0);
        changes.put("batch_size", BATCH_224);
        return new TrainingBenchmark.Subject(
                name,
                RecipeFile.with(Subjects.recipe("imagenet-avit-tiny"), changes),
                IMAGENET_CLASSES,
                BASELINE_BATCH,
                null);
    }

    private TrainingBenchmark.Subject cifar(List<String> skipped) throws IOException {
        Recipe recipe = Subjects.recipe("cifar10-3h-6h");
        ImageFolder pictures = null;
        if (data == null) {
            skipped.add("training from files: no pictures were given (--data)");
        } else {
            pictures = ImageFolder.open(data);
        }
        return new TrainingBenchmark.Subject("cifar", recipe, CIFAR_CLASSES, BASELINE_BATCH, pictures);
    }
}
