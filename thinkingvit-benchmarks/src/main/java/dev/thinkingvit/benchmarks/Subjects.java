package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.train.RecipeFile;
import java.nio.file.Path;

/** The models that inference is measured with. */
final class Subjects {
    private static final Path HOME = Path.of(System.getProperty("thinkingvit.home", "."));
    /** The one that sees photographs. */
    static final String LARGE = "224";

    private static final int IMAGENET_CLASSES = 1000;

    private Subjects() {}

    /** @throws IllegalArgumentException if there is none of this name */
    static InferenceBenchmark.Subject named(String name) {
        return switch (name) {
            case LARGE -> imagenet();
            case "cifar" -> shipped("cifar10-3h-6h");
            default -> throw new IllegalArgumentException("no model '" + name + "'; there are 224 and cifar");
        };
    }

    /** 3H → 6H of the published shape; what it costs does not depend on what its weights are. */
    private static InferenceBenchmark.Subject imagenet() {
        ThinkingViTConfig network =
                ThinkingViTConfig.of(RecipeFile.read(HOME.resolve("recipes/imagenet-deit-3h-6h.yaml"))
                        .network()
                        .config(IMAGENET_CLASSES));
        try (NestedNetwork model = NestedNetwork.initialise(network, 1)) {
            return new InferenceBenchmark.Subject(LARGE, ModelConfig.of(network), model.stateDict());
        }
    }

    private static InferenceBenchmark.Subject shipped(String name) {
        ModelDirectory.Model model = ModelDirectory.read(HOME.resolve("models").resolve(name));
        return new InferenceBenchmark.Subject("cifar", model.config(), model.weights());
    }
}
