package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** The models that are measured. */
final class Subjects {
    private static final Path HOME = Path.of(System.getProperty("thinkingvit.home", "."));
    /** The one that sees photographs. */
    static final String LARGE = "224";

    private static final int IMAGENET_CLASSES = 1000;

    private Subjects() {}

    /**
     * A known one, a model's folder, or what a recipe trains.
     *
     * @throws IllegalArgumentException if there is none of this name
     */
    static InferenceBenchmark.Subject named(String name) {
        return switch (name) {
            case LARGE -> drawn(LARGE, recipe("imagenet-deit-3h-6h"));
            case "cifar" -> shipped("cifar10-3h-6h");
            case "deit-tiny" -> halting(name, DrawnHalting.NETWORK.vit());
            case "avit-tiny" -> halting(name, DrawnHalting.NETWORK);
            default -> {
                String shown = String.valueOf(Path.of(name).getFileName());
                yield Files.isDirectory(Path.of(name)) ? of(shown, Path.of(name)) : drawn(shown, recipe(name));
            }
        };
    }

    /**
     * A recipe: a file, or the name of one in {@code recipes/}.
     *
     * @throws IllegalArgumentException if there is none of this name
     */
    static Recipe recipe(String name) {
        Path shipped = HOME.resolve("recipes").resolve(name + ".yaml");
        Path file = Files.isRegularFile(shipped) ? shipped : Path.of(name);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(
                    "no model '" + name + "'; there are 224 and cifar, model folders, and recipes, by name or file");
        }
        return RecipeFile.read(file);
    }

    /** ImageNet's classes; what it costs does not depend on what its weights are. */
    private static InferenceBenchmark.Subject drawn(String name, Recipe recipe) {
        NetworkConfig network = recipe.network().config(IMAGENET_CLASSES);
        return new InferenceBenchmark.Subject(
                title(name, network),
                ModelConfig.of(network),
                network.parameters().draw(1));
    }

    private static InferenceBenchmark.Subject halting(String name, NetworkConfig network) {
        return new InferenceBenchmark.Subject(name, ModelConfig.of(network), DrawnHalting.weights());
    }

    private static InferenceBenchmark.Subject shipped(String name) {
        return of("cifar", HOME.resolve("models").resolve(name));
    }

    private static InferenceBenchmark.Subject of(String name, Path folder) {
        ModelDirectory.Model model = ModelDirectory.read(folder);
        return new InferenceBenchmark.Subject(title(name, model.config().network()), model.config(), model.weights());
    }

    /** What is named pixel by pixel goes through the network in windows, each an image of the network's size. */
    private static String title(String name, NetworkConfig network) {
        return network.readout().isOfPixels() ? name + ", windows" : name;
    }
}
