package dev.thinkingvit.app.cli;

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

    /** The project's folder, which the launcher knows. */
    static Path home() {
        return Path.of(System.getProperty("thinkingvit.home", ""));
    }
}
