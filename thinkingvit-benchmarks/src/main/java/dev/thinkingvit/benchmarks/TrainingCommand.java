package dev.thinkingvit.benchmarks;

import dev.thinkingvit.checkpoint.AtomicFiles;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

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
final class TrainingCommand implements Callable<Integer> {
    private static final Path RECIPES =
            Path.of(System.getProperty("thinkingvit.home", ".")).resolve("recipes");
    private static final int IMAGENET_CLASSES = 1000;
    private static final int CIFAR_CLASSES = 10;
    private static final int BATCH_224 = 32;
    private static final int BASELINE_BATCH = 16;

    private enum Model {
        CIFAR,
        IMAGENET;

        static Model named(String name) {
            return switch (name) {
                case "cifar" -> CIFAR;
                case "224" -> IMAGENET;
                default -> throw new IllegalArgumentException("no model '" + name + "'; there are 224 and cifar");
            };
        }
    }

    @Option(
            names = "--models",
            paramLabel = "NAME",
            split = ",",
            description = "224 (3H → 6H, 12 blocks, 1000 classes) and cifar (recipes/cifar10-3h-6h.yaml)."
                    + " Default: ${DEFAULT-VALUE}.")
    private List<String> models = List.of("224", "cifar");

    @Option(
            names = "--precision",
            paramLabel = "TYPE",
            split = ",",
            description = "bf16, fp32. The baseline is fp32 and runs with it. Default: both.")
    private Set<Precision> precisions = EnumSet.allOf(Precision.class);

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Pictures, one folder a class, to train the cifar model on from files with all augmentation.")
    private @Nullable Path data;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "Timed at least for each row of the table, in all turns together. Default: ${DEFAULT-VALUE}.")
    private double seconds = 20;

    @Option(names = "--turns", paramLabel = "N", description = "Turns of each row. Default: ${DEFAULT-VALUE}.")
    private int turns = 5;

    @Option(names = "--json", paramLabel = "FILE", description = "Also write what was measured to FILE.")
    private @Nullable Path json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    @SuppressWarnings("unused") // picocli acts on it
    private boolean help;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Turns plan;
        List<String> skipped = new ArrayList<>();
        List<TrainingBenchmark.Subject> subjects = new ArrayList<>();
        try {
            plan = new Turns(turns, seconds);
            for (String name : models) {
                subjects.add(
                        switch (Model.named(name)) {
                            case IMAGENET -> imagenet();
                            case CIFAR -> cifar(skipped);
                        });
            }
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
        TrainingReport report = new TrainingBenchmark(subjects, precisions, plan, skipped).run((turn, contender) -> {
            spec.commandLine().getErr().printf("turn %d/%d: %s%n", turn + 1, turns, contender.name());
        });
        report.print(spec.commandLine().getOut());
        spec.commandLine().getOut().flush();
        if (json != null) {
            AtomicFiles.writeString(
                    json,
                    JsonMapper.builder()
                                    .enable(SerializationFeature.INDENT_OUTPUT)
                                    .build()
                                    .writeValueAsString(report)
                            + "\n");
        }
        return 0;
    }

    private static TrainingBenchmark.Subject imagenet() {
        Recipe recipe =
                RecipeFile.read(RECIPES.resolve("imagenet-deit-3h-6h.yaml")).with("batch_size", BATCH_224);
        return new TrainingBenchmark.Subject("224", recipe, IMAGENET_CLASSES, BASELINE_BATCH, null);
    }

    private TrainingBenchmark.Subject cifar(List<String> skipped) throws IOException {
        Recipe recipe = RecipeFile.read(RECIPES.resolve("cifar10-3h-6h.yaml"));
        ImageFolder pictures = null;
        if (data == null) {
            skipped.add("training from files: no pictures were given (--data)");
        } else {
            pictures = ImageFolder.open(data);
        }
        return new TrainingBenchmark.Subject("cifar", recipe, CIFAR_CLASSES, BASELINE_BATCH, pictures);
    }
}
