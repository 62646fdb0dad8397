package dev.thinkingvit.app.cli;

import dev.thinkingvit.store.HubModel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where models are. */
final class Models {
    private static final String SHIPPED = "models/cifar10-3h-6h";

    private Models() {}

    /** The model asked for; the shipped one where none was. */
    static Path directory(@Nullable Path asked) {
        return asked != null ? asked : home().resolve(SHIPPED);
    }

    /** What a model is called: its file's or folder's name, or its repository's. */
    static String name(Path model) {
        return HubModel.inCache(model)
                .map(HubModel::repository)
                .orElseGet(
                        () -> String.valueOf(model.toAbsolutePath().normalize().getFileName()));
    }

    /** How a model was given: its file or folder, or its name on a hub. */
    static String given(Path model) {
        return HubModels.asked(model).map(HubModel::toString).orElseGet(model::toString);
    }

    /** The project's folder, which the launcher knows. */
    static Path home() {
        return Path.of(System.getProperty("thinkingvit.home", ""));
    }
}
