package dev.thinkingvit.app.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Finds the model that a command works with. */
final class Models {
    /** The model that comes with the program, below its home. */
    private static final Path SHIPPED = Path.of("models", "cifar10-3h-6h");

    private Models() {}

    /**
     * The directory that was asked for, or the shipped model's: below the folder that the system property
     * {@code thinkingvit.home} names (the launcher sets it), else below the working directory.
     */
    static Path directory(@Nullable Path asked) {
        return asked != null
                ? asked
                : Path.of(System.getProperty("thinkingvit.home", "")).resolve(SHIPPED);
    }
}
